//! Changes of whole files and trees: copying, removing, clearing a directory in a place that others share.

use super::reader::PIECE;
use super::regular::open_regular;
use super::writer::{parent_of, sync_dir};
use super::{Host, io_failure};
use runbook_model::Failure;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags, openat, renameat, renameat_with, statat};
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// Begins the names of directories that a cache is moved into before it is removed.
const CLEARED: &str = ".runbook-cleared-";
/// Begins the name of the same directory if what was moved there turned out to be no cache.
const KEPT: &str = ".runbook-kept-";

impl Host {
    /// Copies the content of the file `from` to `path` with permission bits `mode`, with the guarantees of
    /// [`replace_file`](Self::replace_file), in constant memory.
    pub fn copy_file(&self, from: &Path, path: &Path, mode: u32) -> Result<(), Failure> {
        self.usable_path(from)?;
        self.usable_path(path)?;
        self.act()?;
        let failed = |error: io::Error| io_failure("write", path, &error);
        let unread = |error: io::Error| io_failure("read", from, &error);
        let parent = parent_of(path)?;
        let gone = || unread(io::ErrorKind::NotFound.into());
        let mut source = open_regular(from)?.ok_or_else(gone)?;
        let mut staged = self.stage_file(path)?;
        loop {
            self.still_wanted()?;
            if io::copy(&mut Read::by_ref(&mut source).take(PIECE), staged.as_file_mut()).map_err(failed)? == 0 {
                break;
            }
        }
        self.dress(staged.as_file(), path, mode)?;
        staged.as_file().sync_all().map_err(failed)?;
        staged.persist(path).map_err(|error| failed(error.error))?;
        sync_dir(parent).map_err(failed)
    }

    /// Removes a file, a symlink or a directory with all that it holds, without following any link; nothing there is
    /// fine. One act, which may be left half-done by a crash and can be called again. What is not
    /// [`expendable`](super::Reader::expendable) is refused.
    pub fn remove_tree(&self, path: &Path) -> Result<(), Failure> {
        self.usable_path(path)?;
        self.expendable(path)?;
        let Some(found) = self.lstat(path)? else { return Ok(()) };
        if !found.is_dir() {
            return self.remove(path);
        }
        self.act()?;
        let failed = |error: io::Error| io_failure("remove", path, &error);
        fs::remove_dir_all(path).map_err(failed)?;
        sync_dir(parent_of(path)?).map_err(failed)
    }

    /// Empties the place of a cache in a directory that others may write to, such as `/tmp`.
    ///
    /// The directory at `path` is moved by one rename into a fresh directory that only the caller can enter, looked at
    /// there once more, and removed; it is put back and refused unless one of `owners` owns it and `judge` finds nothing
    /// wrong with what was moved. Nobody who can write to the shared directory can make this remove something else. Says
    /// how many entries went; `None` if nothing was there.
    pub fn clear_shared_dir(
        &self,
        path: &Path,
        owners: &[u32],
        judge: &dyn Fn(&Path) -> Result<(), Failure>,
    ) -> Result<Option<u64>, Failure> {
        let failed = |error: io::Error| io_failure("clear", path, &error);
        let parent = parent_of(path)?;
        let Some(name) = path.file_name() else {
            return Err(Failure::refused(format!("{} is not the name of a directory", path.display())));
        };
        self.forget_cleared(parent)?;
        if self.lstat(path)?.is_none() {
            return Ok(None);
        }
        self.expendable(path)?;
        self.act()?;
        self.own_way_to(path)?;
        let real = self.canonical(parent)?.unwrap_or_else(|| parent.to_path_buf());
        let shared = open_without_links(&real).map_err(failed)?;
        let apart = tempfile::Builder::new().prefix(CLEARED).tempdir_in(&real).map_err(failed)?;
        let own = openat(
            CWD,
            apart.path(),
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .map_err(|error| failed(error.into()))?;
        renameat(&shared, name, &own, name).map_err(|error| failed(error.into()))?;
        let moved = statat(&own, name, AtFlags::SYMLINK_NOFOLLOW).map_err(|error| failed(error.into()))?;
        let is_dir = rustix::fs::FileType::from_raw_mode(moved.st_mode) == rustix::fs::FileType::Directory;
        let inside = apart.path().join(name);
        let judged = if is_dir && owners.contains(&moved.st_uid) {
            judge(&inside)
        } else {
            let message = format!("{} was swapped for something else while it was being cleared", path.display());
            Err(Failure::refused(message).hint("find out who writes there before you go on"))
        };
        if let Err(failure) = judged {
            if let Err(error) = renameat_with(&own, name, &shared, name, RenameFlags::NOREPLACE) {
                return Err(kept(apart, &inside, &failed(error.into())));
            }
            return Err(failure);
        }
        let entries = count(&inside);
        apart.close().map_err(failed)?;
        sync_dir(parent).map_err(failed)?;
        Ok(Some(entries))
    }

    /// Removes what a crash in the middle of [`clear_shared_dir`](Self::clear_shared_dir) left.
    fn forget_cleared(&self, parent: &Path) -> Result<(), Failure> {
        let own = rustix::process::geteuid().as_raw();
        for name in self.list(parent)?.unwrap_or_default() {
            let left: PathBuf = parent.join(&name);
            let is_own = |found: fs::Metadata| found.is_dir() && found.uid() == own && found.mode() & 0o077 == 0;
            if name.to_string_lossy().starts_with(CLEARED) && self.lstat(&left)?.is_some_and(is_own) {
                self.remove_tree(&left)?;
            }
        }
        Ok(())
    }
}

/// What is not to be removed and has no way back stays where it was moved to, under a name that no later clearing removes.
fn kept(apart: tempfile::TempDir, inside: &Path, why: &Failure) -> Failure {
    let dir = apart.keep();
    let name = dir.file_name().unwrap_or_default().to_string_lossy().replacen(CLEARED, KEPT, 1);
    let aside = dir.with_file_name(name);
    let dir = if fs::rename(&dir, &aside).is_ok() { aside } else { dir };
    let place = dir.join(inside.file_name().unwrap_or_default());
    Failure::refused(format!("{} is no cache, and could not be put back: {}", place.display(), why.message))
        .hint("move it back by hand, and find out who writes there")
}

/// Opens the directory at the absolute path `path`, which has no symlink in it; fails if one has been put there by now.
fn open_without_links(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut dir = openat(CWD, "/", flags, Mode::empty())?;
    for part in path.components() {
        if let Component::Normal(name) = part {
            dir = openat(&dir, name, flags, Mode::empty())?;
        }
    }
    Ok(dir)
}

/// How many entries a tree has; what cannot be read counts as nothing.
fn count(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    entries
        .flatten()
        .map(|entry| 1 + if entry.file_type().is_ok_and(|kind| kind.is_dir()) { count(&entry.path()) } else { 0 })
        .sum()
}
