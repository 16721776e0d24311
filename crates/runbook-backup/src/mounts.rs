//! Where file systems are mounted.

use std::collections::HashSet;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::escaped;
use crate::spot::Spot;

/// The mounts that this process sees, bind mounts of the same file system among them, which `stat` cannot tell.
#[derive(Debug, Default)]
pub struct Mounts(Vec<Mount>);

/// A mounted file system: a line of `proc_pid_mountinfo(5)`.
#[derive(Debug, PartialEq, Eq)]
pub struct Mount {
    id: u64,
    /// The directory of the file system that is mounted.
    pub root: PathBuf,
    /// Where it is mounted.
    pub point: PathBuf,
    /// The type of the file system.
    pub kind: String,
}

impl Mounts {
    /// Empty where there is no `/proc`; then only a change of device number tells a mount.
    pub fn read() -> Result<Self, Error> {
        let path = Path::new("/proc/self/mountinfo");
        match std::fs::read(path) {
            Ok(table) => Ok(Self(table.split(|byte| *byte == b'\n').filter_map(mount).collect())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Error::io("read", path, error)),
        }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Mount> {
        self.0.iter()
    }

    /// An error where a file system is mounted at the place or below it.
    pub(crate) fn refuse_below(spot: &Spot) -> Result<(), Error> {
        match Self::read()?.at_or_below(spot.real()) {
            Some(mount) => Err(Error::MountPoint { path: spot.path().to_path_buf(), mount: mount.to_path_buf() }),
            None => Ok(()),
        }
    }

    /// The mounts below a place, by the names below its path.
    pub(crate) fn inside(&self, root: &Spot) -> HashSet<PathBuf> {
        let below = self.0.iter().filter_map(|mount| mount.point.strip_prefix(root.real()).ok());
        below.filter(|rest| !rest.as_os_str().is_empty()).map(|rest| root.path().join(rest)).collect()
    }

    /// A mount at the path without links, or below it.
    pub fn at_or_below(&self, path: &Path) -> Option<&Path> {
        self.0.iter().map(|mount| mount.point.as_path()).filter(|point| point.starts_with(path)).min()
    }

    /// Whether a mount lies between a path without links and one of its parents, the path itself included.
    pub(crate) fn between(&self, parent: &Path, path: &Path) -> bool {
        let at = |path: &Path| self.0.iter().any(|mount| mount.point == path);
        path.ancestors().take_while(|ancestor| *ancestor != parent).any(at)
    }

    /// Where the file system is mounted that an open directory is in.
    pub(crate) fn of(&self, dir: BorrowedFd<'_>) -> Option<&Path> {
        self.mount_of(dir).map(|mount| mount.point.as_path())
    }

    /// The type of the file system that an open directory is in.
    pub(crate) fn kind_of(&self, dir: BorrowedFd<'_>) -> Option<&str> {
        self.mount_of(dir).map(|mount| mount.kind.as_str())
    }

    fn mount_of(&self, dir: BorrowedFd<'_>) -> Option<&Mount> {
        let told = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", dir.as_raw_fd())).ok()?;
        let id: u64 = told.lines().find_map(|line| line.strip_prefix("mnt_id:"))?.trim().parse().ok()?;
        self.0.iter().find(|mount| mount.id == id)
    }
}

/// `None` for what is no line of the table.
fn mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let id = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let mut path = |nth| Some(escaped::to_path(without_octal(fields.nth(nth)?)));
    let (root, point) = (path(2)?, path(0)?);
    // Between the two stand any number of fields.
    let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
    Some(Mount { id, root, point, kind: String::from_utf8_lossy(kind).into_owned() })
}

/// The kernel writes a blank, tab, newline and backslash as `\ooo`.
fn without_octal(text: &[u8]) -> Vec<u8> {
    let mut parts = text.split(|byte| *byte == b'\\');
    let mut out = parts.next().unwrap_or_default().to_vec();
    for part in parts {
        let code = part.get(..3).and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 8).ok()) {
            Some(byte) => {
                out.push(byte);
                out.extend_from_slice(part.get(3..).unwrap_or_default());
            }
            None => {
                out.push(b'\\');
                out.extend_from_slice(part);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_is_mounted_where() {
        let line = br"52 42 0:40 /of\0400 /mnt/a\040b\134c rw,relatime shared:9 master:1 - cgroup2 none rw";
        let told =
            |root: &str, point: &str| Mount { id: 52, root: root.into(), point: point.into(), kind: "cgroup2".into() };
        assert_eq!(mount(line), Some(told("/of 0", r"/mnt/a b\c")));
        assert_eq!(mount(b"52 42 0:40 / /mnt/\\9 rw - cgroup2 none rw"), Some(told("/", r"/mnt/\9")));
        assert_eq!(mount(b"52 42 0:40 / /end\\0 rw - cgroup2 none rw"), Some(told("/", r"/end\0")));
        assert_eq!((mount(b""), mount(b"52 42 0:40 / /cut rw")), (None, None));
    }
}
