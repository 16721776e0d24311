//! What a controller remembers of rollouts: of each attempt a directory with what it was made from, a file of records, one a line, and
//! what other processes tell its controller. What the records mean is not judged here.
//!
//! It is apart from the journal of the host: a rollout goes on while runs of this host begin and end.

use crate::{Error, Holder, Lock, StateDir, Stored};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// An attempt at a rollout.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attempt {
    /// The name of the rollout: letters, digits, `.`, `_` and `-`, and first a letter or digit.
    pub rollout: String,
    /// Which apply of that name it is, from 1.
    pub number: u32,
}

/// The journal of an attempt, for the one controller that holds it. Dropping it, or dying, lets it go.
#[derive(Debug)]
pub struct RolloutJournal {
    attempt: Attempt,
    dir: PathBuf,
    records: File,
    last: u64,
    /// The names of letters that cannot be read, which was told once.
    unread: BTreeSet<String>,
    _lock: Lock,
}

/// What another process told the controller of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    name: String,
    /// What it says.
    pub body: String,
}

impl StateDir {
    /// The attempts at rollouts that this controller knows, by name and number.
    pub fn attempts(&self) -> Result<Vec<Attempt>, Error> {
        let mut found = Vec::new();
        for rollout in names(&self.rollouts())? {
            for number in names(&self.rollouts().join(&rollout))?.iter().filter_map(|name| name.parse().ok()) {
                let attempt = Attempt { rollout: rollout.clone(), number };
                // One that was cut short before its saved text was there has no record either.
                if self.attempt(&attempt).join(SAVED).exists() {
                    found.push(attempt);
                }
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// What an attempt was made from.
    pub fn saved_of_attempt(&self, attempt: &Attempt) -> Result<String, Error> {
        let path = self.attempt(attempt).join(SAVED);
        fs::read_to_string(&path).map_err(|source| match source.kind() {
            ErrorKind::NotFound => Error::NoSuchAttempt(attempt.to_string()),
            _ => Error::Unreadable { path, source },
        })
    }

    /// The records of an attempt after the one with the number `seq` (0: all), in order, each as it was written. Takes no lock.
    pub fn records_of_attempt(&self, attempt: &Attempt, seq: u64) -> Result<Vec<Stored>, Error> {
        self.saved_of_attempt(attempt)?;
        let path = self.attempt(attempt).join(RECORDS);
        let text = read(&path)?;
        let lines = whole(&text).lines().zip(1..).filter(|(_, number)| *number > seq);
        Ok(lines.map(|(body, seq)| Stored { seq, body: body.to_owned() }).collect())
    }

    /// Who holds the rollout of that name now.
    pub fn controller_of(&self, rollout: &str) -> Result<Option<Holder>, Error> {
        Lock::holder(&self.held(rollout))
    }

    /// Tells the controller of an attempt something, which takes it soon, or the next one. The same under the same name once.
    pub fn tell_attempt(&self, attempt: &Attempt, name: &str, body: &str) -> Result<(), Error> {
        self.saved_of_attempt(attempt)?;
        let dir = self.attempt(attempt).join(TOLD);
        self.create_below(&dir)?;
        write_whole(&dir.join(name), body).map_err(|source| Error::StateDir { path: dir, source })
    }

    /// Removes what is kept of an attempt; refused while a controller holds the rollout.
    pub fn forget_attempt(&self, attempt: &Attempt, holder: &Holder) -> Result<(), Error> {
        let _lock = Lock::acquire(&self.held(&attempt.rollout), holder)?;
        let path = self.attempt(attempt);
        // What was cut short is no attempt any more.
        let gone = fs::remove_file(path.join(SAVED)).and_then(|()| fs::remove_dir_all(&path));
        gone.map_err(|source| Error::StateDir { path, source })
    }

    /// Where whoever goes on with an attempt lays out the files that it was made from.
    pub fn files_of_attempt(&self, attempt: &Attempt) -> PathBuf {
        self.attempt(attempt).join(FILES)
    }

    /// Where a controller keeps what proven hosts gave, to give it to others.
    pub fn artifacts(&self) -> PathBuf {
        self.path().join("artifacts")
    }

    fn rollouts(&self) -> PathBuf {
        self.path().join("rollouts")
    }

    /// Where the lock of a rollout is, apart from its attempts.
    fn held(&self, rollout: &str) -> Self {
        Self::at(self.rollouts().join(rollout).join("held"))
    }

    fn attempt(&self, attempt: &Attempt) -> PathBuf {
        self.rollouts().join(&attempt.rollout).join(attempt.number.to_string())
    }
}

impl std::fmt::Display for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, attempt {}", self.rollout, self.number)
    }
}

const SAVED: &str = "saved.json";
const RECORDS: &str = "records";
const TOLD: &str = "told";
const FILES: &str = "files";

impl RolloutJournal {
    /// Begins the next attempt at `rollout`, which was made from what `saved` gives for its number and the attempt before it. That is
    /// asked behind the lock: nobody goes on with the attempt before meanwhile.
    ///
    /// # Errors
    /// Another controller holds it, the name is none, or `saved` gives none.
    pub fn begin<E: From<Error>>(
        dir: &StateDir,
        rollout: &str,
        holder: &Holder,
        saved: impl FnOnce(u32, Option<&Attempt>) -> Result<String, E>,
    ) -> Result<Self, E> {
        let lock = hold(dir, rollout, holder)?;
        let before = dir.attempts()?.into_iter().rfind(|attempt| attempt.rollout == rollout);
        let number = before.as_ref().map_or(0, |attempt| attempt.number) + 1;
        let saved = saved(number, before.as_ref())?;
        let attempt = Attempt { rollout: rollout.to_owned(), number };
        Ok(Self::make(dir, attempt, &saved, lock)?)
    }

    fn make(dir: &StateDir, attempt: Attempt, saved: &str, lock: Lock) -> Result<Self, Error> {
        let path = dir.attempt(&attempt);
        dir.create_below(&path)?;
        let failed = |source| Error::StateDir { path: path.clone(), source };
        // Of one that was cut short.
        match fs::remove_file(path.join(RECORDS)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        write_whole(&path.join(SAVED), saved).map_err(failed)?;
        for above in path.ancestors().take(3) {
            File::open(above).and_then(|above| above.sync_all()).map_err(failed)?;
        }
        Self::of(path, attempt, lock)
    }

    /// Goes on with an attempt.
    ///
    /// # Errors
    /// Another controller holds it, or there is none such.
    pub fn open(dir: &StateDir, attempt: &Attempt, holder: &Holder) -> Result<Self, Error> {
        dir.saved_of_attempt(attempt)?;
        let lock = hold(dir, &attempt.rollout, holder)?;
        Self::of(dir.attempt(attempt), attempt.clone(), lock)
    }

    fn of(dir: PathBuf, attempt: Attempt, lock: Lock) -> Result<Self, Error> {
        let path = dir.join(RECORDS);
        let failed = |source| Error::StateDir { path: path.clone(), source };
        let text = read(&path)?;
        let records = OpenOptions::new().append(true).create(true).mode(0o600).open(&path).map_err(failed)?;
        // What a power cut left of a line was never acted on.
        records.set_len(whole(&text).len() as u64).map_err(failed)?;
        File::open(&dir).and_then(|dir| dir.sync_all()).map_err(failed)?;
        let last = whole(&text).lines().count() as u64;
        Ok(Self { attempt, dir, records, last, unread: BTreeSet::new(), _lock: lock })
    }

    /// Which it is.
    pub fn attempt(&self) -> &Attempt {
        &self.attempt
    }

    /// Appends records, each one line of text without a break in it, and makes them durable.
    pub fn append(&mut self, bodies: &[String]) -> Result<(), Error> {
        let failed = |source| Error::StateDir { path: self.dir.join(RECORDS), source };
        let text: String = bodies.iter().flat_map(|body| [body.as_str(), "\n"]).collect();
        self.records.write_all(text.as_bytes()).and_then(|()| self.records.sync_data()).map_err(failed)?;
        self.last += bodies.len() as u64;
        Ok(())
    }

    /// The number of the last record.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// What other processes told and was not [`heard`](Self::heard), in the order of the names. What cannot be read is told once, and
    /// holds up nothing beside it.
    pub fn letters(&mut self) -> Result<Vec<Result<Letter, Error>>, Error> {
        let dir = self.dir.join(TOLD);
        let mut found = Vec::new();
        for name in names(&dir)?.into_iter().filter(|name| !name.starts_with('.')) {
            match read(&dir.join(&name)) {
                Ok(body) => found.push(Ok(Letter { name, body })),
                Err(error) if self.unread.insert(name) => found.push(Err(error)),
                Err(_) => {}
            }
        }
        Ok(found)
    }

    /// What `letter` says is on record, or means nothing. One of that name that says something else by now stays.
    pub fn heard(&self, letter: &Letter) -> Result<(), Error> {
        let path = self.dir.join(TOLD).join(&letter.name);
        if read(&path)? != letter.body {
            return Ok(());
        }
        match fs::remove_file(&path) {
            Err(source) if source.kind() != ErrorKind::NotFound => Err(Error::StateDir { path, source }),
            _ => Ok(()),
        }
    }
}

fn hold(dir: &StateDir, rollout: &str, holder: &Holder) -> Result<Lock, Error> {
    let first = rollout.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !first || !rollout.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')) {
        return Err(Error::NoSuchAttempt(rollout.to_owned()));
    }
    dir.create()?;
    let held = dir.held(rollout);
    dir.create_below(held.path())?;
    Lock::acquire(&held, holder)
}

/// The lines that are whole.
fn whole(text: &str) -> &str {
    text.rfind('\n').and_then(|end| text.get(..=end)).unwrap_or("")
}

/// A text that need not be there.
fn read(path: &Path) -> Result<String, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(source) => Err(Error::Unreadable { path: path.to_owned(), source }),
    }
}

/// A file that is there whole or not at all.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let staged = path.with_file_name(format!(".{}", path.file_name().unwrap_or_default().to_string_lossy()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&staged)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&staged, path)
}

/// What is in a directory that need not be there.
fn names(dir: &Path) -> Result<Vec<String>, Error> {
    let unreadable = |source| Error::Unreadable { path: dir.to_owned(), source };
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(unreadable)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(unreadable)?.file_name().into_string().ok());
    }
    names.sort_unstable();
    Ok(names)
}
