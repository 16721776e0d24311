//! Why a job is not as it should be: what launchd says of its end, and what it wrote itself.

use super::{Job, JobState};
use runbook_host::Reader;
use runbook_model::Failure;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// How many of the last lines a failure shows of each file, and how much of the file is read for them.
const LAST_LINES: usize = 15;
const LAST_BYTES: u64 = 16 * 1024;

impl Job {
    /// The failure `what`, with what `state` says of its end and the last lines of its files.
    pub(super) fn explained(&self, host: &Reader, state: &JobState, what: &str) -> Failure {
        let ending = state.last_exit.as_deref().map(|end| match end.parse::<u32>() {
            Ok(code) => format!(": its last process ended with exit status {code}"),
            Err(_) => format!(": its last process ended with {end}"),
        });
        let mut files: Vec<&Path> = [&state.stdout, &state.stderr].into_iter().flatten().map(|path| &**path).collect();
        files.dedup();
        let said: Vec<String> = files.iter().filter_map(|path| last_lines(host, path)).collect();
        let target = self.target(host);
        Failure::failed(format!("{what}{}", ending.unwrap_or_default())).detail(said.join("\n")).hint(
            match files.as_slice() {
                [] => format!("its property list names no StandardErrorPath; `launchctl print {target}` says more"),
                _ => format!("`launchctl print {target}` says what launchd knows of it"),
            },
        )
    }
}

/// The last lines of a file; `None` if it is empty or cannot be read.
fn last_lines(host: &Reader, path: &Path) -> Option<String> {
    let mut file = host.open(path).ok()??;
    let length = file.seek(SeekFrom::End(0)).ok()?;
    file.seek(SeekFrom::Start(length.saturating_sub(LAST_BYTES))).ok()?;
    let mut bytes = Vec::new();
    file.take(LAST_BYTES).read_to_end(&mut bytes).ok()?;
    let text = runbook_host::without_escapes(&String::from_utf8_lossy(&bytes));
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.get(lines.len().saturating_sub(LAST_LINES)..)?.join("\n");
    (!last.is_empty()).then_some(last)
}
