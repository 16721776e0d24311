//! What a run is given besides its plan, and what it leaves.

use crate::Control;
use runbook_journal::StateDir;
use runbook_model::RunState;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

/// What a run needs besides its plan.
pub struct Settings {
    /// Where the journal is.
    pub state_dir: StateDir,
    /// The `runbook` binary.
    pub own_program: PathBuf,
    /// The version of `runbook`.
    pub version: String,
    /// Who runs it.
    pub user: String,
    /// How long an answer is waited for where the evidence does not tell; no answer takes it back. `None` where nobody is
    /// there to be asked.
    pub patience: Option<Duration>,
    /// How long a secret is waited for that is handed in; without it by then the run stops, or goes back.
    pub handed_in_within: Duration,
    /// How long a run that begins holds once all is done; without a commit by then it goes back.
    pub hold: Option<Duration>,
    /// What steers the run. It goes on by itself when all senders are gone.
    pub controls: UnboundedReceiver<Control>,
}

/// How a run was left.
#[derive(Clone, Debug)]
pub struct Ending {
    /// Everything that is known of it. Without a verdict it is open: drained, or left.
    pub state: RunState,
    /// It was left at once.
    pub left: bool,
}
