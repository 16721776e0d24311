//! What is waited for without a thread: answers, pauses, and the commit of a run that holds. None of it is waited for any
//! more once the run goes no further.

use super::Runner;
use crate::action::Await;
use crate::input::Input;
use runbook_host::{Reader, now_ms};
use runbook_model::Deadline;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;

/// How long may be slept before the clock is read again: a sleep does not count while the machine sleeps, the clock does.
const LOOK: Duration = Duration::from_secs(1);

impl Runner {
    pub(super) fn wait(&mut self, wanted: Await, done: UnboundedSender<Input>) {
        self.in_flight += 1;
        tracing::debug!(run = %self.run, ?wanted, "wait");
        let mut withdrawn = self.waits.1.clone();
        match wanted {
            Await::Answer(step) => {
                let within = self.worker.program.execution.patience.unwrap_or_default();
                self.questions.ask(step, within, withdrawn, done);
            }
            Await::Secret { secret, within } => self.hand_ins.wait(secret, within, done),
            Await::Pause { step, pause } => drop(tokio::spawn(async move {
                // One that is cut short ends like one that is over; the run's state says what follows.
                tokio::select! {
                    () = withdrawn.cancelled() => {}
                    () = tokio::time::sleep(pause) => {}
                }
                let _ = done.send(Input::Paused { step });
            })),
            Await::Clock { within } => {
                let deadline = Deadline::after(&self.reader().uptime(), now_ms(), within);
                let _ = done.send(Input::Holds(deadline));
            }
            Await::Commit(deadline) => {
                let reader = self.reader();
                drop(tokio::spawn(async move {
                    let over = tokio::select! {
                        biased;
                        () = withdrawn.cancelled() => false,
                        () = over(&deadline, &reader) => true,
                    };
                    let _ = done.send(Input::HoldEnded { over });
                }));
            }
        }
    }

    /// Whether this run holds and no time is left.
    pub(super) fn is_over(&self) -> bool {
        self.state.hold_is_over(&self.reader().uptime())
    }

    fn reader(&self) -> Reader {
        self.worker.program.reader(self.worker.state_dir.path())
    }
}

/// Returns when no time is left.
async fn over(deadline: &Deadline, reader: &Reader) {
    loop {
        let left = deadline.left(&reader.uptime());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(LOOK)).await;
    }
}
