//! One run a state directory: an advisory lock that dies with its holder and says who holds it.
//!
//! Two locks on one file: `flock` keeps others out; a POSIX record lock beside it can be looked at without being taken
//! (`F_GETLK`), so that a look at who is at work never keeps anybody out. Inside the process that holds it, `ours.rs` answers.

use crate::image::if_there;
use crate::ours::{self, Id, Ours};
use crate::{Error, Holder, StateDir};
use runbook_model::RunId;
use rustix::fs::{FlockOperation, fcntl_lock, flock};
use rustix::process::{Flock, FlockOffsetType, FlockType, Pid, fcntl_getlk};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;

static HELD: Ours<Held> = Ours::new();

/// A lock of this process.
struct Held {
    file: File,
    by: Holder,
    run: Option<RunId>,
}

/// The lock. Dropping the last one that shares it, or dying, lets it go.
#[derive(Clone, Debug)]
pub struct Lock {
    taken: Arc<Taken>,
    by: Holder,
}

#[derive(Debug)]
struct Taken(Id);

impl Lock {
    /// Takes the lock, or says who has it. Never waits.
    pub fn acquire(dir: &StateDir, holder: &Holder) -> Result<Self, Error> {
        dir.create()?;
        let path = dir.lock_file();
        let failed = |source: io::Error| Error::StateDir { path: path.clone(), source };
        let mut held = HELD.table();
        if let Some(ours) = ours::id(&path).and_then(|id| held.get(&id)) {
            return Err(Error::Held(ours.by.clone()));
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&path).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let pid = locked_by(&file).unwrap_or(None);
                return Err(Error::Held(read_holder(&mut file, pid).0));
            }
            Err(error) => return Err(failed(error.into())),
        }
        fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|error| failed(error.into()))?;
        write(&mut file, holder, None).map_err(failed)?;
        let id = ours::id_of(&file).map_err(failed)?;
        held.insert(id, Held { file, by: holder.clone(), run: None });
        Ok(Self { taken: Arc::new(Taken(id)), by: holder.clone() })
    }

    /// The same lock for something else that its holder does; others hear of it with the run that it takes up.
    #[must_use]
    pub fn shared(&self, doing: String) -> Self {
        Self { taken: Arc::clone(&self.taken), by: Holder { doing, ..self.by.clone() } }
    }

    /// Says to others what it is held for from now on.
    pub fn tell(&self) -> io::Result<()> {
        self.note(None)
    }

    /// Says to others that the holder has taken up this run, and hears what it is told.
    pub fn attend(&self, run: &RunId) -> io::Result<()> {
        self.note(Some(run))
    }

    fn note(&self, run: Option<&RunId>) -> io::Result<()> {
        let mut held = HELD.table();
        let Some(ours) = held.get_mut(&self.taken.0) else { return Ok(()) };
        (ours.by, ours.run) = (self.by.clone(), run.cloned());
        write(&mut ours.file, &ours.by, run)
    }

    /// Who holds the lock now, without taking it or writing anything.
    pub fn holder(dir: &StateDir) -> Result<Option<Holder>, Error> {
        Ok(Self::at_work(dir)?.map(|(holder, _)| holder))
    }

    /// The same with the run that the holder has taken up.
    pub fn at_work(dir: &StateDir) -> Result<Option<(Holder, Option<RunId>)>, Error> {
        let path = dir.lock_file();
        let held = HELD.table();
        if let Some(ours) = ours::id(&path).and_then(|id| held.get(&id)) {
            return Ok(Some((ours.by.clone(), ours.run.clone())));
        }
        let failed = |source| Error::StateDir { path: path.clone(), source };
        let Some(mut file) = if_there(File::open(&path)).map_err(failed)? else { return Ok(None) };
        let pid = locked_by(&file).map_err(|error| failed(error.into()))?;
        Ok(pid.map(|pid| read_holder(&mut file, Some(pid))))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        HELD.table().remove(&self.0);
    }
}

/// What a holder says of itself in the file.
#[derive(Serialize, Deserialize)]
struct Note {
    #[serde(flatten)]
    holder: Holder,
    run: Option<RunId>,
}

fn write(file: &mut File, holder: &Holder, run: Option<&RunId>) -> io::Result<()> {
    let text = serde_json::to_vec(&Note { holder: holder.clone(), run: run.cloned() })?;
    file.rewind()?;
    // In one piece over what is there: a reader meanwhile finds one of both, or what is no note.
    file.write_all(&text)?;
    file.set_len(text.len() as u64)
}

/// The process that holds the lock, by a look that takes nothing.
fn locked_by(file: &File) -> rustix::io::Result<Option<Pid>> {
    let whole = Flock { start: 0, length: 0, pid: None, typ: FlockType::ReadLock, offset_type: FlockOffsetType::Set };
    // A holder in another namespace has no number here.
    let found = fcntl_getlk(file, &whole)?.filter(|found| found.typ != FlockType::Unlocked);
    Ok(found.map(|found| found.pid.unwrap_or(Pid::INIT)))
}

/// What the holder, whose process is `pid` if that is known, says of itself. For a moment after it took the lock the note
/// is missing, or is that of a holder that is gone; then only its number is known.
fn read_holder(file: &mut File, pid: Option<Pid>) -> (Holder, Option<RunId>) {
    let mut text = String::new();
    let _ = file.read_to_string(&mut text);
    let seen = pid.filter(|pid| *pid != Pid::INIT).and_then(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok());
    let note: Option<Note> = serde_json::from_slice(text.as_bytes()).ok();
    match note.filter(|note| seen.is_none_or(|seen| seen == note.holder.pid)) {
        Some(Note { holder, run }) => (holder, run),
        None => {
            let [user, doing] = ["unknown", "unknown"].map(str::to_owned);
            (Holder { pid: seen.unwrap_or(0), user, doing, since: 0 }, None)
        }
    }
}
