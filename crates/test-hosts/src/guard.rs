//! The end of a lab whose process dies, however it dies: its hosts end at once, and only names are left to sweep.

use crate::cgroup::Cgroup;
use crate::command::command;
use crate::error::{Error, Result};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};

/// Waits for the end of its input, which comes when nobody holds the other end any more.
const SCRIPT: &str = r#"cat >/dev/null; echo 1 >"$1""#;

/// A process that outlives this one by a moment.
#[derive(Debug)]
pub(crate) struct Guard {
    process: Child,
}

impl Guard {
    /// Watches over everything in `cgroup`.
    pub(crate) fn over(cgroup: &Cgroup) -> Result<Self> {
        let mut guard = command(&["sh", "-c", SCRIPT, "sh"]);
        guard.arg(cgroup.switch_off()).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // What ends this process may be sent to its whole group.
        let process = guard.process_group(0).spawn();
        Ok(Self { process: process.map_err(|source| Error::Start { command: "`sh`".to_owned(), source })? })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
