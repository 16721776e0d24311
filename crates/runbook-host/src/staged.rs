//! What is written beside its place before it takes it, in the directory that is held: gone unless it was put in place,
//! and known to the run before it exists, so that a crash leaves nothing.
//!
//! The name begins with the id of the run, and the directory is noted with the run before anything is made in it. The
//! process that goes on with the run, or takes it back, removes what has such a name there.

use crate::{Host, Notes, io_failure};
use runbook_backup::Spot;
use runbook_model::Failure;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::OsString;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

/// How all names of staged files begin.
const PREFIX: &str = ".runbook-";
/// How many names are tried until one is free. That somebody guesses the next one gains nothing.
const ATTEMPTS: u32 = 1000;

/// What will be at a place.
pub(crate) struct Staged<'a> {
    target: &'a Spot,
    name: OsString,
    placed: bool,
}

impl Host {
    /// An empty file beside a place, which only this user may read, to be put there.
    pub(crate) fn stage_file<'a>(&self, target: &'a Spot) -> Result<(Staged<'a>, fs::File), Failure> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let (staged, fd) = self.stage("write", target, |name| rustix::fs::openat(target.fd(), name, flags, mode))?;
        Ok((staged, fd.into()))
    }

    /// A link that says `to` beside a place, to be put there.
    pub(crate) fn stage_link<'a>(&self, target: &'a Spot, to: &Path) -> Result<Staged<'a>, Failure> {
        let (staged, ()) = self.stage("link", target, |name| rustix::fs::symlinkat(to, target.fd(), name))?;
        Ok(staged)
    }

    fn stage<'a, T>(
        &self,
        doing: &str,
        target: &'a Spot,
        make: impl Fn(&OsString) -> Result<T, Errno>,
    ) -> Result<(Staged<'a>, T), Failure> {
        self.errand.running.stages_in(target.real().parent().unwrap_or(Path::new("/")));
        let made = free_name(&prefix(&self.errand.tag), make);
        let (name, made) = made.map_err(|error| io_failure(doing, target.path(), &error))?;
        Ok((Staged { target, name, placed: false }, made))
    }
}

impl Staged<'_> {
    /// Puts it in place in one rename, which is to be made durable.
    pub(crate) fn put_in_place(mut self) -> io::Result<()> {
        let dir = self.target.fd();
        rustix::fs::renameat(dir, &self.name, dir, self.target.name())?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        if !self.placed {
            // It is only in the way; why it was not put in place is what is told.
            let _ = rustix::fs::unlinkat(self.target.fd(), &self.name, AtFlags::empty());
        }
    }
}

/// Makes something under a name that begins with `prefix` and that nothing has yet.
pub(crate) fn free_name<T>(prefix: &str, make: impl Fn(&OsString) -> Result<T, Errno>) -> io::Result<(OsString, T)> {
    let random = RandomState::new();
    for attempt in 0..ATTEMPTS {
        let name = OsString::from(format!("{prefix}{:016x}", random.hash_one(attempt)));
        match make(&name) {
            Ok(made) => return Ok((name, made)),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Errno::EXIST.into())
}

/// How the names begin that work with this tag, `<run>/<step>`, makes.
fn prefix(tag: &str) -> String {
    match tag.split_once('/') {
        Some((run, _)) => format!("{PREFIX}{run}-"),
        None => PREFIX.to_owned(),
    }
}

/// Removes what the dead process of the run `run` has staged and not put in its place.
pub fn remove_staged(notes: &Notes<'_>, run: &str) {
    let begin = prefix(&format!("{run}/"));
    for dir in &notes.staged {
        for name in names_in(dir).unwrap_or_default() {
            // Directories are never staged; one that somebody made is not touched.
            if name.as_encoded_bytes().starts_with(begin.as_bytes())
                && let Ok(Some(spot)) = Spot::find(&dir.join(&name))
            {
                let _ = rustix::fs::unlinkat(spot.fd(), spot.name(), AtFlags::empty());
            }
        }
    }
}

fn names_in(dir: &PathBuf) -> io::Result<Vec<OsString>> {
    fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.file_name())).collect()
}
