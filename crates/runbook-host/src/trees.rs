//! Changes of whole files and trees: copying, removing, clearing a directory in a place that others share.

use crate::places::{done_there, found_at, place_failure, place_if_any};
use crate::reader::PIECE;
use crate::regular::open_regular;
use crate::staged::free_name;
use crate::{Host, io_failure};
use runbook_backup::Spot;
use runbook_model::Failure;
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RenameFlags, Stat, fstat, mkdirat, openat, renameat, renameat_with, statat,
};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Begins the names of directories that a cache is moved into before it is removed.
const CLEARED: &str = ".runbook-cleared-";
/// Begins the name of the same directory if what was moved there turned out to be no cache.
const KEPT: &str = ".runbook-kept-";

/// A copy that root makes in a directory of the source's owner belongs to that owner, who could not use it otherwise. In any
/// other directory it belongs to root: who owns the source must not own a part of the system.
fn give_to_owner_of(source: &File, copy: &File, spot: &Spot) -> io::Result<()> {
    let (of, dir) = (source.metadata()?, fstat(spot.fd())?);
    if !rustix::process::geteuid().is_root() || of.uid() != dir.st_uid {
        return Ok(());
    }
    std::os::unix::fs::fchown(copy, Some(of.uid()), Some(of.gid()))
}

impl Host {
    /// Copies the content of the file `from` to `path` with permission bits `mode`, with the guarantees of
    /// [`replace_file`](Self::replace_file), in constant memory.
    pub fn copy_file(&self, from: &Path, path: &Path, mode: u32) -> Result<(), Failure> {
        self.usable_path(from)?;
        let spot = self.begin(path)?;
        let failed = |error: io::Error| io_failure("write", path, &error);
        let gone = || io_failure("read", from, &io::ErrorKind::NotFound.into());
        let mut source = open_regular(from)?.ok_or_else(gone)?;
        self.put(&spot, mode, |file| {
            loop {
                self.still_wanted()?;
                if io::copy(&mut Read::by_ref(&mut source).take(PIECE), file).map_err(failed)? == 0 {
                    break;
                }
            }
            match found_at(&spot)? {
                None => give_to_owner_of(&source, file, &spot).map_err(failed),
                Some(_) => Ok(()),
            }
        })
    }

    /// Removes a file, a symlink or a directory with all that it holds, without following any link; nothing there is
    /// fine. One act, which may be left half-done by a crash and can be called again. What is not
    /// [`expendable`](Reader::expendable) is refused.
    pub fn remove_tree(&self, path: &Path) -> Result<(), Failure> {
        self.usable_path(path)?;
        self.expendable(path)?;
        let Some(spot) = place_if_any(path)? else { return Ok(()) };
        if found_at(&spot)?.is_none() {
            return Ok(());
        }
        self.act()?;
        spot.remove().map_err(|error| place_failure(path, &error))?;
        done_there(&spot)
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
        let failed = |error: Errno| io_failure("clear", path, &error.into());
        let placed = |error: runbook_backup::Error| place_failure(path, &error);
        let Some(shared) = place_if_any(path)? else { return Ok(None) };
        self.forget_cleared(&shared)?;
        if found_at(&shared)?.is_none() {
            return Ok(None);
        }
        self.expendable(path)?;
        self.act()?;
        let name = shared.name();
        let apart = Apart::beside(&shared)?;
        renameat(shared.fd(), name, &apart.dir, name).map_err(failed)?;
        let moved = statat(&apart.dir, name, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
        let is_dir = FileType::from_raw_mode(moved.st_mode) == FileType::Directory;
        let judged = if is_dir && owners.contains(&moved.st_uid) {
            judge(&apart.inside(name))
        } else {
            let message = format!("{} was swapped for something else while it was being cleared", path.display());
            Err(Failure::refused(message).hint("find out who writes there before you go on"))
        };
        if let Err(failure) = judged {
            if let Err(error) = renameat_with(&apart.dir, name, shared.fd(), name, RenameFlags::NOREPLACE) {
                return Err(apart.kept(name, &failed(error)));
            }
            apart.spot.remove().map_err(placed)?;
            return Err(failure);
        }
        // The directory apart is one of those that go.
        let gone = apart.spot.remove().map_err(placed)?;
        done_there(&shared)?;
        Ok(Some(gone.saturating_sub(2)))
    }

    /// Removes what a crash in the middle of [`clear_shared_dir`](Self::clear_shared_dir) left.
    fn forget_cleared(&self, shared: &Spot) -> Result<(), Failure> {
        let own = rustix::process::geteuid().as_raw();
        for name in self.list(shared.real().parent().unwrap_or(Path::new("/")))?.unwrap_or_default() {
            if !name.to_string_lossy().starts_with(CLEARED) {
                continue;
            }
            let left = shared.beside(&name).map_err(|error| place_failure(shared.path(), &error))?;
            let is_own = |found: Stat| {
                let is_dir = FileType::from_raw_mode(found.st_mode) == FileType::Directory;
                is_dir && found.st_uid == own && found.st_mode & 0o077 == 0
            };
            if found_at(&left)?.is_some_and(is_own) {
                self.act()?;
                left.remove().map_err(|error| place_failure(left.path(), &error))?;
            }
        }
        Ok(())
    }
}

/// A fresh directory beside a place that only the caller can enter.
struct Apart {
    spot: Spot,
    dir: OwnedFd,
}

impl Apart {
    fn beside(place: &Spot) -> Result<Self, Failure> {
        let failed = |error: io::Error| io_failure("clear", place.path(), &error);
        let (name, ()) = free_name(CLEARED, |name| mkdirat(place.fd(), name, Mode::RWXU)).map_err(failed)?;
        let spot = place.beside(&name).map_err(|error| place_failure(place.path(), &error))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = openat(spot.fd(), &name, flags, Mode::empty()).map_err(|error| failed(error.into()))?;
        let found = fstat(&dir).map_err(|error| failed(error.into()))?;
        if found.st_uid != rustix::process::geteuid().as_raw() || found.st_mode & 0o077 != 0 {
            let message = format!("somebody else put a directory in the place of {}", spot.path().display());
            return Err(Failure::refused(message).hint("find out who writes there before you go on"));
        }
        Ok(Self { spot, dir })
    }

    /// A path that leads to what is in it, also when somebody renames the directory.
    fn inside(&self, name: &OsStr) -> PathBuf {
        let held = PathBuf::from(format!("/proc/self/fd/{}", self.dir.as_raw_fd()));
        if held.exists() { held.join(name) } else { self.spot.path().join(name) }
    }

    /// What is not to be removed and has no way back stays where it was moved to, under a name that no later clearing
    /// removes.
    fn kept(self, name: &OsStr, why: &Failure) -> Failure {
        let dir = self.spot.path();
        let kept = self.spot.name().to_string_lossy().replacen(CLEARED, KEPT, 1);
        let moved = renameat(self.spot.fd(), self.spot.name(), self.spot.fd(), &kept).is_ok();
        let place = if moved { dir.with_file_name(kept) } else { dir.to_path_buf() }.join(name);
        Failure::refused(format!("{} is no cache, and could not be put back: {}", place.display(), why.message))
            .hint("move it back by hand, and find out who writes there")
    }
}
