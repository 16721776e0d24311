//! A host in a stage, how it ends, and the id of its run.

use runbook_model::{HostName, StepId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a rollout counts: one host in one stage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Target {
    /// The stage.
    pub stage: StepId,
    /// The host.
    pub host: HostName,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of stage {}", self.host, self.stage)
    }
}

/// How a target ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetVerdict {
    /// It is changed, proven and committed.
    Ok,
    /// It was as its plan wants it.
    NothingToDo,
    /// The rollout stopped before it began.
    LeftAlone,
    /// It was committed, and taken back with the rollout.
    TakenBack,
    /// It was committed and is to be taken back, which did not come to its end; owed.
    BackOwed,
    /// It failed.
    Failed(How),
    /// It could not be reached before its begin; nothing is owed.
    Unreachable,
    /// Nothing was heard of it until its deadline; its outcome is owed.
    Lost,
    /// Something could not be taken back.
    Stuck,
}

impl TargetVerdict {
    /// Whether it counts against a budget.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failed(_) | Self::Unreachable | Self::Lost | Self::Stuck)
    }

    /// Whether a host can tell it of a run.
    pub(crate) fn is_of_a_run(self) -> bool {
        !matches!(self, Self::Unreachable | Self::Lost | Self::TakenBack | Self::BackOwed)
    }

    /// Whether its run is over and left changes there that can be taken back.
    pub(crate) fn is_changed(self) -> bool {
        matches!(self, Self::Ok | Self::Failed(How::Stopped | How::Accepted))
    }

    /// Whether the host is as its plan wants it.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Ok | Self::NothingToDo)
    }
}

/// How a target failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Its own run took it back.
    RolledBack,
    /// Nothing was changed.
    Refused,
    /// It stopped where it was.
    Stopped,
    /// It is as it is because a person said so, without proof.
    Accepted,
    /// Its host does not know the run any more that was at work there: nobody knows what it changed.
    Forgotten,
}
