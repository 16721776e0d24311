//! Reading and writing extended attributes, POSIX ACLs among them, of an open file or of a name in an open directory.

use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};

use rustix::fs::XattrFlags;
use rustix::io::Errno;

use crate::error::Error;
use crate::manifest::Attributes;

type Listed<'a> = &'a dyn Fn(&mut [u8]) -> Result<usize, Errno>;
type Value<'a> = &'a dyn Fn(&CString, &mut [u8]) -> Result<usize, Errno>;

pub(crate) fn read(fd: BorrowedFd<'_>) -> io::Result<Attributes> {
    collect(&|buffer| rustix::fs::flistxattr(fd, buffer), &|name, buffer| rustix::fs::fgetxattr(fd, name, buffer))
}

/// For links and special files, which cannot be opened.
pub(crate) fn read_at(parent: BorrowedFd<'_>, name: &OsStr) -> io::Result<Attributes> {
    let path = through_proc(parent, name);
    collect(&|buffer| rustix::fs::llistxattr(&path, buffer), &|name, buffer| rustix::fs::lgetxattr(&path, name, buffer))
}

/// A path for calls that take no directory: short, and it stays in the directory when somebody renames a parent.
fn through_proc(parent: BorrowedFd<'_>, name: &OsStr) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", parent.as_raw_fd())).join(name)
}

fn collect(list: Listed<'_>, get: Value<'_>) -> io::Result<Attributes> {
    let mut found = Attributes::default();
    let names = match grow(list) {
        Ok(names) => names,
        // File systems without attributes, and hosts without /proc, have none.
        Err(Errno::NOTSUP | Errno::NOSYS | Errno::NOENT) => return Ok(found),
        Err(error) => return Err(error.into()),
    };
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let Ok(c_name) = CString::new(name) else { continue };
        match grow(&|buffer| get(&c_name, buffer)) {
            Ok(value) => found.0.insert(name.to_vec(), value),
            // Gone since it was listed, or listed without being readable, as `trusted.*` is for others than root.
            Err(Errno::NODATA | Errno::NOTSUP) => None,
            Err(error) => return Err(error.into()),
        };
    }
    Ok(found)
}

/// Reads something of unknown length: 64 KiB is the kernel's own limit for a list and for a value.
fn grow(read: Listed<'_>) -> Result<Vec<u8>, Errno> {
    let mut small = [0; 512];
    match read(&mut small) {
        Ok(length) => Ok(small.get(..length).unwrap_or_default().to_vec()),
        Err(Errno::RANGE) => {
            let mut large = vec![0; 1 << 16];
            let length = read(&mut large)?;
            large.truncate(length);
            Ok(large)
        }
        Err(error) => Err(error),
    }
}

/// Makes a file's attributes exactly these.
pub(crate) fn write(fd: BorrowedFd<'_>, wanted: &Attributes) -> io::Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let present = read(fd.as_fd())?;
    for name in missing_from(&present, wanted) {
        rustix::fs::fremovexattr(fd, name.as_slice())?;
    }
    for (name, value) in missing_values(wanted, &present) {
        rustix::fs::fsetxattr(fd, name.as_slice(), value, XattrFlags::empty())?;
    }
    Ok(())
}

pub(crate) fn write_at(parent: BorrowedFd<'_>, name: &OsStr, wanted: &Attributes) -> io::Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let path = through_proc(parent, name);
    let present = read_at(parent, name)?;
    for (attribute, value) in missing_values(wanted, &present) {
        rustix::fs::lsetxattr(&path, attribute.as_slice(), value, XattrFlags::empty())?;
    }
    Ok(())
}

/// What vouches for the content, and goes when that changes: the kernel drops the first itself.
const OF_CONTENT: [&[u8]; 3] = [b"security.capability", b"security.ima", b"security.evm"];
const ACL: &[u8] = b"system.posix_acl_access";
/// What a directory hands on to what is made in it.
pub(crate) const DEFAULT_ACL: &[u8] = b"system.posix_acl_default";

/// Sets one attribute.
pub(crate) fn set(fd: BorrowedFd<'_>, name: &[u8], value: &[u8]) -> io::Result<()> {
    Ok(rustix::fs::fsetxattr(fd, name, value, XattrFlags::empty())?)
}

/// Sets these attributes but for ACLs, which are left as they are.
pub(crate) fn add_to(fd: BorrowedFd<'_>, wanted: &Attributes) -> io::Result<()> {
    let plain = wanted.0.iter().filter(|(name, _)| ![ACL, DEFAULT_ACL].contains(&name.as_slice()));
    plain.into_iter().try_for_each(|(name, value)| set(fd, name, value))
}

/// Gives `new` the extended attributes and the ACL of `old`, the file at `path`, which it will replace with other
/// content. Attributes that vouch for the content stay behind. Set the mode afterwards: it then limits the ACL.
pub fn carry_over(old: impl AsFd, new: impl AsFd, path: &Path) -> Result<(), Error> {
    let carried = read(old.as_fd()).and_then(|mut wanted| {
        wanted.0.retain(|name, _| !OF_CONTENT.contains(&name.as_slice()));
        let present = read(new.as_fd())?;
        if present.0.contains_key(ACL) && !wanted.0.contains_key(ACL) {
            rustix::fs::fremovexattr(&new, ACL)?;
        }
        for (name, value) in missing_values(&wanted, &present) {
            rustix::fs::fsetxattr(&new, name.as_slice(), value, XattrFlags::empty())?;
        }
        // Those that would refuse the replacement are not there, else it fails.
        match crate::flags::read(&old) {
            0 => Ok(()),
            flags => Ok(crate::flags::write(&new, flags)?),
        }
    });
    carried.map_err(|error| Error::io("keep the attributes and the ACL of", path, error))
}

fn missing_from<'a>(present: &'a Attributes, wanted: &'a Attributes) -> impl Iterator<Item = &'a Vec<u8>> {
    present.0.keys().filter(|name| !wanted.0.contains_key(*name))
}

fn missing_values<'a>(
    wanted: &'a Attributes,
    present: &'a Attributes,
) -> impl Iterator<Item = (&'a Vec<u8>, &'a Vec<u8>)> {
    wanted.0.iter().filter(|(name, value)| present.0.get(*name) != Some(*value))
}

/// A directory without a default ACL hands none on to what is made in it.
pub(crate) fn clear_default_acl(directory: BorrowedFd<'_>) -> io::Result<()> {
    match rustix::fs::fremovexattr(directory, "system.posix_acl_default") {
        Ok(()) | Err(Errno::NODATA | Errno::NOTSUP | Errno::INVAL | Errno::PERM) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
