//! Notes of the commands that are running, so that a later `runbook` can end those of one that crashed.
//!
//! One file for a run, which only grows: `+<group> <tag>` when a command starts, `-<group>` when it has ended. Making
//! and removing a file for each command would cost more than most commands do.

use rustix::process::Pid;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

/// Where running commands are noted; by default nowhere.
#[derive(Clone, Debug, Default)]
pub struct Running(Option<Arc<File>>);

/// A note that is taken back when this is dropped.
pub(super) struct Noted<'a> {
    running: &'a Running,
    leader: Pid,
}

impl Running {
    /// Notes in the file at `path`, made if need be.
    pub fn noted_in(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        Ok(Self(Some(Arc::new(file))))
    }

    /// The process groups that `notes` say are running, each with its tag.
    pub fn groups(notes: &str) -> Vec<(Pid, &str)> {
        let mut running = BTreeMap::new();
        for line in notes.lines() {
            match line.split_at_checked(1) {
                Some(("+", note)) => drop(note.split_once(' ').map(|(group, tag)| running.insert(group, tag))),
                Some(("-", group)) => drop(running.remove(group)),
                _ => {}
            }
        }
        let group = |(group, tag): (&str, _)| Some((Pid::from_raw(group.parse().ok()?)?, tag));
        running.into_iter().filter_map(group).collect()
    }

    /// Notes a group by its leader. It need not survive a power cut: neither does the process.
    pub(super) fn note(&self, leader: Pid, tag: &str) -> Noted<'_> {
        self.append(&format!("+{} {tag}\n", leader.as_raw_nonzero()));
        Noted { running: self, leader }
    }

    /// A line is appended by one write, so that lines of two threads do not mix. On a full disk there is no note.
    fn append(&self, line: &str) {
        if let Some(mut file) = self.0.as_deref() {
            let _ = file.write(line.as_bytes());
        }
    }
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        self.running.append(&format!("-{}\n", self.leader.as_raw_nonzero()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_not_ended_is_running() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("running");
        let running = Running::noted_in(&path).unwrap();
        let [one, two] = [11, 12].map(|number| Pid::from_raw(number).unwrap());
        let first = running.note(one, "r/a b");
        drop(running.note(two, "r/c"));
        drop(running.note(one, "r/older"));
        let again = running.note(two, "r/d");
        let notes = std::fs::read_to_string(&path).unwrap();
        assert_eq!(Running::groups(&notes), [(two, "r/d")]);
        drop(again);
        drop(first);
        assert_eq!(Running::groups(&std::fs::read_to_string(&path).unwrap()), []);
        assert_eq!(Running::groups("+11 r/a\nx\n\n+0 r/b\n-\n+12"), [(one, "r/a")], "a torn line says nothing");
    }
}
