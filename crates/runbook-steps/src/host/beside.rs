//! Calls of a library that cannot be ended: on a thread of their own, which is left behind when nobody wants the answer.

use super::Host;
use runbook_model::{Failure, FailureKind};
use std::time::{Duration, Instant};

impl Host {
    /// The result of `ask`, which only reads; a failure when the operator cancels, or when neither the step nor `limit`
    /// leaves it any more time.
    pub(crate) fn beside<T: Send + 'static>(
        &self,
        limit: Duration,
        ask: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        self.still_wanted()?;
        let (send, receive) = tokio::sync::oneshot::channel();
        let asking = std::thread::Builder::new().name("asks".to_owned()).spawn(move || send.send(ask()).is_ok());
        asking.map_err(|error| Failure::failed(format!("cannot start a thread: {error}")))?;
        let until = Instant::now() + limit;
        let until = self.errand.deadline.map_or(until, |deadline| deadline.min(until));
        self.runtime.block_on(async {
            tokio::select! {
                answer = receive => answer.map_err(|_| Failure::failed("the thread that asked ended early")),
                kind = self.errand.unwanted(Some(until)) => Err(match kind {
                    FailureKind::TimedOut => Failure::new(kind, "no answer in time"),
                    _ => Failure::new(kind, "cancelled by the operator"),
                }),
            }
        })
    }
}
