//! Asking a program that has promised to change nothing: the one way in which a reader executes anything.
//!
//! External kinds that declare that their probe reads are asked like this, and so are `systemctl show` and `journalctl`.

use crate::command::Take;
use crate::errand::ASKED;
use crate::{Command, HostBuilder, Output, Reader};
use runbook_model::Failure;
use std::path::PathBuf;
use std::thread;

impl Reader {
    /// Runs `command` to its end, within its own limit or else one of two minutes, and ends what it leaves running. The
    /// caller answers for it that it changes nothing.
    pub fn ask(&self, command: &Command) -> Result<Output, Failure> {
        self.ask_taking(command, None)
    }

    /// The same, with each line of standard output handed to `see` as it comes, without its end: for output that may be
    /// longer than what is kept of any other.
    pub fn ask_lines(&self, command: &Command, see: &mut (dyn FnMut(&[u8]) + Send)) -> Result<Output, Failure> {
        let mut begun = Vec::new();
        let mut take = |bytes: &[u8]| {
            for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
                begun.extend_from_slice(piece);
                if let Some(line) = begun.strip_suffix(b"\n") {
                    see(line);
                    begun.clear();
                }
            }
        };
        let output = self.ask_taking(command, Some(&mut take))?;
        if !begun.is_empty() {
            see(&begun);
        }
        Ok(output)
    }

    fn ask_taking(&self, command: &Command, take: Option<Take<'_>>) -> Result<Output, Failure> {
        self.still_wanted()?;
        let failed = |what: &str| Failure::failed(format!("cannot run `{}`: {what}", command.line()));
        let limited = Command { limit: command.limit.or(Some(ASKED)), ..command.clone() };
        // A thread of its own: a caller may be inside a runtime, where another one cannot be entered.
        thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime.map_err(|error| failed(&error.to_string()))?;
                let cancel = self.errand.cancel.clone();
                let host = HostBuilder::new(self.clone(), runtime.handle().clone(), cancel, PathBuf::new()).build();
                runtime.block_on(async {
                    let (output, started) = host.talk(&limited, take).await?;
                    if let Some(leader) = started.leader() {
                        host.end_members(leader).await;
                    }
                    Ok(output)
                })
            });
            asking.join().unwrap_or_else(|_| Err(failed("the thread that ran it ended early")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_however_much_is_written() {
        let reader = Reader::new("/nowhere", "/nowhere");
        let script = "seq 400000; printf 'an end without a line end'";
        let mut lines: Vec<String> = Vec::new();
        let output = reader
            .ask_lines(&Command::new(["sh", "-c", script]), &mut |line| {
                lines.push(String::from_utf8_lossy(line).into())
            })
            .unwrap();
        assert!(output.status.success() && output.stdout.is_empty());
        assert!((1..=400_000).map(|number| number.to_string()).eq(lines.iter().take(400_000).cloned()));
        assert_eq!(lines.last().map(String::as_str), Some("an end without a line end"));
    }

    #[test]
    fn what_is_no_longer_wanted_is_not_asked_and_what_was_asked_is_ended() {
        let dir = tempfile::tempdir().unwrap();
        let (canceller, cancel) = crate::Canceller::new();
        let mut reader = Reader::new("/nowhere", "/nowhere");
        reader.errand.cancel = cancel;
        let asked = dir.path().join("asked");
        let script = format!("sleep 1000 & echo > {}; wait", asked.display());
        let failure = thread::scope(|scope| {
            let asking = scope.spawn(|| reader.ask(&Command::new(["sh", "-c", &script])).unwrap_err());
            while !asked.exists() {
                thread::yield_now();
            }
            canceller.cancel();
            asking.join().unwrap()
        });
        assert_eq!(failure.kind, runbook_model::FailureKind::Cancelled);
        let again = reader.ask(&Command::new(["true"])).unwrap_err();
        assert_eq!(again.kind, runbook_model::FailureKind::Cancelled);
    }

    #[test]
    fn what_was_asked_leaves_nothing_running() {
        let reader = Reader::new("/nowhere", "/nowhere");
        let output = reader.ask(&Command::new(["sh", "-c", "sleep 1000 > /dev/null 2>&1 & echo $!"])).unwrap();
        let left: u32 = output.text().parse().unwrap();
        assert!(reader.process(left).unwrap().is_none_or(|found| found.ended), "{left} runs");
    }
}
