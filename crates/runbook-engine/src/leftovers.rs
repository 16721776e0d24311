//! Commands that a crashed `runbook` left running: ended before anything is probed or repeated.
//!
//! A process is ended only if it is in the process group that was noted and carries the step's tag in its environment,
//! so a reused number hits nobody.

use runbook_journal::StateDir;
use runbook_model::RunId;
use runbook_steps::host::Notes;
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const GRACE: Duration = Duration::from_secs(5);

/// Ends what the notes in the file at `path` say is running, or may be, and removes the file.
pub(crate) fn end(path: &Path) {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let notes = Notes::read(&text);
    for (group, tag) in notes.running {
        end_group(group, tag);
    }
    for tag in notes.announced {
        for group in groups_of(tag).difference(&notes.known) {
            end_group(*group, tag);
        }
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
fn is_ours(group: Pid, tag: &str) -> bool {
    groups_of(tag).contains(&group)
}

/// The process groups of the living processes that carry the tag.
#[cfg(all(target_os = "linux", not(feature = "portable")))]
fn groups_of(tag: &str) -> HashSet<Pid> {
    let wanted = format!("RUNBOOK_STEP={tag}");
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let group = |process: fs::DirEntry| {
        let stat = fs::read_to_string(process.path().join("stat")).ok()?;
        // After the command's name, which may hold anything: state, parent, group.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let alive = !matches!(fields.next()?, "Z" | "X");
        let group = Pid::from_raw(fields.nth(1)?.parse().ok()?)?;
        let environment = alive.then(|| fs::read(process.path().join("environ")).ok()).flatten()?;
        environment.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes()).then_some(group)
    };
    processes.filter_map(group).collect()
}

/// Without `/proc` nothing proves that a group is ours, so nothing is ended.
#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
fn groups_of(_: &str) -> HashSet<Pid> {
    HashSet::new()
}

#[cfg(test)]
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command};

    fn sleeper(tag: &str) -> Child {
        Command::new("sleep").arg("1000").env("RUNBOOK_STEP", tag).process_group(0).spawn().unwrap()
    }

    fn runs(child: &mut Child) -> bool {
        child.try_wait().unwrap().is_none()
    }

    /// What a crash between the start of a command and its note leaves, beside what it must not be taken for.
    #[test]
    fn a_command_that_was_only_announced_is_ended_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("running");
        let tag = |step| format!("{}/{step}", dir.path().display());
        let [mut unknown, mut ended, mut other] = [tag("a"), tag("a"), tag("b")].map(|tag| sleeper(&tag));
        let left_by_an_earlier_one = ended.id();
        let notes = format!("?{0}\n+{left_by_an_earlier_one} {0}\n-{left_by_an_earlier_one}\n?{0}\n", tag("a"));
        fs::write(&path, notes).unwrap();
        end(&path);
        unknown.wait().unwrap();
        assert!(runs(&mut ended) && runs(&mut other));
        assert!(!path.exists());
        for mut child in [ended, other] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}
