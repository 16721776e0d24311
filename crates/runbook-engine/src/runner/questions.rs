//! Questions that stand, each until it is answered, withdrawn, or nobody has answered in time.

use crate::input::Input;
use runbook_host::Cancel;
use runbook_model::{Decided, StepId, format_duration};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Mutex, oneshot};

/// The questions of one run.
#[derive(Default)]
pub(super) struct Questions {
    open: HashMap<StepId, oneshot::Sender<Decided>>,
    /// One person answers one question after another: the time for each begins when no earlier one stands.
    turn: Arc<Mutex<()>>,
}

impl Questions {
    /// Asks about `step`. What it comes to goes to `done`; nothing is decided if `withdrawn` comes first: the run is
    /// interrupted, or ends for another reason.
    pub(super) fn ask(&mut self, step: StepId, within: Duration, mut withdrawn: Cancel, done: UnboundedSender<Input>) {
        let (answer, answered) = oneshot::channel();
        self.open.insert(step.clone(), answer);
        let turn = Arc::clone(&self.turn);
        let time_up = async move {
            let _turn = turn.lock().await;
            tokio::time::sleep(within).await;
        };
        tokio::spawn(async move {
            let decided = tokio::select! {
                biased;
                () = withdrawn.cancelled() => None,
                Ok(decided) = answered => Some(decided),
                () = time_up => Some(Decided::nobody(format!("nobody answered within {}", format_duration(within)))),
            };
            let _ = done.send(Input::Decided { step, decided });
        });
    }

    /// Answers the question about `step`. `false` if none stands.
    pub(super) fn answer(&mut self, step: &StepId, decided: Decided) -> bool {
        self.open.remove(step).is_some_and(|question| question.send(decided).is_ok())
    }
}
