//! Asking a program that has promised to change nothing: the one way in which a reader executes anything.
//!
//! External kinds that declare that their probe reads are asked like this, and so are `systemctl show` and `journalctl`.

use super::{Canceller, Command, HostBuilder, Output, Reader};
use runbook_model::Failure;
use std::path::PathBuf;
use std::thread;

impl Reader {
    /// Runs `command` to its end, within its own limit. The caller answers for it that it changes nothing.
    pub fn ask(&self, command: &Command) -> Result<Output, Failure> {
        let failed = |what: &str| Failure::failed(format!("cannot run `{}`: {what}", command.line()));
        // A thread of its own: a caller may be inside a runtime, where another one cannot be entered.
        thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .map_err(|error| failed(&error.to_string()))?;
                let (_canceller, cancel) = Canceller::new();
                let host = HostBuilder::new(self.clone(), runtime.handle().clone(), cancel, PathBuf::new()).build();
                runtime.block_on(host.run_async(command))
            });
            asking.join().unwrap_or_else(|_| Err(failed("the thread that ran it ended early")))
        })
    }
}
