//! A place to read or to change: a directory that is held, and a name in it. Nothing here is looked up twice.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::descent::{Id, id_of};
use crate::error::Error;
use crate::escaped::to_path;

/// More links than the kernel itself would follow (path_resolution(7)).
const LINKS: usize = 40;

/// A name in a directory that is held open: the only way to name something that is read, replaced or removed.
///
/// Its path was followed once. Links above it were followed when root or the caller owns them, for the owner of a link
/// decides where it leads, also a moment later; one of somebody else is refused. Who swaps a directory or a link on
/// the way afterwards changes nothing: what is done is done in the directory that is held.
#[derive(Debug)]
pub struct Spot {
    dir: OwnedFd,
    name: OsString,
    path: PathBuf,
    real: PathBuf,
}

impl Spot {
    /// The place of an absolute path. `None` when a directory above it is not there.
    pub fn find(path: &Path) -> Result<Option<Self>, Error> {
        let (parent, name) = split(path)?;
        let reached = follow(parent)?;
        if !reached.missing.is_empty() {
            return Ok(None);
        }
        let real = reached.real.join(name);
        Ok(Some(Self { dir: reached.dir, name: name.to_os_string(), path: path.to_path_buf(), real }))
    }

    /// The same, and an error when a directory above it is not there.
    pub fn known(path: &Path) -> Result<Self, Error> {
        Self::find(path)?.ok_or_else(|| Error::io("find the directory of", path, Errno::NOENT))
    }

    /// The same with the directories above it, which are made where they are missing.
    pub fn making(path: &Path, mode: u32) -> Result<Self, Error> {
        let (parent, name) = split(path)?;
        let Reached { mut dir, mut real, missing, .. } = follow(parent)?;
        for part in missing {
            real.push(&part);
            let failed = |error: Errno| Error::io("create", &real, error);
            match rustix::fs::mkdirat(&dir, &part, Mode::from_raw_mode(mode)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(failed(error)),
            }
            dir = crate::openat::open_directory(dir.as_fd(), &part).map_err(failed)?;
        }
        real.push(name);
        Ok(Self { dir, name: name.to_os_string(), path: path.to_path_buf(), real })
    }

    /// A name in a directory that is open already and is at `dir_path`.
    pub(crate) fn within(dir: BorrowedFd<'_>, dir_path: &Path, name: &OsStr) -> Result<Self, Error> {
        let path = dir_path.join(name);
        let dir = dir.try_clone_to_owned().map_err(|error| Error::io("open the directory of", &path, error))?;
        Ok(Self { dir, name: name.to_os_string(), real: path.clone(), path })
    }

    /// Another name in the same directory.
    pub fn beside(&self, name: &OsStr) -> Result<Self, Error> {
        let dir = self.dir.try_clone().map_err(|error| Error::io("open the directory of", &self.path, error))?;
        let [path, real] = [&self.path, &self.real].map(|path| path.with_file_name(name));
        Ok(Self { dir, name: name.to_os_string(), path, real })
    }

    /// The directory that holds it.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    /// Its name there.
    #[must_use]
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// The path as it was asked for, for messages.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it was found: no directory above it is a link.
    #[must_use]
    pub fn real(&self) -> &Path {
        &self.real
    }

    /// The path of the directory that holds it, for messages.
    #[must_use]
    pub fn parent(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// What is there now, a link itself and not what it leads to. `None` when nothing is.
    pub fn stat(&self) -> Result<Option<Stat>, Error> {
        match rustix::fs::statat(&self.dir, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(Error::io("look at", &self.path, error)),
        }
    }

    /// Whether a path is what is there, or is below it: by the directories that there are, whatever their names. Also what
    /// is not there yet is below what holds it.
    pub fn holds(&self, path: &Path) -> Result<bool, Error> {
        let Some(at) = self.stat()?.map(|stat| id_of(&stat)) else { return Ok(false) };
        Ok(ids_up_from(path)?.contains(&at))
    }

    /// Makes durable which names the directory holds.
    pub fn sync(&self) -> Result<(), Error> {
        rustix::fs::fsync(&self.dir).map_err(|error| Error::io("make durable", self.parent(), error))
    }

    /// An error when the path leads to another directory by now: what was done is not where it was meant to be.
    pub fn still_there(&self) -> Result<(), Error> {
        let held = rustix::fs::fstat(&self.dir).map_err(|error| Error::io("look at", self.parent(), error))?;
        let now = Self::find(&self.path)?;
        let now = now.map(|now| rustix::fs::fstat(&now.dir)).transpose();
        let now = now.map_err(|error| Error::io("look at", self.parent(), error))?;
        if now.is_some_and(|now| id_of(&now) == id_of(&held)) {
            return Ok(());
        }
        let why = "a directory above it was swapped for another one meanwhile; find out who does that, and go on then";
        Err(Error::BadPath { path: self.path.clone(), why })
    }
}

fn split(path: &Path) -> Result<(&Path, &OsStr), Error> {
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if path.is_absolute() => Ok((parent, name)),
        _ => Err(Error::BadPath { path: path.to_path_buf(), why: "it is not an absolute path with a name" }),
    }
}

/// The path with the links above it followed, as far as there is anything. The path itself may be a link.
pub(crate) fn real(path: &Path) -> Result<PathBuf, Error> {
    if path == Path::new("/") {
        return Ok(path.to_path_buf());
    }
    let (parent, name) = split(path)?;
    let mut reached = follow(parent)?;
    reached.real.extend(reached.missing);
    reached.real.push(name);
    Ok(reached.real)
}

/// The directories from a path up to the root, the path itself first: whatever their names are.
pub(crate) fn ids_up_from(path: &Path) -> Result<Vec<Id>, Error> {
    let reached = follow(path)?;
    let failed = |error: Errno| Error::io("look above", path, error);
    let mut ids = Vec::new();
    let mut dir = reached.dir;
    loop {
        let id = id_of(&rustix::fs::fstat(&dir).map_err(failed)?);
        if ids.last() == Some(&id) {
            return Ok(ids);
        }
        ids.push(id);
        let flags = held_flags() | OFlags::NOFOLLOW;
        dir = rustix::fs::openat(&dir, "..", flags, Mode::empty()).map_err(failed)?;
    }
}

/// How far a path leads.
struct Reached {
    dir: OwnedFd,
    real: PathBuf,
    /// What is not there, from there on.
    missing: Vec<OsString>,
}

/// A directory that is only passed through needs no permission to be read.
#[cfg(target_os = "linux")]
fn held_flags() -> OFlags {
    OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC
}

#[cfg(not(target_os = "linux"))]
fn held_flags() -> OFlags {
    OFlags::DIRECTORY | OFlags::CLOEXEC
}

/// Follows a path of directories, once.
fn follow(path: &Path) -> Result<Reached, Error> {
    let reached = match without_links(path) {
        Some(reached) => reached,
        None => by_steps(path)?,
    };
    // What is held has to be listed and made durable. Where that is not allowed, what needs it says so.
    match rustix::fs::openat(&reached.dir, ".", OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
        Ok(dir) => Ok(Reached { dir, ..reached }),
        Err(Errno::ACCESS) => Ok(reached),
        Err(error) => Err(Error::io("open", &reached.real, error)),
    }
}

/// One call where the kernel has it and there is no link. `None` where it is to be looked at name by name.
#[cfg(all(target_os = "linux", not(feature = "portable")))]
fn without_links(path: &Path) -> Option<Reached> {
    use rustix::fs::ResolveFlags;
    let plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let dir = plain.then(|| rustix::fs::openat2(CWD, path, held_flags(), Mode::empty(), resolve))?.ok()?;
    Some(Reached { dir, real: path.components().collect(), missing: Vec::new() })
}

#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
fn without_links(_: &Path) -> Option<Reached> {
    None
}

fn by_steps(path: &Path) -> Result<Reached, Error> {
    let failed = |at: &Path, error: Errno| Error::io("follow", at, error);
    let root = || rustix::fs::openat(CWD, "/", held_flags(), Mode::empty()).map_err(|error| failed(path, error));
    // Every directory on the way stays held, so that `..` in a link leads to the one that was passed.
    let mut way: Vec<(OwnedFd, PathBuf)> = vec![(root()?, PathBuf::from("/"))];
    let mut todo: Vec<OsString> = parts(path);
    let mut links = 0;
    while let Some(part) = todo.pop() {
        if part == ".." {
            way.truncate(way.len().saturating_sub(1).max(1));
            continue;
        }
        let Some((dir, at)) = way.last() else { break };
        let next = at.join(&part);
        let flags = held_flags() | OFlags::NOFOLLOW;
        match rustix::fs::openat(dir, &part, flags, Mode::empty()) {
            Ok(fd) => way.push((fd, next)),
            Err(Errno::NOTDIR | Errno::LOOP) => {
                let Some(target) = judged_link(dir.as_fd(), &part, &next, path)? else {
                    todo.push(part);
                    break;
                };
                links += 1;
                if links > LINKS {
                    return Err(failed(path, Errno::LOOP));
                }
                if target.is_absolute() {
                    way.truncate(1);
                }
                todo.extend(parts(&target));
            }
            Err(Errno::NOENT) => {
                todo.push(part);
                break;
            }
            Err(error) => return Err(failed(&next, error)),
        }
    }
    todo.reverse();
    match way.pop() {
        Some((dir, real)) => Ok(Reached { dir, real, missing: todo }),
        None => Err(failed(path, Errno::NOENT)),
    }
}

/// The names of a path, the last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let named = path.components().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    named.rev().map(|part| part.as_os_str().to_os_string()).collect()
}

/// Where a link leads, if it is one and may be followed. `None` when it is no link.
fn judged_link(dir: BorrowedFd<'_>, name: &OsStr, at: &Path, path: &Path) -> Result<Option<PathBuf>, Error> {
    let failed = |error: Errno| Error::io("follow", at, error);
    // Held, so that who is asked is who wrote what is read.
    #[cfg(target_os = "linux")]
    let (owner, target) = {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let link = rustix::fs::openat(dir, name, flags, Mode::empty()).map_err(failed)?;
        let stat = rustix::fs::fstat(&link).map_err(failed)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
            return Ok(None);
        }
        (stat.st_uid, rustix::fs::readlinkat(&link, "", Vec::new()).map_err(failed)?)
    };
    #[cfg(not(target_os = "linux"))]
    let (owner, target) = {
        let stat = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
            return Ok(None);
        }
        (stat.st_uid, rustix::fs::readlinkat(dir, name, Vec::new()).map_err(failed)?)
    };
    let target = to_path(target.into_bytes());
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(Error::SomebodysLink { path: path.to_path_buf(), link: at.to_path_buf(), owner, target });
    }
    // The owner of the directory may move a link that root made, also to another name.
    let holder = rustix::fs::fstat(dir).map_err(failed)?;
    let ours = holder.st_uid == 0 || holder.st_uid == rustix::process::geteuid().as_raw();
    if !ours || holder.st_mode & 0o002 != 0 {
        return Err(Error::LooseLink { path: path.to_path_buf(), link: at.to_path_buf(), target });
    }
    Ok(Some(target))
}

/// What a path leads to when it is a link: every further place on the way to what is no link, or is not there. Empty
/// when it is none.
pub fn leads_to(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut places = Vec::new();
    let mut at = path.to_path_buf();
    for _ in 0..LINKS {
        let Some(spot) = Spot::find(&at)? else { return Ok(places) };
        let Some(target) = judged_link_if_any(&spot)? else { return Ok(places) };
        at = real(&lexically(&spot.real, &target))?;
        places.push(at.clone());
    }
    Err(Error::BadPath { path: path.to_path_buf(), why: "it leads through too many links, or in a circle" })
}

fn judged_link_if_any(spot: &Spot) -> Result<Option<PathBuf>, Error> {
    match spot.stat()? {
        Some(_) => judged_link(spot.fd(), &spot.name, &spot.real, &spot.path),
        None => Ok(None),
    }
}

/// The target of a link that is at `link`, made absolute. `..` at its end is left for the directory to answer.
fn lexically(link: &Path, target: &Path) -> PathBuf {
    let joined = link.parent().unwrap_or(Path::new("/")).join(target);
    if joined.file_name().is_some() {
        return joined.components().collect();
    }
    // It ends in `..`: only the directory itself can tell its name.
    joined.canonicalize().unwrap_or(joined)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_above_are_followed_once_and_what_is_held_stays() {
        let scratch = tempfile::tempdir().unwrap();
        let top = scratch.path().canonicalize().unwrap();
        let at = |name: &str| top.join(name);
        std::fs::create_dir_all(at("a/b")).unwrap();
        symlink("a/../a/b", at("l")).unwrap();
        symlink(at("l"), at("m")).unwrap();
        let spot = Spot::find(&at("m/f")).unwrap().unwrap();
        assert_eq!(spot.real(), at("a/b/f"));
        std::fs::write(at("a/b/f"), "x").unwrap();
        std::fs::rename(at("a/b"), at("moved")).unwrap();
        assert!(spot.stat().unwrap().is_some());
        assert!(spot.still_there().is_err());
        assert!(Spot::find(&at("m/f")).unwrap().is_none());
        assert_eq!(real(&at("m/x/f")).unwrap(), at("a/b/x/f"));
    }

    #[test]
    fn what_a_link_leads_to() {
        let scratch = tempfile::tempdir().unwrap();
        let top = scratch.path().canonicalize().unwrap();
        let at = |name: &str| top.join(name);
        std::fs::create_dir_all(at("private/x")).unwrap();
        for (link, target) in [
            ("x", "private/x"),
            ("y", "x"),
            ("gone", "nowhere/at/all"),
            ("loop", "pool"),
            ("pool", "loop"),
            ("up", "private/.."),
        ] {
            symlink(target, at(link)).unwrap();
        }
        assert_eq!(leads_to(&at("private")).unwrap(), Vec::<PathBuf>::new());
        assert_eq!(leads_to(&at("x")).unwrap(), [at("private/x")]);
        assert_eq!(leads_to(&at("y")).unwrap(), [at("x"), at("private/x")]);
        assert_eq!(leads_to(&at("gone")).unwrap(), [at("nowhere/at/all")]);
        assert_eq!(leads_to(&at("up")).unwrap(), std::slice::from_ref(&top));
        assert!(leads_to(&at("loop")).is_err());
    }
}
