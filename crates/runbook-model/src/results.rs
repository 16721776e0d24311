//! What a step hands on when it ends: outputs for later steps, and what the run itself goes by.

use crate::{Installation, Outputs, ServiceState};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;

/// What a step hands on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// What later steps may use.
    #[serde(default, skip_serializing_if = "Outputs::is_empty")]
    pub outputs: Outputs,
    /// The service that the step moved, as it was confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceState>,
    /// The backup that the step made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<Box<BackupMade>>,
    /// The installation that the step found behind a service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installation: Option<Box<Installation>>,
    /// The archive that the step packed for other hosts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Box<ArtifactMade>>,
}

/// An archive that is complete and durable, for other hosts to take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactMade {
    /// Where it is on this host.
    pub path: PathBuf,
    /// BLAKE3 of the archive, in hex.
    pub digest: String,
}

/// A backup that is complete and durable, with its paths by what a rollback does with them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupMade {
    /// The directory with its archive and manifest.
    pub dir: PathBuf,
    /// Put back by every rollback.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub always: Vec<PathBuf>,
    /// Put back by a rollback that loses a green signal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub if_needed: Vec<PathBuf>,
    /// Left to a person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub never: Vec<PathBuf>,
}

/// Outputs by their names.
pub fn outputs<const N: usize>(values: [(&str, Value); N]) -> Outputs {
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

impl<const N: usize> From<[(&str, Value); N]> for Results {
    fn from(values: [(&str, Value); N]) -> Self {
        outputs(values).into()
    }
}

impl From<Outputs> for Results {
    fn from(outputs: Outputs) -> Self {
        Self { outputs, ..Self::default() }
    }
}
