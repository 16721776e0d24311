//! Asking a person what follows from evidence that does not tell.

use runbook_model::{Decided, StepId};
use std::time::Duration;

/// Somebody who can be asked. Without one, what is not proven is taken back.
///
/// The question itself is a record, [`DecisionAsked`](runbook_model::Event::DecisionAsked), and shown by whoever shows the
/// run; an asker only waits for the answer.
pub trait Asker: Send + Sync {
    /// How long an answer is waited for.
    fn patience(&self) -> Duration;

    /// Waits for the answer about `step`, on a thread of its own; several may wait at the same time, and each has all its
    /// patience from when its question stands. Returns `None` once `withdrawn` says so: the run is
    /// interrupted, or ends for another reason. No answer in time, and nobody there any more, is an answer: to take it back.
    fn answer(&self, step: &StepId, withdrawn: &dyn Fn() -> bool) -> Option<Decided>;
}
