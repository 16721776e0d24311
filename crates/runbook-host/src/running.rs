//! Notes of the commands that are running, so that a later `runbook` can end those of one that crashed.
//!
//! One file for a run, which only grows: `?<tag>` before a command is started, `+<group> <tag>` when it was, `!<tag>` when it
//! could not be, `-<group>` when it has ended; `=<tag>` for a command of an earlier process, and `@"<directory>"` before the
//! first file is staged there. Making and removing a file for each command would cost more than most commands do.

use crate::process::Identity;
use rustix::process::Pid;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Where running commands are noted; by default nowhere.
#[derive(Clone, Debug, Default)]
pub struct Running(Option<Arc<Book>>);

#[derive(Debug)]
struct Book {
    file: File,
    known: Mutex<Known>,
}

/// What this process knows without reading the file again.
#[derive(Debug, Default)]
struct Known {
    /// The marks that commands of the run had.
    ran: BTreeSet<String>,
    /// By their mark, the processes that a command left when it ended: those of its group, and orphans.
    left: BTreeMap<String, Vec<Identity>>,
    /// Where files are staged.
    staged: BTreeSet<PathBuf>,
}

/// A note that is taken back when this is dropped.
pub(crate) struct Noted<'a> {
    running: &'a Running,
    leader: Pid,
}

impl Running {
    /// Notes in the file at `path`, made if need be.
    pub fn noted_in(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let ran = Notes::read(&String::from_utf8_lossy(&bytes)).ran.into_iter().map(str::to_owned).collect();
        let known = Mutex::new(Known { ran, ..Known::default() });
        Ok(Self(Some(Arc::new(Book { file, known }))))
    }

    /// Whether a command with this mark was started in this run, by whatever process.
    pub(crate) fn ran(&self, tag: &str) -> bool {
        self.known(|known| known.ran.contains(tag)).unwrap_or(false)
    }

    /// What was in the groups of the commands with this mark when those ended.
    pub(crate) fn left(&self, tag: &str) -> Vec<Identity> {
        self.known(|known| known.left.get(tag).cloned()).flatten().unwrap_or_default()
    }

    /// Keeps what a command left. What an earlier one left is that one's.
    pub(crate) fn leaves(&self, tag: &str, mut left: Vec<Identity>) {
        if left.is_empty() {
            return;
        }
        self.known(|known| {
            left.retain(|one| !known.left.values().flatten().any(|earlier| earlier == one));
            known.left.entry(tag.to_owned()).or_default().extend(left);
        });
    }

    /// Notes that files are staged in `dir` from now on; known after a power cut, for so is what is staged.
    pub(crate) fn stages_in(&self, dir: &Path) {
        let is_new = self.known(|known| known.staged.insert(dir.to_owned())).unwrap_or(false);
        if let (true, Some(book), Ok(name)) = (is_new, &self.0, serde_json::to_string(dir)) {
            self.append(&format!("@{name}\n"));
            let _ = book.file.sync_data();
        }
    }

    fn known<T>(&self, what: impl FnOnce(&mut Known) -> T) -> Option<T> {
        let book = self.0.as_ref()?;
        Some(what(&mut book.known.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Notes that a command is about to start: a crash before its group is noted would leave it unknown.
    pub(crate) fn announce(&self, tag: &str) {
        self.known(|known| known.ran.insert(tag.to_owned()));
        self.append(&format!("?{tag}\n"));
    }

    /// Takes the announcement of a command back that could not be started.
    pub(crate) fn renounce(&self, tag: &str) {
        self.append(&format!("!{tag}\n"));
    }

    /// Notes a group by its leader. It need not survive a power cut: neither does the process.
    pub(crate) fn note(&self, leader: Pid, tag: &str) -> Noted<'_> {
        self.append(&format!("+{} {tag}\n", leader.as_raw_nonzero()));
        Noted { running: self, leader }
    }

    /// A line is appended by one write, so that lines of two threads do not mix. On a full disk there is no note.
    fn append(&self, line: &str) {
        if let Some(book) = &self.0 {
            let _ = (&book.file).write(line.as_bytes());
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
    /// Every tag of a command that was started.
    pub ran: BTreeSet<&'a str>,
    /// The directories in which files were staged.
    pub staged: Vec<PathBuf>,
}

impl<'a> Notes<'a> {
    /// The text of a file that says no more than which commands there were.
    pub fn commands(&self) -> String {
        self.ran.iter().map(|tag| format!("={tag}\n")).collect()
    }

    /// Reads the text of the file. A line that was torn says nothing.
    pub fn read(text: &'a str) -> Self {
        let mut notes = Self::default();
        let mut running = HashMap::new();
        let mut announced: BTreeMap<&str, u64> = BTreeMap::new();
        let group = |text: &str| Pid::from_raw(text.parse().ok()?);
        for line in text.lines() {
            match line.split_at_checked(1) {
                Some(("?", tag)) => {
                    notes.ran.insert(tag);
                    *announced.entry(tag).or_default() += 1;
                }
                Some(("=", tag)) => drop(notes.ran.insert(tag)),
                Some(("@", dir)) => notes.staged.extend(serde_json::from_slice::<PathBuf>(dir.as_bytes()).ok()),
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
        running.stages_in(Path::new("/a\nb"));
        running.stages_in(Path::new("/a\nb"));
        let text = noted();
        assert_eq!(Notes::read(&text).staged, [Path::new("/a\nb")]);
        let kept = Notes::read(&text).commands();
        assert_eq!(Notes::read(&kept).ran, Notes::read(&text).ran);
        assert_eq!(Notes::read(&kept).running, []);
        drop(again);
        drop(first);
        assert_eq!(Notes::read(&noted()).running, []);
        assert_eq!(Notes::read("+11 r/a\nx\n\n+0 r/b\n-\n+12").running, [(one, "r/a")], "a torn line says nothing");
    }
}
