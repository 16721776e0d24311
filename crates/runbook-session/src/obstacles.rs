//! What stands in the way of a run, told before anything is changed.

use runbook_engine::Obstacle;
use runbook_model::{RunId, StepId};
use std::fmt;

/// What cannot succeed on this host as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct InTheWay {
    /// What was tried.
    pub attempt: Attempt,
    /// What it cannot succeed with; at least one.
    pub certain: Vec<Obstacle>,
    /// What may stand in its way as well.
    pub doubtful: Vec<Obstacle>,
}

/// What obstacles are in the way of.
#[derive(Clone, Debug, PartialEq)]
pub enum Attempt {
    /// A new run, of which nothing is done.
    Apply,
    /// Going forward with a run, whose changes stand.
    GoOn {
        /// The run.
        run: RunId,
        /// Whether everything is there that taking it back relies on.
        can_go_back: bool,
        /// The steps that changed the host.
        touched: Vec<StepId>,
    },
    /// Taking back a run that ended well.
    Undo {
        /// The run.
        run: RunId,
    },
}

impl fmt::Display for InTheWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.attempt {
            Attempt::Apply => {}
            Attempt::GoOn { run, .. } => write!(f, "run {run} does not go on, and nothing was touched: ")?,
            Attempt::Undo { run } => write!(f, "run {run} cannot be taken back, and nothing was touched: ")?,
        }
        f.write_str(&told(&self.certain))
    }
}

/// What no run can succeed with, and what is doubtful.
pub(crate) fn sorted(obstacles: Vec<Obstacle>) -> (Vec<Obstacle>, Vec<Obstacle>) {
    obstacles.into_iter().partition(|one| one.certain)
}

/// One after another, each with its details: each may need somebody else to mend it.
pub(crate) fn told(obstacles: &[Obstacle]) -> String {
    let message = |one: &Obstacle| {
        let detail = one.failure.detail.lines().map(|line| format!("\n    {line}"));
        format!("{}{}", one.failure.message, detail.collect::<String>())
    };
    obstacles.iter().map(message).collect::<Vec<_>>().join("\n  and ")
}
