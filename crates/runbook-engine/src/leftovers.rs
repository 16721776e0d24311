//! Commands that a crashed `runbook` left running: ended before anything is probed or repeated.
//!
//! A process is ended only if it is in the process group that was noted and carries the step's tag in its environment,
//! so a reused number hits nobody.

use runbook_journal::StateDir;
use runbook_model::RunId;
use runbook_steps::host::Running;
use rustix::process::{Pid, Signal, kill_process_group};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const GRACE: Duration = Duration::from_secs(5);

/// Ends what the notes in the file at `path` say is running, and removes the file.
pub(crate) fn end(path: &Path) {
    let notes = fs::read(path).unwrap_or_default();
    for (group, tag) in Running::groups(&String::from_utf8_lossy(&notes)) {
        end_group(group, tag);
    }
    let _ = fs::remove_file(path);
}

/// Ends what the dead process of a run left running that nobody goes on with.
pub fn end_leftovers(dir: &StateDir, run: &RunId) {
    end(&dir.running(run));
}

fn end_group(group: Pid, tag: &str) {
    for signal in [Signal::TERM, Signal::KILL] {
        if !is_ours(group, tag) {
            return;
        }
        let _ = kill_process_group(group, signal);
        let patience = Instant::now() + GRACE;
        while is_ours(group, tag) && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Whether a living member of `group` carries the tag.
#[cfg(all(target_os = "linux", not(feature = "portable")))]
fn is_ours(group: Pid, tag: &str) -> bool {
    let wanted = format!("RUNBOOK_STEP={tag}");
    let Ok(processes) = fs::read_dir("/proc") else { return false };
    processes.flatten().any(|process| {
        let stat = fs::read_to_string(process.path().join("stat")).unwrap_or_default();
        // After the command's name, which may hold anything: state, parent, group.
        let mut fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
        let alive = fields.next().is_some_and(|state| state != "Z" && state != "X");
        let in_group = fields.nth(1).and_then(|number| number.parse().ok()) == Some(group.as_raw_nonzero().get());
        let environment = || fs::read(process.path().join("environ")).unwrap_or_default();
        alive && in_group && environment().split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes())
    })
}

/// Without `/proc` nothing proves that a group is ours, so nothing is ended.
#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
fn is_ours(_: Pid, _: &str) -> bool {
    false
}
