//! What a host offers: a run that may begin there, and what it was decided on. The same data here and afar.

use crate::command_error::CommandError;
use runbook_engine::{Foretold, Obstacle, Program};
use runbook_model::{RunId, StepId, Verdict};
use serde::{Deserialize, Serialize};

/// What a plan would do on a host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Previewed {
    /// Step by step.
    pub foretold: Foretold,
    /// What it cannot succeed with.
    pub certain: Vec<Obstacle>,
    /// What may stand in its way.
    pub doubtful: Vec<Obstacle>,
    /// What would keep it from beginning now, and may not do so later.
    pub held: Vec<CommandError>,
}

/// What came of a plan that is to be applied; `H` holds the host for the run.
pub enum ApplyOffer<H> {
    /// The host is as the plan wants it.
    Nothing(Box<Program>, Foretold),
    /// There is something to do.
    Apply(ToApply, H),
}

/// What came of a run that is to be taken back; `H` holds the host for that.
pub enum RollbackOffer<H> {
    /// No run of this host has anything to take back.
    Nothing,
    /// The run has nothing to take back.
    LeftNothing {
        /// The run.
        run: RunId,
        /// Whether the journal lost something, so that nobody knows.
        lost: bool,
    },
    /// There is something.
    RollBack(ToRollBack, H),
}

/// What a run of a plan would do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ToApply {
    /// The id that the run will have.
    pub run: RunId,
    /// Step by step.
    pub foretold: Foretold,
    /// What may stand in its way.
    pub doubtful: Vec<Obstacle>,
}

/// An open run that may go on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ResumeOffer {
    /// The run.
    pub run: RunId,
    /// Which way it was going.
    pub direction: Direction,
    /// What may stand in its way.
    pub doubtful: Vec<Obstacle>,
}

/// A run that can be taken back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ToRollBack {
    /// The run.
    pub run: RunId,
    /// Its plan.
    pub plan: String,
    /// The steps that changed the host.
    pub touched: Vec<StepId>,
    /// How it ended.
    pub verdict: Option<Verdict>,
    /// Whether the journal lost its end.
    pub over_a_loss: bool,
    /// What may stop it on the way.
    pub doubtful: Vec<Obstacle>,
}

/// Which way a run was going.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// As the plan goes.
    Forward,
    /// Taking back what was done.
    Back,
    /// Neither: all is done, and it waits for a commit.
    Holding,
}
