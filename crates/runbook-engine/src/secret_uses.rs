//! Which secrets of a plan are handed in while its run waits, and which steps use them.

use runbook_model::StepId;
use std::time::Duration;

/// The secrets of a plan that are handed in.
#[derive(Clone, Debug, Default)]
pub struct HandedIn {
    /// How long each is waited for.
    pub within: Duration,
    /// Who uses them.
    pub uses: Vec<SecretUse>,
}

/// The secrets of one step that are handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretUse {
    /// The step.
    pub step: StepId,
    /// Those that it uses going forward, by name.
    pub forward: Vec<String>,
    /// Those that its undo uses.
    pub back: Vec<String>,
}
