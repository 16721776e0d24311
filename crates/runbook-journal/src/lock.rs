//! One run a state directory: an advisory lock that dies with its holder and says who holds it.
//!
//! Two locks on one file: `flock` keeps others out; a POSIX record lock beside it can be looked at without being taken
//! (`F_GETLK`), so that a look at who is at work never keeps anybody out. Inside the process that holds it, `ours.rs` answers.

use crate::image::if_there;
use crate::ours::{self, Id, Ours};
use crate::{Error, Holder, StateDir};
use rustix::fs::{FlockOperation, fcntl_lock, flock};
use rustix::process::{Flock, FlockOffsetType, FlockType, Pid, fcntl_getlk};
use serde_json::{Value, json};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;

static HELD: Ours<(File, Holder)> = Ours::new();

/// The lock. Dropping it, or dying, lets it go.
#[derive(Debug)]
pub struct Lock(Id);

impl Lock {
    /// Takes the lock, or says who has it. Never waits.
    pub fn acquire(dir: &StateDir, holder: &Holder) -> Result<Self, Error> {
        dir.create()?;
        let path = dir.lock_file();
        let failed = |source: std::io::Error| Error::StateDir { path: path.clone(), source };
        let mut held = HELD.table();
        if let Some((_, by)) = ours::id(&path).and_then(|id| held.get(&id)) {
            return Err(Error::Held(by.clone()));
        }
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let pid = locked_by(&file).unwrap_or(None);
                return Err(Error::Held(read_holder(&mut file, pid)));
            }
            Err(error) => return Err(failed(error.into())),
        }
        fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|error| failed(error.into()))?;
        write(&mut file, holder).map_err(failed)?;
        let id = ours::id_of(&file).map_err(failed)?;
        held.insert(id, (file, holder.clone()));
        Ok(Self(id))
    }

    /// Who holds the lock now, without taking it or writing anything.
    pub fn holder(dir: &StateDir) -> Result<Option<Holder>, Error> {
        let path = dir.lock_file();
        let held = HELD.table();
        if let Some((_, by)) = ours::id(&path).and_then(|id| held.get(&id)) {
            return Ok(Some(by.clone()));
        }
        let failed = |source| Error::StateDir { path: path.clone(), source };
        let Some(mut file) = if_there(File::open(&path)).map_err(failed)? else { return Ok(None) };
        let pid = locked_by(&file).map_err(|error| failed(error.into()))?;
        Ok(pid.map(|pid| read_holder(&mut file, Some(pid))))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        HELD.table().remove(&self.0);
    }
}

fn write(file: &mut File, holder: &Holder) -> std::io::Result<()> {
    let text = json!({ "pid": holder.pid, "user": holder.user, "doing": holder.doing, "since": holder.since });
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text.to_string().as_bytes())
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
fn read_holder(file: &mut File, pid: Option<Pid>) -> Holder {
    let mut text = String::new();
    let _ = file.read_to_string(&mut text);
    let note: Value = serde_json::from_str(&text).unwrap_or_default();
    let noted = note.get("pid").and_then(Value::as_i64);
    let seen = pid.filter(|pid| *pid != Pid::INIT).map(|pid| i64::from(pid.as_raw_nonzero().get()));
    let note = if seen.is_some() && seen != noted { Value::Null } else { note };
    let words = |key: &str| note.get(key).and_then(Value::as_str).unwrap_or("unknown").to_owned();
    Holder {
        pid: seen.or(noted).and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0),
        user: words("user"),
        doing: words("doing"),
        since: note.get("since").and_then(Value::as_i64).unwrap_or(0),
    }
}
