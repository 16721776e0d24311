//! Asking a program that has promised to change nothing: the one way in which a reader executes anything.
//!
//! External kinds that declare that their probe reads are asked like this, and so are `systemctl show` and `journalctl`.

use super::command::Take;
use super::{Canceller, Command, HostBuilder, Output, Reader};
use runbook_model::Failure;
use std::path::PathBuf;
use std::thread;

impl Reader {
    /// Runs `command` to its end, within its own limit. The caller answers for it that it changes nothing.
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
                runtime.block_on(host.run_async(command, take))
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
}
