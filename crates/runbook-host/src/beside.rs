//! Waiting for what cannot be ended from outside: an answer on the runtime, or a call of a library on a thread of its own.

use crate::Host;
use runbook_model::{Failure, FailureKind};
use std::time::{Duration, Instant};

impl Host {
    /// Waits for `answer`, which is dropped when the operator cancels or when neither the step nor `limit` leaves it any
    /// more time: cancelled or timed out.
    pub fn wait<T>(&self, limit: Option<Duration>, answer: impl Future<Output = T>) -> Result<T, FailureKind> {
        let limit = limit.map(|limit| Instant::now() + limit);
        let until = [limit, self.errand.deadline].into_iter().flatten().min();
        self.runtime.block_on(async {
            tokio::select! {
                answer = answer => Ok(answer),
                kind = self.errand.unwanted(until) => Err(kind),
            }
        })
    }

    /// The result of `ask`, which only reads; a failure when the operator cancels, or when neither the step nor `limit`
    /// leaves it any more time. Its thread is left behind then.
    pub fn beside<T: Send + 'static>(
        &self,
        limit: Duration,
        ask: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        self.still_wanted()?;
        let (send, receive) = tokio::sync::oneshot::channel();
        let asking = std::thread::Builder::new().name("asks".to_owned()).spawn(move || send.send(ask()).is_ok());
        asking.map_err(|error| Failure::failed(format!("cannot start a thread: {error}")))?;
        match self.wait(Some(limit), receive) {
            Ok(answer) => answer.map_err(|_| Failure::failed("the thread that asked ended early")),
            Err(kind @ FailureKind::TimedOut) => Err(Failure::new(kind, "no answer in time")),
            Err(kind) => Err(Failure::new(kind, "cancelled by the operator")),
        }
    }
}
