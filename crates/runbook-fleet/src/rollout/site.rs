//! What a controller asks of one host, and what can come in between.

use runbook_engine::Control;
use runbook_model::{Record, RunId, StepId};
use runbook_rollout::{Artifact, Judged, Target, TargetVerdict};
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedReceiver;

/// One host. It is used on the thread of that host alone, one question after the other; each may be asked again.
pub trait Site: Send {
    /// Reaches the host and its agent. Gives what artifacts have to fit there.
    fn reach(&mut self) -> Result<String, Trouble>;

    /// Judges the plan of `target` for the host, and whether it has anything to do. Without its artifacts that may be open.
    fn judge(&mut self, target: &Target, with_artifacts: bool) -> Result<Judged, Trouble>;

    /// Keeps the host for the rollout, for [`RESERVED`](runbook_rollout::RESERVED) from now on.
    fn reserve(&mut self) -> Result<(), Trouble>;

    /// Lets go of the host.
    fn release(&mut self) -> Result<(), Trouble>;

    /// Brings what `run` packed as `artifact` here, and gives the digest of what came.
    fn fetch(&mut self, run: &RunId, artifact: &StepId) -> Result<String, Trouble>;

    /// Brings the content `digest` there, for `artifact` of `target`.
    fn give(&mut self, target: &Target, artifact: &StepId, digest: &str) -> Result<(), Trouble>;

    /// Follows `run` of `target` to its end. One that is not there is begun if `begins`; else it can never begin after this.
    fn follow(&mut self, target: &Target, run: &RunId, begins: bool, steered: Steered) -> Result<RunEnd, Trouble>;

    /// Takes back `run`, which is over. Gives whether the host is as it was.
    fn roll_back(&mut self, target: &Target, run: &RunId, steered: Steered) -> Result<bool, Trouble>;
}

/// What steers a run that is followed, and who hears of it.
pub struct Steered {
    /// What it is told.
    pub told: UnboundedReceiver<Control>,
    /// Hears what happens in it.
    pub says: Says,
}

/// Hears what happens in a run.
pub type Says = Arc<dyn Fn(Said) + Send + Sync>;

/// What happens in a run.
#[derive(Clone, Debug)]
pub enum Said {
    /// It is on record on its host.
    Begun,
    /// It waits for a commit.
    Held,
    /// A record.
    Record(Box<Record>),
    /// What a step is doing.
    Progress {
        /// The step.
        step: StepId,
        /// In words.
        note: String,
    },
}

/// How a run ended that was followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// It is over.
    Over {
        /// How.
        verdict: TargetVerdict,
        /// What it packed and proved.
        gives: Vec<(StepId, Artifact)>,
    },
    /// The host knows no such run.
    NotThere,
}

/// Why a host does not do what it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It cannot be reached just now.
    Away(String),
    /// Somebody else keeps it: who, since when.
    Kept(String),
    /// It has heard of a controller that came later.
    Superseded(String),
    /// It refuses.
    Refused(String),
}
