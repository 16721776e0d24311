//! Notes of the commands that are running, so that a later `runbook` can end those of one that crashed.
//!
//! One file for a run, which only grows: `?<tag>` before a command is started, `+<group> <tag>` when it was, `!<tag>` when it
//! could not be, `-<group>` when it has ended. Making and removing a file for each command would cost more than most
//! commands do.

use rustix::process::Pid;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
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

    /// Notes that a command is about to start: a crash before its group is noted would leave it unknown.
    pub(super) fn announce(&self, tag: &str) {
        self.append(&format!("?{tag}\n"));
    }

    /// Takes the announcement of a command back that could not be started.
    pub(super) fn renounce(&self, tag: &str) {
        self.append(&format!("!{tag}\n"));
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

/// What the notes say.
#[derive(Debug, Default, PartialEq)]
pub struct Notes<'a> {
    /// The process groups that are running, each with its tag.
    pub running: Vec<(Pid, &'a str)>,
    /// Tags of commands that were about to start: they may run in a group that nobody noted.
    pub announced: BTreeSet<&'a str>,
    /// Every group that was noted, also those that have ended.
    pub known: HashSet<Pid>,
}

impl<'a> Notes<'a> {
    /// Reads the text of the file. A line that was torn says nothing.
    pub fn read(text: &'a str) -> Self {
        let mut notes = Self::default();
        let mut running = HashMap::new();
        let mut announced: BTreeMap<&str, u64> = BTreeMap::new();
        let group = |text: &str| Pid::from_raw(text.parse().ok()?);
        for line in text.lines() {
            match line.split_at_checked(1) {
                Some(("?", tag)) => *announced.entry(tag).or_default() += 1,
                Some(("!", tag)) => one_less(&mut announced, tag),
                Some(("+", note)) => {
                    let Some((Some(leader), tag)) = note.split_once(' ').map(|(leader, tag)| (group(leader), tag))
                    else {
                        continue;
                    };
                    one_less(&mut announced, tag);
                    notes.known.insert(leader);
                    running.insert(leader, tag);
                }
                Some(("-", leader)) => drop(group(leader).and_then(|leader| running.remove(&leader))),
                _ => {}
            }
        }
        notes.announced = announced.into_iter().filter(|(_, count)| *count > 0).map(|(tag, _)| tag).collect();
        notes.running = running.into_iter().collect();
        notes
    }
}

fn one_less(counts: &mut BTreeMap<&str, u64>, tag: &str) {
    if let Some(count) = counts.get_mut(tag) {
        *count = count.saturating_sub(1);
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
        running.announce("r/e");
        running.announce("r/f");
        running.renounce("r/f");
        running.announce("r/d");
        let noted = || std::fs::read_to_string(&path).unwrap();
        let text = noted();
        let notes = Notes::read(&text);
        assert_eq!(notes.running, [(two, "r/d")]);
        assert_eq!(notes.announced, BTreeSet::from(["r/d", "r/e"]));
        assert_eq!(notes.known, HashSet::from([one, two]));
        drop(again);
        drop(first);
        assert_eq!(Notes::read(&noted()).running, []);
        assert_eq!(Notes::read("+11 r/a\nx\n\n+0 r/b\n-\n+12").running, [(one, "r/a")], "a torn line says nothing");
    }
}
