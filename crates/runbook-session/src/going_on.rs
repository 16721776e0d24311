//! A run to its end: what it is given, and what came of it.

use crate::command_error::CommandError;
use crate::error::Error;
use crate::known::Ready;
use crate::notice::Notice;
use crate::session::Session;
use runbook_engine::{Control, Ending, Observer, Runner, Settings};
use runbook_journal::Lock;
use runbook_model::{RollbackCause, RunId, RunState};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

/// How long a secret is waited for that is handed in. Somebody watches the run, so ten minutes are for a link that
/// has to come back, and are not too long for a host that waits half-way back.
const HANDED_IN_WITHIN: Duration = Duration::from_secs(600);

/// What comes in while a run goes on.
pub struct Controls {
    /// How long an answer is waited for where the evidence does not tell; `None` where nobody is there to be asked.
    pub patience: Option<Duration>,
    /// What the run is told.
    pub told: UnboundedReceiver<Control>,
}

/// What came of a run that this session held.
pub struct Ended {
    /// The run.
    pub run: RunId,
    /// Everything that is known of it. Without a verdict it is open.
    pub state: RunState,
    /// Whether a rollback was asked for, which then is what was wanted.
    pub asked_back: bool,
    /// How many runs past their retention were removed after it, with all that was kept for them; nobody looked where it is
    /// `None`. That they could not be is no failure of the run.
    pub pruned: Option<Result<usize, CommandError>>,
    /// What is wrong with the host however the run ended: a service that does not come up, a journal that lost something.
    pub remains: Option<CommandError>,
    /// What a recovery tells after the run.
    pub notices: Vec<Notice>,
}

impl Ended {
    pub(crate) fn new(run: RunId, ending: Ending, asked_back: bool) -> Self {
        Self { run, state: ending.state, asked_back, pruned: None, remains: None, notices: Vec::new() }
    }
}

impl Session {
    pub(crate) fn settings(&self, controls: Controls) -> Result<Settings, Error> {
        Ok(Settings {
            state_dir: self.state_dir().clone(),
            own_program: (self.host.own_program)()?,
            version: self.host.version.clone(),
            user: self.host.facts.user.clone(),
            patience: controls.patience,
            handed_in_within: HANDED_IN_WITHIN,
            hold: None,
            controls: controls.told,
        })
    }

    /// Goes on with a run, forward, or back for a cause. `watch` is given what is known of it so far.
    pub(crate) fn go_on(
        &self,
        lock: Lock,
        ready: Ready,
        back: Option<RollbackCause>,
        watch: impl FnOnce(RunState) -> Box<dyn Observer>,
        controls: Controls,
    ) -> Result<Ended, Error> {
        let Ready { run, program, records } = ready;
        let _claim = self.claim(&program, format!("going on with run {run}"))?;
        let observer = watch(RunState::replay(&records)?);
        let asked_back = back == Some(RollbackCause::Requested);
        let settings = self.settings(controls)?;
        let runner = Runner::reopen(settings, lock, program, &records, run.clone(), back, observer)?;
        Ok(Ended::new(run, runner.go()?, asked_back))
    }
}
