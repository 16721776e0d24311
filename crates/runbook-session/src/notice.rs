//! What is told of what was looked after beside a run.

use runbook_engine::Obstacle;
use runbook_model::Failure;
use serde::{Deserialize, Serialize};

/// What a recovery tells beside the records of its run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Notice {
    /// A service that `runbook` had kept down may stay so.
    StaysHeld(Failure),
    /// May stand in the way of going forward.
    Doubtful(Obstacle),
    /// A service is up again; one sentence.
    Up(String),
    /// A service that was up before the crash is down.
    Down(Failure),
}
