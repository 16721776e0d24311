//! Flags of files that forbid what their permissions allow.

use std::path::{Path, PathBuf};

/// A flag of a file that forbids what its permissions allow, and where it is.
pub(crate) type Flagged = (&'static str, PathBuf);

/// The flag of the file or of the directory above it that forbids a change.
#[cfg(target_os = "linux")]
pub(crate) fn flagged(path: &Path) -> Option<Flagged> {
    use rustix::fs::{CWD, IFlags, Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let parent = path.parent().map(|parent| (parent, flags | OFlags::DIRECTORY));
    [(path, flags)].into_iter().chain(parent).find_map(|(at, flags)| {
        let found = rustix::fs::openat(CWD, at, flags, Mode::empty()).ok();
        let set = rustix::fs::ioctl_getflags(found?).ok()?;
        let flag = if set.contains(IFlags::IMMUTABLE) {
            "immutable"
        } else if set.contains(IFlags::APPEND) {
            "append-only"
        } else {
            return None;
        };
        Some((flag, at.to_path_buf()))
    })
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn flagged(_: &Path) -> Option<Flagged> {
    None
}
