//! The law: whatever the tree and whatever happens to it, a restore gives the tree of the last pass back.

#![expect(clippy::unwrap_used, reason = "a test or bench that cannot set its stage fails")]

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use runbook_backup::{Backup, Options, copy_tree, create, digest_tree, second_pass};

#[derive(Debug, Clone)]
enum Act {
    File(Vec<u8>),
    Sparse(u64, u64),
    Directory,
    Symlink(Vec<u8>),
    HardLink(PathBuf),
    Remove,
    Mode(u32),
    Attribute(Vec<u8>),
    Time(i64, u32),
    Move(PathBuf),
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    // Few names, so that acts meet.
    prop_oneof![
        prop::sample::select(vec![
            b"a".to_vec(),
            b"b".to_vec(),
            b"\xff".to_vec(),
            b"\n".to_vec(),
            b"-".to_vec(),
            vec![b'l'; 120]
        ]),
        prop::collection::vec(any::<u8>().prop_filter("a name", |byte| ![0, b'/', b'.'].contains(byte)), 1..6),
    ]
}

fn path() -> impl Strategy<Value = PathBuf> {
    prop::collection::vec(name(), 1..4).prop_map(|parts| parts.iter().map(|part| OsStr::from_bytes(part)).collect())
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..2000).prop_map(Act::File),
        1 => (0u64..2_000_000, 0u64..2_000_000).prop_map(|(at, size)| Act::Sparse(at, size)),
        3 => Just(Act::Directory),
        2 => prop::collection::vec(1u8.., 1..150).prop_map(Act::Symlink),
        2 => path().prop_map(Act::HardLink),
        2 => Just(Act::Remove),
        1 => (0u32..0o10000).prop_map(Act::Mode),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Act::Attribute),
        1 => (-1000i64..4_000_000_000, 0u32..1_000_000_000).prop_map(|(seconds, nanos)| Act::Time(seconds, nanos)),
        1 => path().prop_map(Act::Move),
    ]
}

/// Does what is possible; what is not possible on this tree does nothing.
fn perform(top: &Path, acts: &[(PathBuf, Act)]) {
    for (path, act) in acts {
        let path = top.join(path);
        let _ = fs::create_dir_all(path.parent().unwrap());
        let _ = match act {
            Act::File(content) => fs::write(&path, content),
            Act::Sparse(at, size) => File::create(&path).and_then(|file| {
                file.write_all_at(b"data", *at)?;
                file.set_len(*size)
            }),
            Act::Directory => fs::create_dir(&path),
            Act::Symlink(target) => symlink(OsStr::from_bytes(target), &path),
            Act::HardLink(other) => fs::hard_link(top.join(other), &path),
            Act::Remove => fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path)),
            Act::Mode(mode) if !path.is_symlink() => {
                fs::set_permissions(&path, PermissionsExt::from_mode(mode | 0o700))
            }
            Act::Mode(_) => Ok(()),
            Act::Attribute(value) => {
                let flags = rustix::fs::XattrFlags::empty();
                rustix::fs::lsetxattr(&path, "user.random", value, flags).map_err(Into::into)
            }
            Act::Time(seconds, nanos) => {
                let time = rustix::fs::Timespec { tv_sec: *seconds, tv_nsec: (*nanos).into() };
                let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
                let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
                rustix::fs::utimensat(rustix::fs::CWD, &path, &times, flags).map_err(Into::into)
            }
            Act::Move(to) => fs::rename(&path, top.join(to)),
        };
    }
}

fn acts(most: usize) -> impl Strategy<Value = Vec<(PathBuf, Act)>> {
    prop::collection::vec((path(), act()), 0..most)
}

proptest! {
    #![proptest_config(test_rules::cases(60))]

    #[test]
    fn a_restore_gives_the_last_pass_back(made in acts(40), meanwhile in acts(12), broken in acts(12)) {
        let scratch = tempfile::tempdir().unwrap();
        let at = |name: &str| scratch.path().join(name);
        let go_on = || false;
        fs::create_dir(at("tree")).unwrap();
        perform(&at("tree"), &made);
        create(&at("backup"), &[at("tree")], 0, &go_on, &Options::default()).unwrap();
        let first = Backup::open(&at("backup")).unwrap();
        prop_assert_eq!(first.compare(&at("tree")).unwrap(), vec![]);
        first.verify(&go_on).unwrap();

        perform(&at("tree"), &meanwhile);
        second_pass(&at("backup"), &Vec::new, &go_on, &Options::default()).unwrap();
        let backup = Backup::open(&at("backup")).unwrap();
        prop_assert_eq!(backup.compare(&at("tree")).unwrap(), vec![]);
        backup.verify(&go_on).unwrap();
        let before = digest_tree(&at("tree")).unwrap();
        copy_tree(&at("tree"), &at("copy")).unwrap();
        prop_assert_eq!(digest_tree(&at("copy")).unwrap(), before);

        perform(&at("tree"), &broken);
        let damage = digest_tree(&at("tree")).unwrap();
        let restored = backup.restore(&at("tree"), &at("aside"), &go_on).unwrap();
        prop_assert_eq!(digest_tree(&at("tree")).unwrap(), before);
        prop_assert_eq!(backup.compare(&at("tree")).unwrap(), vec![]);
        if let Some(replaced) = restored.replaced {
            prop_assert_eq!(digest_tree(&replaced.path).unwrap(), damage);
        }
        prop_assert!(backup.restore(&at("tree"), &at("aside"), &go_on).unwrap().identical);
    }
}
