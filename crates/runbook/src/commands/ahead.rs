//! What is asked of the host before a run goes on, forward or back.

use crate::error::CommandError;
use crate::known::Ready;
use crate::obstacles;
use crate::screen::Screen;
use runbook_engine::Obstacle;
use runbook_journal::StateDir;
use runbook_model::{Next, RollbackCause, RunPhase, RunState, Verdict};

/// A run that is about to go on.
pub(super) struct Ahead<'a> {
    pub(super) screen: &'a Screen,
    pub(super) dir: &'a StateDir,
    pub(super) ready: &'a Ready,
    pub(super) state: &'a RunState,
}

impl Ahead<'_> {
    /// Refuses to go forward where that cannot end well. What was done stands, and there is the way back.
    pub(super) fn refuse_forward(&self) -> Result<(), CommandError> {
        let certain = self.in_the_way();
        if certain.is_empty() {
            return Ok(());
        }
        let run = &self.ready.run;
        obstacles::refuse(&certain, &self.what_is_left_to_do()).map_err(|error| CommandError {
            message: format!("run {run} does not go on, and nothing was touched: {}", error.message),
            ..error
        })
    }

    /// Why a run that was to go forward where nobody is there goes back, although nothing of it has failed.
    pub(super) fn why_not_forward(&self) -> Option<RollbackCause> {
        if self.state.phase != RunPhase::Forward {
            return None;
        }
        let certain = self.in_the_way();
        (!certain.is_empty()).then(|| RollbackCause::CannotGoOn { because: obstacles::told(&certain) })
    }

    /// Refuses to begin a way back that is known to end half-way, as long as nothing is broken. A run that is open, stopped
    /// or stuck goes back as far as it can: its host is half changed anyway, and its service may be down.
    pub(super) fn look_back(&self) -> Result<(), CommandError> {
        let host = self.ready.program.reader(self.dir.path());
        let certain = obstacles::certain(self.screen, self.ready.program.obstacles_back(self.state, &host));
        if matches!(self.state.verdict(), Some(Verdict::Succeeded | Verdict::Accepted)) {
            let run = &self.ready.run;
            return obstacles::refuse(&certain, "then try again").map_err(|error| CommandError {
                message: format!("run {run} cannot be taken back, and nothing was touched: {}", error.message),
                ..error
            });
        }
        certain.iter().for_each(|one| self.screen.note(&format!("warning: {}", one.failure.message)));
        Ok(())
    }

    /// What no way forward can succeed with; what is doubtful is told.
    fn in_the_way(&self) -> Vec<Obstacle> {
        let Ready { run, program, .. } = self.ready;
        let host = program.reader(self.dir.path());
        obstacles::certain(self.screen, program.obstacles_ahead(self.state, self.dir, run, &host))
    }

    fn what_is_left_to_do(&self) -> String {
        let Ready { run, program, .. } = self.ready;
        if !program.can_go_back(self.state, self.dir, run) {
            let (show, accept) = (Next::Show(Some(run.clone())), Next::Accept);
            return format!("`{show}` tells what each step changed, and `{accept}` closes the run by hand");
        }
        let touched: Vec<String> = self.state.touched().map(|step| format!("`{step}`")).collect();
        let back = Next::Rollback(Some(run.clone()));
        match touched.is_empty() {
            true => format!("or `{back}` closes the run"),
            false => format!("or `{back}` takes back {}", touched.join(", ")),
        }
    }
}
