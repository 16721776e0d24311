//! What this process may do to files: the means with which a way back would be walked. Read from the process and the
//! host, never guessed from a user's number; what cannot be read is tried by `rehearse.rs`.

use std::ffi::OsStr;
use std::os::fd::BorrowedFd;
use std::path::Path;

use rustix::fs::{Access, AtFlags, FileType};
use rustix::io::Errno;

use crate::error::Error;
use crate::inode::Inode;
use crate::manifest::Attributes;
use crate::spot::Spot;

/// Who this process is, and what it may do that others may not.
pub(crate) struct Means {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    groups: Vec<u32>,
    powers: Vec<Power>,
}

/// Something that the system lets only privileged processes do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Power {
    /// Give a file to another user or group.
    Give,
    /// Move what belongs to another user out of a sticky directory.
    ActAsOwner,
    /// Make device nodes.
    MakeDevices,
    /// Give a program capabilities.
    SetCapabilities,
    /// Write attributes of the system's own name space.
    Administer,
}

/// What a judgement needs to know about an entry.
pub(crate) struct Thing<'a> {
    pub(crate) kind: FileType,
    pub(crate) owner: (u32, u32),
    /// None: not read, or nothing that asks for a power.
    pub(crate) xattrs: Option<&'a Attributes>,
}

const RUN_AS_ROOT: &str = "run as root, give it to this user first, or leave it out of what the step changes";
const OTHER_PLACE: &str =
    "run as a user who may write there, or name what is meant inside of it, so that less has to be put back";

impl Means {
    /// Those of this process now.
    pub(crate) fn own() -> Self {
        let gid = rustix::process::getegid().as_raw();
        let mut groups: Vec<u32> =
            rustix::process::getgroups().unwrap_or_default().into_iter().map(rustix::process::Gid::as_raw).collect();
        groups.push(gid);
        Self { uid: rustix::process::geteuid().as_raw(), gid, groups, powers: powers() }
    }

    pub(crate) fn has(&self, power: Power) -> bool {
        self.powers.contains(&power)
    }

    /// Why an entry could not be made again as it is, if that can be told without trying. `inherited` is the group that
    /// the directory hands on to what is made in it.
    pub(crate) fn obstacle(&self, path: &Path, thing: &Thing<'_>, inherited: Option<u32>) -> Result<(), Error> {
        let refused =
            |why: String| Err(Error::NoWayBack { path: path.to_path_buf(), why, help: RUN_AS_ROOT.to_owned() });
        let (uid, gid) = thing.owner;
        let us = user(self.uid);
        if uid != self.uid && !self.has(Power::Give) {
            return refused(format!("it belongs to {}, and {us} may not give a file to others", user(uid)));
        }
        if !self.groups.contains(&gid) && inherited != Some(gid) && !self.has(Power::Give) {
            return refused(format!("its group is number {gid}, which {us} is not in"));
        }
        let is_device = matches!(thing.kind, FileType::CharacterDevice | FileType::BlockDevice);
        if is_device && !self.has(Power::MakeDevices) {
            return refused(format!("it is a device, which {us} may not make"));
        }
        for name in thing.xattrs.iter().flat_map(|xattrs| xattrs.0.keys()) {
            let needs = match name.as_slice() {
                b"security.capability" => Power::SetCapabilities,
                name if name.starts_with(b"trusted.") => Power::Administer,
                _ => continue,
            };
            if !self.has(needs) {
                let name = String::from_utf8_lossy(name);
                return refused(format!("it has the attribute {name}, which {us} may not set"));
            }
        }
        Ok(())
    }

    /// Whether something can be put at a place and what is there taken away: its directory can be written, and nothing
    /// holds it in place.
    pub(crate) fn reach(&self, spot: &Spot) -> Result<(), Error> {
        let (parent, path) = (spot.parent(), spot.path());
        let refused =
            |why: String, help: &str| Err(Error::NoWayBack { path: path.to_path_buf(), why, help: help.to_owned() });
        let us = user(self.uid);
        match rustix::fs::accessat(spot.fd(), ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS) {
            Ok(()) => {}
            Err(Errno::ROFS) => {
                let why = format!("the file system of {} is mounted read-only", parent.display());
                return refused(why, "mount it for writing first");
            }
            Err(Errno::PERM) => return refused(format!("{} is immutable", parent.display()), &take_off(parent, 'i')),
            Err(Errno::ACCESS) => return refused(format!("{us} may not write in {}", parent.display()), OTHER_PLACE),
            Err(error) => return Err(Error::io("look at", parent, error)),
        }
        for (name, place) in [(OsStr::new("."), parent), (spot.name(), path)] {
            if let Some((flag, letter)) = held_by(spot.fd(), name) {
                return refused(format!("{} is {flag}", place.display()), &take_off(place, letter));
            }
        }
        let around = rustix::fs::fstat(spot.fd()).map_err(|error| Error::io("look at", parent, error))?;
        let (around, Some(there)) = (Inode::new(&around), spot.stat()?.map(|stat| Inode::new(&stat))) else {
            return Ok(());
        };
        let sticky = around.mode & 0o1000 != 0 && around.uid != self.uid && there.uid != self.uid;
        if sticky && !self.has(Power::ActAsOwner) {
            let why = format!("{} lets only {} move it", parent.display(), user(there.uid));
            return refused(why, RUN_AS_ROOT);
        }
        Ok(())
    }
}

/// How a flag goes.
fn take_off(path: &Path, letter: char) -> String {
    let place = path.display();
    format!("find out who wanted that (`lsattr -d {place}`), then: chattr -{letter} {place}")
}

/// A user in words: the name of the one whose name is known everywhere, the number of all others.
fn user(uid: u32) -> String {
    if uid == 0 { "root".to_owned() } else { format!("user {uid}") }
}

/// The flag of the file system that keeps an entry from being replaced.
#[cfg(all(target_os = "linux", not(feature = "portable")))]
fn held_by(dir: BorrowedFd<'_>, name: &OsStr) -> Option<(&'static str, char)> {
    use rustix::fs::{StatxAttributes, StatxFlags, statx};
    let found = statx(dir, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::TYPE).ok()?;
    if found.stx_attributes.contains(StatxAttributes::IMMUTABLE) {
        return Some(("immutable", 'i'));
    }
    found.stx_attributes.contains(StatxAttributes::APPEND).then_some(("append-only", 'a'))
}

/// Other systems show no such flags in a portable way; there the rename says so.
#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
fn held_by(_: BorrowedFd<'_>, _: &OsStr) -> Option<(&'static str, char)> {
    None
}

const ALL: [Power; 5] = [Power::Give, Power::ActAsOwner, Power::MakeDevices, Power::SetCapabilities, Power::Administer];

/// Capabilities, not the number of the user: root in a container may lack some, a service may have been given some.
#[cfg(all(target_os = "linux", not(feature = "portable")))]
fn powers() -> Vec<Power> {
    use rustix::thread::{CapabilitySet, capabilities};
    let Ok(sets) = capabilities(None) else { return unread_powers() };
    let needs = |power: Power| match power {
        Power::Give => CapabilitySet::CHOWN,
        Power::ActAsOwner => CapabilitySet::FOWNER,
        Power::MakeDevices => CapabilitySet::MKNOD,
        Power::SetCapabilities => CapabilitySet::SETFCAP,
        Power::Administer => CapabilitySet::SYS_ADMIN,
    };
    ALL.into_iter().filter(|power| sets.effective.contains(needs(*power))).collect()
}

#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
fn powers() -> Vec<Power> {
    unread_powers()
}

/// Where no capabilities can be read, root has them all.
fn unread_powers() -> Vec<Power> {
    if rustix::process::geteuid().is_root() { ALL.to_vec() } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn somebody(powers: &[Power]) -> Means {
        Means { uid: 1000, gid: 1000, groups: vec![1000, 27], powers: powers.to_vec() }
    }

    fn why(means: &Means, kind: FileType, owner: (u32, u32), inherited: Option<u32>) -> String {
        let thing = Thing { kind, owner, xattrs: None };
        means.obstacle(Path::new("/srv/x"), &thing, inherited).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_file_of_others_needs_the_power_to_give() {
        let (plain, root) = (somebody(&[]), somebody(&ALL));
        let file = FileType::RegularFile;
        assert_eq!(why(&plain, file, (1000, 1000), None), "");
        assert_eq!(why(&plain, file, (1000, 27), None), "");
        assert!(why(&plain, file, (0, 0), None).contains("/srv/x could not be put back: it belongs to root"));
        assert!(why(&plain, file, (1000, 5), None).contains("its group is number 5"));
        assert_eq!(why(&plain, file, (1000, 5), Some(5)), "", "the directory hands its group on");
        assert_eq!(why(&root, file, (0, 0), None), "");
    }

    #[test]
    fn root_without_the_power_to_make_devices_makes_none() {
        let contained = somebody(&[Power::Give]);
        assert!(why(&contained, FileType::CharacterDevice, (0, 0), None).contains("device"));
        assert_eq!(why(&contained, FileType::Fifo, (0, 0), None), "");
        assert_eq!(why(&somebody(&ALL), FileType::BlockDevice, (0, 0), None), "");
    }

    #[test]
    fn attributes_of_the_system_need_powers_of_their_own() {
        let mut xattrs = Attributes::default();
        xattrs.0.insert(b"user.mine".to_vec(), Vec::new());
        let judged = |means: &Means, xattrs: &Attributes| {
            let thing = Thing { kind: FileType::RegularFile, owner: (1000, 1000), xattrs: Some(xattrs) };
            means.obstacle(Path::new("/srv/x"), &thing, None).is_ok()
        };
        assert!(judged(&somebody(&[]), &xattrs));
        xattrs.0.insert(b"security.capability".to_vec(), Vec::new());
        assert!(!judged(&somebody(&[Power::Give]), &xattrs));
        assert!(judged(&somebody(&[Power::SetCapabilities]), &xattrs));
        xattrs.0.insert(b"trusted.overlay".to_vec(), Vec::new());
        assert!(!judged(&somebody(&[Power::SetCapabilities]), &xattrs));
    }
}
