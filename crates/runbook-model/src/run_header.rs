//! What a run is: the first thing that its journal says.

use crate::{RunId, StepId};
use serde::{Deserialize, Serialize};

/// What a run is, before it has done anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunHeader {
    /// The run.
    pub run: RunId,
    /// The plan's name.
    pub plan: String,
    /// The plan's summary, rendered.
    pub summary: String,
    /// The plan's digest.
    pub digest: String,
    /// The environment, if one was chosen.
    pub environment: Option<String>,
    /// The steps in the order of the file.
    pub steps: Vec<StepId>,
    /// The host's name.
    pub host: String,
    /// Who started it.
    pub user: String,
    /// The version of `runbook`.
    pub version: String,
    /// The form of the records, [`RunHeader::FORMAT`]; 0 where undo data and outputs say by keys what types say now.
    #[serde(default)]
    pub format: u32,
    /// Milliseconds for which it holds once all is done; without a commit by then it goes back. `None` where
    /// it is over then, as in every run of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_ms: Option<u64>,
}

impl RunHeader {
    /// The form in which records are written.
    pub const FORMAT: u32 = 1;
}
