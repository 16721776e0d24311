//! An artifact that an earlier attempt proved.

use crate::{Artifact, Target};
use runbook_model::{RunId, StepId};
use serde::{Deserialize, Serialize};

/// An artifact that an earlier attempt proved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proven {
    /// Its name.
    pub artifact: StepId,
    /// Whose run proved it.
    pub from: Target,
    /// That run.
    pub run: RunId,
    /// What it packed.
    pub what: Artifact,
}
