//! How a step is taken back: what is durable before it acts.

use crate::{ServiceState, StepId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;

/// What the intent of a step keeps for its undo.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoRecord {
    /// The kind's own data.
    #[serde(rename = "undo")]
    pub data: Value,
    /// The service that the step moves, as it was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceState>,
    /// Where paths come back from that backups of the run hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restore_points: Vec<RestorePoint>,
    /// Whether the step keeps files in its own directory.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub files: bool,
    /// Whether the step captured paths there, as a backup of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub captured: bool,
    /// Paths that were not there before the step, of which it declares that or something below: the outermost ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<PathBuf>,
}

/// Where a path comes back from: chosen before the step changes it, and used for its undo whatever came later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestorePoint {
    /// The path as the step names it.
    pub path: PathBuf,
    /// The same as the backup names it.
    pub name: PathBuf,
    /// The step that made the backup.
    pub step: StepId,
    /// The backup's directory.
    pub dir: PathBuf,
}

impl UndoRecord {
    /// The data of a kind that needs nothing else.
    pub fn of(data: Value) -> Self {
        Self { data, ..Self::default() }
    }
}

/// Which part of taking a step back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UndoPhase {
    /// Bring down what it brought up, so that what lies below can be put back.
    Halt,
    /// Put back what it changed; for a service step, bring the service to the state that it had.
    Undo,
    /// Put back state that only the service writes, because the verification after the rollback stayed red or
    /// the plan says `restore: always`.
    Insurance,
}
