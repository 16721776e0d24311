//! The mailbox of a run: letters from another process of this host. One file a letter, in the run's directory.
//!
//! Only the owner of the state directory can write there. A file gets its name when it is whole, so nobody reads half of
//! one, and of two that say the same at the same time one is first.

use crate::{Error, Letter};
use runbook_journal::StateDir;
use runbook_model::{Approval, RunId, StepId};
use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Numbers what this process sends.
static SENT: AtomicU32 = AtomicU32::new(0);

/// Sends `letter` to the process that holds `run`, which takes it within a second. `false` if the same is there already
/// and counts: of several approvals of one step the first one.
///
/// An approval waits for the run while nobody holds it, for ever. Everything else is for the process that holds the run
/// now, and is thrown away by the next one. What was sent is durable when this returns.
pub fn send(dir: &StateDir, run: &RunId, letter: &Letter) -> Result<bool, Error> {
    let mailbox = dir.controls(run);
    dir.create_below(&mailbox)?;
    let name = name(letter);
    let staged = mailbox.join(format!(".{name}-{}-{}", std::process::id(), SENT.fetch_add(1, Ordering::Relaxed)));
    let named = write(&staged, letter).and_then(|()| link(&staged, &mailbox.join(&name)));
    let _ = fs::remove_file(&staged);
    let durable = named.and_then(|is_first| fs::File::open(&mailbox)?.sync_all().map(|()| is_first));
    durable.map_err(|source| Error::Mailbox { path: mailbox, source })
}

/// Takes back what was sent. `false` if it was taken already, and may still come on record.
pub fn withdraw(dir: &StateDir, run: &RunId, letter: &Letter) -> Result<bool, Error> {
    let mailbox = dir.controls(run);
    match fs::remove_file(mailbox.join(name(letter))) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        removed => removed.map(|()| true).map_err(|source| Error::Mailbox { path: mailbox, source }),
    }
}

/// Gives what is staged its name. `false` if something has it.
fn link(staged: &Path, name: &Path) -> io::Result<bool> {
    match fs::hard_link(staged, name) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        linked => linked.map(|()| true),
    }
}

fn name(letter: &Letter) -> String {
    match letter {
        Letter::Drain => "drain.json".to_owned(),
        Letter::Cancel => "cancel.json".to_owned(),
        Letter::Leave => "leave.json".to_owned(),
        Letter::Commit { .. } => "commit.json".to_owned(),
        Letter::Answer { step, .. } => format!("answer-{step}.json"),
        Letter::Approve { step, .. } => format!("approve-{step}.json"),
    }
}

/// A sender that was killed may have left the file of an earlier process with the same number.
fn write(path: &Path, letter: &Letter) -> io::Result<()> {
    let text = serde_json::to_vec(letter)?;
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    // Root may send to the run of a user, who must be able to read it. The directory lets nobody else in.
    file.set_permissions(Permissions::from_mode(0o644))?;
    file.write_all(&text)?;
    file.sync_all()
}

/// A letter that no version of `runbook` that this one knows wrote, and that is thrown away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// What it is called.
    pub(crate) name: String,
    /// Why it cannot be read.
    pub(crate) because: String,
}

/// The mailbox of a run that this process holds.
pub(crate) struct Mailbox {
    dir: PathBuf,
    /// Approvals that were taken. They stay where they are, so that a second one is told that it is.
    taken: HashSet<OsString>,
}

impl Mailbox {
    /// The mailbox of `run`, which the owner of the run makes: nobody else could read one of root.
    pub(crate) fn open(state: &StateDir, run: &RunId) -> Result<Self, Error> {
        let dir = state.controls(run);
        state.create_below(&dir)?;
        match fs::read_dir(&dir) {
            Ok(_) => Ok(Self { dir, taken: HashSet::new() }),
            Err(source) => Err(Error::Mailbox { path: dir, source }),
        }
    }

    /// The approvals that were given while nobody held the run. What else was sent to the process before this one is
    /// thrown away.
    pub(crate) fn approvals(&mut self) -> Vec<(StepId, Approval)> {
        let approval = |taken| match taken {
            Ok(Letter::Approve { step, approval }) => Some((step, approval)),
            _ => None,
        };
        self.take().into_iter().filter_map(approval).collect()
    }

    /// What came since the last time, in no certain order.
    pub(crate) fn take(&mut self) -> Vec<Result<Letter, Unreadable>> {
        let Ok(entries) = fs::read_dir(&self.dir) else { return Vec::new() };
        entries.flatten().filter_map(|entry| self.take_one(entry.file_name())).collect()
    }

    fn take_one(&mut self, name: OsString) -> Option<Result<Letter, Unreadable>> {
        if name.to_string_lossy().starts_with('.') || self.taken.contains(&name) {
            return None;
        }
        let path = self.dir.join(&name);
        let text = fs::read(&path)
            .inspect_err(
                |error| tracing::debug!(path = %path.display(), %error, "a letter is read again at the next look"),
            )
            .ok()?;
        let letter = serde_json::from_slice(&text);
        match &letter {
            Ok(Letter::Approve { .. }) => drop(self.taken.insert(name.clone())),
            // It may have been withdrawn since it was read: only one of both removes it.
            Ok(_) => match fs::remove_file(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => return None,
                // It counts once, also where it stays.
                Err(_) => drop(self.taken.insert(name.clone())),
                Ok(()) => {}
            },
            // Its sender can send it again.
            Err(_) => drop(fs::remove_file(&path)),
        }
        let unreadable = |error: serde_json::Error| Unreadable {
            name: name.to_string_lossy().trim_end_matches(".json").to_owned(),
            because: error.to_string(),
        };
        Some(letter.map_err(unreadable))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runbook_model::Decided;

    fn approve(by: &str) -> Letter {
        let approval = Approval { by: by.to_owned(), at: 7, because: "quiet".to_owned() };
        Letter::Approve { step: StepId::new("go").unwrap(), approval }
    }

    fn stage() -> (tempfile::TempDir, StateDir, RunId) {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::at(dir.path().join("state"));
        (dir, state, RunId::new("7k2m9c").unwrap())
    }

    #[test]
    fn the_first_approval_counts_and_is_taken_once() {
        let (_dir, state, run) = stage();
        let mut mailbox = Mailbox::open(&state, &run).unwrap();
        assert!(mailbox.take().is_empty());
        assert!(send(&state, &run, &approve("ada")).unwrap());
        assert!(!send(&state, &run, &approve("bob")).unwrap());
        assert_eq!(mailbox.take(), [Ok(approve("ada"))]);
        assert!(!send(&state, &run, &approve("bob")).unwrap(), "it counts after it was taken, too");
        assert!(mailbox.take().is_empty());
    }

    #[test]
    fn an_approval_waits_for_the_run_and_nothing_else_does() {
        let (_dir, state, run) = stage();
        let answer = Letter::Answer { step: StepId::new("v").unwrap(), asked: 7, decided: Decided::nobody("gone") };
        for letter in [approve("ada"), answer, Letter::Drain, Letter::Cancel, Letter::Leave] {
            assert!(send(&state, &run, &letter).unwrap());
        }
        let mut mailbox = Mailbox::open(&state, &run).unwrap();
        let before = mailbox.approvals();
        let [(step, approval)] = &before[..] else { panic!("{before:?}") };
        assert_eq!((step.as_str(), approval.by.as_str()), ("go", "ada"));
        assert!(mailbox.take().is_empty());
    }

    #[test]
    fn what_is_taken_can_be_sent_again_and_damage_is_thrown_away() {
        let (_dir, state, run) = stage();
        let mut mailbox = Mailbox::open(&state, &run).unwrap();
        for _ in 0..2 {
            assert!(send(&state, &run, &Letter::Drain).unwrap());
            assert_eq!(mailbox.take(), [Ok(Letter::Drain)]);
        }
        fs::write(state.controls(&run).join("approve-go.json"), "{").unwrap();
        let taken = mailbox.take();
        assert!(matches!(&taken[..], [Err(Unreadable { name, .. })] if name == "approve-go"), "{taken:?}");
        assert!(send(&state, &run, &approve("ada")).unwrap());
        assert_eq!(mailbox.take(), [Ok(approve("ada"))]);
    }

    #[test]
    fn an_approval_that_cannot_be_read_now_is_read_later() {
        let (_dir, state, run) = stage();
        let mut mailbox = Mailbox::open(&state, &run).unwrap();
        // A directory of that name cannot be read as a file, by root neither.
        let path = state.controls(&run).join("approve-go.json");
        fs::create_dir(&path).unwrap();
        assert!(mailbox.take().is_empty());
        assert!(path.is_dir());
        fs::remove_dir(&path).unwrap();
        assert!(send(&state, &run, &approve("ada")).unwrap());
        assert_eq!(mailbox.take(), [Ok(approve("ada"))]);
    }

    #[test]
    fn what_a_killed_sender_left_is_nobodys_approval() {
        let (_dir, state, run) = stage();
        let mut mailbox = Mailbox::open(&state, &run).unwrap();
        let next = SENT.load(Ordering::Relaxed);
        // Tests beside this one in the same process number theirs too.
        for number in next..next + 100 {
            let left = format!(".approve-go.json-{}-{number}", std::process::id());
            fs::write(state.controls(&run).join(left), "{").unwrap();
        }
        assert!(send(&state, &run, &approve("ada")).unwrap());
        assert_eq!(mailbox.take(), [Ok(approve("ada"))]);
    }

    #[test]
    fn of_many_senders_at_once_one_is_first() {
        let (_dir, state, run) = stage();
        let first = std::thread::scope(|scope| {
            let sends: Vec<_> = (0..8).map(|_| scope.spawn(|| send(&state, &run, &approve("ada")).unwrap())).collect();
            sends.into_iter().filter_map(|send| send.join().ok()).filter(|first| *first).count()
        });
        assert_eq!(first, 1);
        let names: Vec<_> = fs::read_dir(state.controls(&run)).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert_eq!(names, ["approve-go.json"]);
    }
}
