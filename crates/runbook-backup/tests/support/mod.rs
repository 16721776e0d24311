//! Real trees with everything that a file system allows, and what the tests need to look at them.

#![expect(clippy::unwrap_used, reason = "a test or bench that cannot set its stage fails")]

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, Timespec, Timestamps, XattrFlags};

pub(crate) fn go_on() -> bool {
    false
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A tree with every odd case that the system lets us make.
pub(crate) fn odd_tree(top: &Path) {
    fs::create_dir_all(top.join("empty")).unwrap();
    fs::create_dir_all(top.join("plain/deeper")).unwrap();
    for (name, content) in [("a", "alpha"), ("empty-file", ""), ("plain/b", "beta"), ("plain/deeper/c", "gamma")] {
        fs::write(top.join(name), content).unwrap();
    }
    let names: [&[u8]; 9] = [
        b"-rf",
        b"new\nline",
        b"\xff\xfe raw",
        b" blanks ",
        b"100%25",
        "né 漢字".as_bytes(),
        b"back\\slash",
        b"'\"$(x)*?",
        b"tab\t",
    ];
    for name in names {
        fs::write(top.join(OsStr::from_bytes(name)), name).unwrap();
    }
    let mut long = top.join("long");
    for _ in 0..4 {
        long.push("x".repeat(200));
    }
    fs::create_dir_all(&long).unwrap();
    fs::write(long.join("y".repeat(255)), "far down").unwrap();
    fs::write(long.join(OsStr::from_bytes(&[b"\xff".as_slice(), &[b'z'; 150]].concat())), "raw and long").unwrap();
    fs::write(top.join("large"), (0..3_000_000u32).flat_map(|n| n.to_le_bytes()).collect::<Vec<_>>()).unwrap();

    symlink("plain/b", top.join("link")).unwrap();
    symlink("/nowhere/at all", top.join("dangling")).unwrap();
    symlink(OsStr::from_bytes(&[b'l'; 300]), top.join("long-link")).unwrap();
    symlink(OsStr::from_bytes(b"\xfe"), top.join("raw-link")).unwrap();
    fs::hard_link(top.join("plain/b"), top.join("plain/deeper/same as b")).unwrap();
    fs::hard_link(top.join("plain/b"), top.join("another b")).unwrap();
    fs::hard_link(top.join("dangling"), top.join("dangling too")).unwrap();

    let sparse = File::create(top.join("sparse")).unwrap();
    sparse.write_all_at(b"start", 0).unwrap();
    sparse.write_all_at(b"middle", 5 << 20).unwrap();
    sparse.set_len(20 << 20).unwrap();
    File::create(top.join("all-hole")).unwrap().set_len(3 << 20).unwrap();

    let user = |path: &Path, name: &str, value: &[u8]| {
        rustix::fs::lsetxattr(path, name, value, XattrFlags::empty()).unwrap();
    };
    user(&top.join("a"), "user.note", b"line\nand \0 and = \xff");
    user(&top.join("a"), "user.odd=%name", b"1");
    user(&top.join("plain"), "user.dir", b"yes");
    let acl = |entries: &[(u16, u16, u32)]| {
        let mut value = 2u32.to_le_bytes().to_vec();
        for (tag, bits, id) in entries {
            value.extend([&tag.to_le_bytes()[..], &bits.to_le_bytes()[..], &id.to_le_bytes()[..]].concat());
        }
        value
    };
    let no = u32::MAX;
    let list = acl(&[(1, 6, no), (2, 4, 1234), (4, 4, no), (16, 6, no), (32, 0, no)]);
    user(&top.join("empty-file"), "system.posix_acl_access", &list);
    user(&top.join("plain/deeper"), "system.posix_acl_default", &list);

    rustix::fs::mknodat(CWD, top.join("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    if is_root() {
        user(&top.join("a"), "trusted.root", b"only");
        let null = rustix::fs::makedev(1, 3);
        rustix::fs::mknodat(CWD, top.join("null"), FileType::CharacterDevice, Mode::RUSR, null).unwrap();
        let loop7 = rustix::fs::makedev(7, 7);
        rustix::fs::mknodat(CWD, top.join("block"), FileType::BlockDevice, Mode::RUSR, loop7).unwrap();
        std::os::unix::fs::lchown(top.join("plain/deeper/c"), Some(1234), Some(5678)).unwrap();
        std::os::unix::fs::lchown(top.join("link"), Some(1234), Some(3_000_000_000)).unwrap();
    }
    for (name, mode) in
        [("a", 0o4755), ("plain/b", 0o640), ("plain/deeper", 0o2775), ("empty", 0o1777), (" blanks ", 0o000)]
    {
        fs::set_permissions(top.join(name), PermissionsExt::from_mode(mode)).unwrap();
    }
    for (name, seconds, nanos) in
        [("a", 1_700_000_000, 123_456_789), ("large", -5, 250_000_000), ("dangling", 7, 1), ("plain", 99, 0)]
    {
        set_mtime(&top.join(name), seconds, nanos);
    }
}

pub(crate) fn set_mtime(path: &Path, seconds: i64, nanos: u32) {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanos.into() };
    let times = Timestamps { last_access: time, last_modification: time };
    rustix::fs::utimensat(CWD, path, &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

/// Names in a directory, to see that nothing is left lying about.
pub(crate) fn names(dir: &Path) -> Vec<PathBuf> {
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into()).collect();
    names.sort();
    names
}
