//! One wording for what the operating system refuses, with the true reason and the next action.

use crate::flagged::{Flagged, flagged};
use runbook_model::{Failure, FailureKind, Next};
use rustix::io::Errno;
use std::io;
use std::path::Path;

/// The failure to `action` ("read", "replace") `path`, with the next action where there is one.
pub fn io_failure(action: &str, path: &Path, error: &io::Error) -> Failure {
    let place = path.display();
    let failure = Failure::failed(format!("cannot {action} {place}: {}", reason(error)));
    let kind = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => FailureKind::Missing,
        _ => FailureKind::Failed,
    };
    Failure { kind, hint: io_advice(action, path, error), ..failure }
}

/// What to do about an error of the operating system at `path`, if there is something to do. It looks at the file where
/// the error alone has more than one cause.
pub fn io_advice(action: &str, path: &Path, error: &io::Error) -> Option<String> {
    let errno = errno(error)?;
    let flagged = if errno == Errno::PERM { flagged(path) } else { None };
    advice(errno, action, path, rustix::process::geteuid().is_root(), flagged)
}

/// The failure `what`, with every reason that the backups give for it.
pub fn backup_failure(what: &str, error: &runbook_backup::Error) -> Failure {
    let mut message = format!("{what}: {error}");
    let mut reason = std::error::Error::source(error);
    while let Some(error) = reason {
        message.push_str(&format!(": {error}"));
        reason = error.source();
    }
    match error {
        runbook_backup::Error::Cancelled => Failure::new(FailureKind::Cancelled, message),
        runbook_backup::Error::Io { doing, path, source } => {
            Failure { hint: io_advice(doing, path, source), ..Failure::failed(message) }
        }
        runbook_backup::Error::NoWayBack { help, .. } => Failure::refused(message).hint(help.clone()),
        _ => Failure::failed(message),
    }
}

/// The number of the error; where a library has wrapped it, one that says the same.
fn errno(error: &io::Error) -> Option<Errno> {
    Errno::from_io_error(error).or(match error.kind() {
        io::ErrorKind::PermissionDenied => Some(Errno::PERM),
        io::ErrorKind::ReadOnlyFilesystem => Some(Errno::ROFS),
        io::ErrorKind::StorageFull => Some(Errno::NOSPC),
        io::ErrorKind::QuotaExceeded => Some(Errno::DQUOT),
        io::ErrorKind::InvalidFilename => Some(Errno::NAMETOOLONG),
        _ => None,
    })
}

fn advice(errno: Errno, action: &str, path: &Path, is_root: bool, flagged: Option<Flagged>) -> Option<String> {
    let place = path.display();
    let disk = || format!("`findmnt -T {place}` shows the file system, `dmesg` what the kernel says of it");
    Some(match (errno, flagged) {
        (Errno::PERM, Some((flag, at))) => {
            let letter = if flag == "immutable" { 'i' } else { 'a' };
            let at = at.display();
            format!(
                "{at} is {flag}, so that nobody may change it, not even root (`lsattr -d {at}`); find out who wanted that, then: chattr -{letter} {at}"
            )
        }
        (Errno::PERM | Errno::ACCESS, None) if is_root => format!(
            "this is root, so its permissions are not the reason: look for a network or FUSE file system (`findmnt -T {place}`), SELinux or AppArmor \
             (`journalctl -k | grep -i denied`), and missing capabilities of the container or unit that runs this"
        ),
        (Errno::PERM | Errno::ACCESS, _) => {
            format!("run as a user who may {action} {place}, or change its permissions")
        }
        (Errno::ROFS, _) => format!(
            "the file system is mounted read-only (`findmnt -T {place}`); a disk with errors becomes so by itself (`dmesg`), and so does what a unit with \
             ProtectSystem sees"
        ),
        (Errno::NOSPC, _) => format!(
            "free some space or inodes there (`df -h {place}`, `df -i {place}`); `{}` removes backups past their retention",
            Next::PruneBackups
        ),
        (Errno::DQUOT, _) => {
            "the quota of this user is used up there, though the disk may have space (`quota -s`)".to_owned()
        }
        (Errno::NAMETOOLONG, _) => "a name may have 255 bytes, a path 4096: use a shorter one".to_owned(),
        (Errno::LOOP, _) => format!("links lead in a circle: `namei -l {place}` shows them"),
        (Errno::MFILE, _) => {
            "this process has as many files open as it may: raise `ulimit -n`, or LimitNOFILE= of the unit".to_owned()
        }
        (Errno::NFILE, _) => "the host has as many files open as it may: `sysctl fs.file-max fs.file-nr`".to_owned(),
        (Errno::IO, _) => format!("the disk could not do it; before anything else see to its data: {}", disk()),
        (Errno::STALE | Errno::NOTCONN | Errno::HOSTDOWN | Errno::TIMEDOUT, _) => {
            format!("the server of a network file system is gone or lost the file; mount it again: {}", disk())
        }
        (Errno::NOTDIR, _) => format!("something above it is a file, not a directory: `namei -l {place}` shows what"),
        (Errno::BUSY, _) => format!("it is a mount point or in use: {}; `lsof {place}` shows who has it", disk()),
        (Errno::TXTBSY, _) => format!("a program runs from it: `lsof {place}` shows which; stop it first"),
        (Errno::NOTEMPTY, _) => format!("the directory {place} is not empty"),
        (Errno::FBIG, _) => "it is larger than this file system or `ulimit -f` allows".to_owned(),
        (Errno::MLINK, _) => "it has as many links as this file system allows".to_owned(),
        (Errno::OPNOTSUPP, _) => format!("its file system cannot do that (`findmnt -T {place}`)"),
        _ => return None,
    })
}

/// The error without the number that Rust appends.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(at) => text[..at].to_lowercase(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_own_next_action() {
        let said = |errno, is_root, flagged: Option<&'static str>| {
            let flagged = flagged.map(|flag| (flag, "/a".into()));
            advice(errno, "write", Path::new("/a/b"), is_root, flagged).unwrap_or_default()
        };
        for (errno, is_root, flagged, word) in [
            (Errno::PERM, true, Some("immutable"), "chattr -i /a"),
            (Errno::PERM, false, Some("append-only"), "chattr -a /a"),
            (Errno::PERM, true, None, "permissions are not the reason"),
            (Errno::ACCESS, true, None, "SELinux"),
            (Errno::ACCESS, false, None, "run as a user who may write /a/b"),
            (Errno::ROFS, true, None, "read-only"),
            (Errno::NOSPC, true, None, "df -i"),
            (Errno::DQUOT, false, None, "quota"),
            (Errno::NAMETOOLONG, true, None, "255 bytes"),
            (Errno::LOOP, true, None, "circle"),
            (Errno::MFILE, true, None, "ulimit -n"),
            (Errno::IO, true, None, "dmesg"),
            (Errno::STALE, true, None, "network file system"),
            (Errno::TXTBSY, true, None, "a program runs from it"),
        ] {
            let told = said(errno, is_root, flagged);
            assert!(told.contains(word), "{errno:?} {is_root}: {told}");
            assert!(!is_root || !told.contains("change its permissions"), "{errno:?}: {told}");
        }
        assert_eq!(said(Errno::CHILD, true, None), "");
    }
}
