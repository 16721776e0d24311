//! What goes wrong: damage, full disks, missing permission, files that change, and death at every system call that counts.

#![expect(clippy::unwrap_used, reason = "a test or bench that cannot set its stage fails")]

mod support;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use runbook_backup::{Backup, Error, Options, copy_tree, create, digest_tree, extract_archive, second_pass};
use support::{go_on, is_root, names, odd_tree};

struct Case {
    scratch: tempfile::TempDir,
}

impl Case {
    fn new() -> Self {
        let case = Self { scratch: tempfile::tempdir().unwrap() };
        odd_tree(&case.at("tree"));
        create(&case.at("backup"), &[case.at("tree")], 0, &go_on, &Options::default()).unwrap();
        case
    }

    fn at(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }
}

#[test]
fn damage_is_named_and_nothing_is_replaced() {
    let case = Case::new();
    let archive = case.at("backup/archive.tar.zst");
    let whole = fs::read(&archive).unwrap();
    fs::write(case.at("tree/a"), "changed").unwrap();
    let broken = digest_tree(&case.at("tree")).unwrap();
    let mut flipped = 0;
    for at in (0..whole.len()).step_by(whole.len() / 23) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        fs::write(&archive, &bytes).unwrap();
        let backup = Backup::open(&case.at("backup")).unwrap();
        let error = backup.verify(&go_on).expect_err("a flipped bit is found").to_string();
        assert!(error.contains("archive.tar.zst"), "{error}");
        if backup.restore(&case.at("tree"), &case.at("aside"), &go_on).is_err() {
            flipped += 1;
            assert_eq!(digest_tree(&case.at("tree")).unwrap(), broken);
            assert_eq!(names(case.scratch.path()), ["backup", "tree"].map(Path::new));
        } else {
            // The damage was in what a restore does not need; what it put back was checked entry by entry.
            assert_eq!(backup.compare(&case.at("tree")).unwrap(), []);
            fs::remove_dir_all(case.at("tree")).unwrap();
            fs::rename(case.at("aside/tree"), case.at("tree")).unwrap();
            fs::remove_dir(case.at("aside")).unwrap();
        }
    }
    assert!(flipped > 15, "{flipped}");
    for length in [0, 1, 100, whole.len() / 2, whole.len() - 1] {
        fs::write(&archive, &whole[..length]).unwrap();
        let backup = Backup::open(&case.at("backup")).unwrap();
        assert!(matches!(backup.verify(&go_on), Err(Error::ArchiveDamaged { .. })), "cut at {length}");
    }
    fs::remove_file(&archive).unwrap();
    assert!(Backup::open(&case.at("backup")).unwrap().verify(&go_on).is_err());
}

#[test]
fn a_manifest_is_complete_and_unaltered_or_there_is_no_backup() {
    let case = Case::new();
    let manifest = case.at("backup/manifest.json");
    let whole = fs::read(&manifest).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&whole).unwrap();
    assert_eq!(value["format"], 1);
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&manifest, &bytes).unwrap();
        assert!(matches!(Backup::open(&case.at("backup")), Err(Error::ManifestDamaged { .. })), "flipped at {at}");
        fs::write(&manifest, &whole[..at]).unwrap();
        assert!(matches!(Backup::open(&case.at("backup")), Err(Error::ManifestDamaged { .. })), "cut at {at}");
    }
    fs::remove_file(&manifest).unwrap();
    assert!(matches!(Backup::open(&case.at("backup")), Err(Error::NotABackup { .. })));
    // What was never finished is made anew; what somebody else put there is left alone.
    create(&case.at("backup"), &[case.at("tree")], 0, &go_on, &Options::default()).unwrap();
    let again = create(&case.at("backup"), &[case.at("tree")], 0, &go_on, &Options::default());
    assert!(matches!(again, Err(Error::Exists { .. })));
    // Another backup's manifest does not fit, though it is sound.
    fs::write(case.at("tree/a"), "x").unwrap();
    create(&case.at("other"), &[case.at("tree")], 0, &go_on, &Options::default()).unwrap();
    fs::copy(case.at("other/manifest.json"), &manifest).unwrap();
    assert!(matches!(Backup::open(&case.at("backup")).unwrap().verify(&go_on), Err(Error::ArchiveDamaged { .. })));
    fs::write(case.at("tree/a"), "y").unwrap();
    let restored = Backup::open(&case.at("backup")).unwrap().restore(&case.at("tree"), &case.at("aside"), &go_on);
    assert!(matches!(restored, Err(Error::ArchiveDamaged { .. })));
}

#[test]
fn a_full_disk_loses_nothing() {
    if !is_root() {
        test_rules::skip("mounting a small disk needs root");
        return;
    }
    let case = Case::new();
    let disk = case.at("disk");
    fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "none"]).arg(&disk).status().unwrap();
    if !mounted.success() {
        test_rules::skip("mounting is not allowed here");
        return;
    }
    let _unmount = Unmount(disk.clone());
    let noise: Vec<u8> =
        (0u64..1 << 20).flat_map(|n| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 7).to_le_bytes()).collect();
    fs::write(case.at("tree/noise"), &noise).unwrap();
    fs::write(disk.join("mine"), "stays").unwrap();
    let error = create(&disk.join("backup"), &[case.at("tree")], 0, &go_on, &Options::default()).unwrap_err();
    let Error::NoSpace { path, needed, free } = &error else { panic!("{error}") };
    assert!(*path == disk.join("backup") && *needed > 8 << 20 && *free > 1 << 20 && *free < 3 << 20, "{error}");
    assert_eq!(names(&disk), [Path::new("mine")], "the half backup is gone");

    fs::create_dir(disk.join("tree")).unwrap();
    fs::write(disk.join("tree/small"), "small").unwrap();
    create(&disk.join("backup"), &[disk.join("tree")], 0, &go_on, &Options::default()).unwrap();
    fs::write(disk.join("tree/big"), &noise[..1_500_000]).unwrap();
    let error = second_pass(&disk.join("backup"), &Vec::new, &go_on, &Options::default()).unwrap_err();
    assert!(matches!(error, Error::NoSpace { .. }), "{error}");
    assert_eq!(names(&disk.join("backup")), ["archive.tar.zst", "manifest.json"].map(Path::new));
    Backup::open(&disk.join("backup")).unwrap().verify(&go_on).unwrap();

    create(&case.at("of-disk"), &[disk.join("tree")], 0, &go_on, &Options::default()).unwrap();
    fs::write(disk.join("tree/small"), "changed").unwrap();
    let before = digest_tree(&disk.join("tree")).unwrap();
    let restored = Backup::open(&case.at("of-disk")).unwrap().restore(&disk.join("tree"), &disk.join("aside"), &go_on);
    assert!(matches!(restored, Err(Error::NoSpace { .. })), "{restored:?}");
    assert_eq!(digest_tree(&disk.join("tree")).unwrap(), before);
    assert_eq!(names(&disk), ["backup", "mine", "tree"].map(Path::new));
}

struct Unmount(PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// The tests below run this binary again, as another user or to be killed; this is what it then does.
#[test]
fn child() {
    let Ok(what) = std::env::var("BACKUP_TEST_CHILD") else { return };
    let scratch = PathBuf::from(std::env::var_os("BACKUP_TEST_DIR").unwrap());
    let at = |name: &str| scratch.join(name);
    let done = match what.as_str() {
        "create" => create(&at("backup"), &[at("tree")], 0, &go_on, &Options::default()).map(drop),
        "settle" => second_pass(&at("backup"), &Vec::new, &go_on, &Options::default()).map(drop),
        _ => Backup::open(&at("backup")).and_then(|backup| backup.restore(&at("tree"), &at("aside"), &go_on)).map(drop),
    };
    if let Err(error) = done {
        println!(
            "refused: {error}: {}",
            std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default()
        );
        panic!("refused");
    }
}

fn child_command(program: &[&str], what: &str, scratch: &Path) -> Command {
    let mut command = match program.split_first() {
        Some((program, args)) => {
            let mut command = Command::new(program);
            command.args(args).arg(std::env::current_exe().unwrap());
            command
        }
        None => Command::new(std::env::current_exe().unwrap()),
    };
    command.args(["child", "--exact", "--nocapture", "--test-threads=1"]);
    command.env("BACKUP_TEST_CHILD", what).env("BACKUP_TEST_DIR", scratch);
    command
}

#[test]
fn without_permission_nothing_happens() {
    if !is_root() {
        test_rules::skip("becoming another user needs root");
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    fs::set_permissions(scratch.path(), PermissionsExt::from_mode(0o777)).unwrap();
    fs::create_dir(at("tree")).unwrap();
    fs::write(at("tree/secret"), "s").unwrap();
    fs::set_permissions(at("tree/secret"), PermissionsExt::from_mode(0o600)).unwrap();
    // Another user must be able to run the test's own program.
    let copy = at("program");
    fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let run = |what: &str| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&copy);
        command
            .args(["child", "--exact", "--nocapture"])
            .env("BACKUP_TEST_CHILD", what)
            .env("BACKUP_TEST_DIR", scratch.path());
        let output = command.output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let told = run("create");
    assert!(told.contains("refused: cannot read") && told.contains("tree/secret"), "{told}");
    assert!(!at("backup").exists());

    // Readable, but its owner cannot be given back by this user: refused before anything is replaced.
    fs::set_permissions(at("tree/secret"), PermissionsExt::from_mode(0o644)).unwrap();
    assert!(!run("create").contains("refused"));
    fs::set_permissions(at("tree"), PermissionsExt::from_mode(0o777)).unwrap();
    let before = digest_tree(&at("tree")).unwrap();
    let told = run("restore");
    assert!(told.contains("refused: cannot set the owner of"), "{told}");
    assert_eq!(digest_tree(&at("tree")).unwrap(), before);
    assert_eq!(names(scratch.path()), ["backup", "program", "tree"].map(Path::new));
}

#[test]
fn directories_that_their_owner_cannot_write_come_back_without_root() {
    if !is_root() {
        test_rules::skip("becoming another user needs root");
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    fs::create_dir_all(at("tree/inner")).unwrap();
    fs::write(at("tree/inner/file"), "before").unwrap();
    for name in ["tree/inner/file", "tree/inner", "tree", ""] {
        std::os::unix::fs::chown(at(name), Some(65534), Some(65534)).unwrap();
    }
    for name in ["tree/inner", "tree"] {
        fs::set_permissions(at(name), PermissionsExt::from_mode(0o555)).unwrap();
    }
    let before = digest_tree(&at("tree")).unwrap();
    fs::copy(std::env::current_exe().unwrap(), at("program")).unwrap();
    for what in ["create", "restore", "restore"] {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(at("program"));
        command
            .args(["child", "--exact", "--nocapture"])
            .env("BACKUP_TEST_CHILD", what)
            .env("BACKUP_TEST_DIR", scratch.path());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        if what == "create" {
            fs::write(at("tree/inner/file"), "after").unwrap();
        }
    }
    assert_eq!(digest_tree(&at("tree")).unwrap(), before);
    assert_eq!(fs::metadata(at("aside/tree")).unwrap().permissions().mode() & 0o777, 0o555);
    assert_eq!(names(scratch.path()), ["aside", "backup", "program", "tree"].map(Path::new));
}

/// Kills the child at the n-th call of each system call that changes something, and looks at what is there then.
#[test]
fn killed_anywhere_the_original_or_the_copy_is_there() {
    if Command::new("strace").args(["-o", "/dev/null", "true"]).status().map_or(true, |status| !status.success()) {
        test_rules::skip("no strace to kill at system calls with");
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    fs::create_dir_all(at("tree/sub")).unwrap();
    for name in ["a", "b", "sub/c"] {
        fs::write(at("tree").join(name), name).unwrap();
    }
    create(&at("backup"), &[at("tree")], 0, &go_on, &Options::default()).unwrap();
    let good = digest_tree(&at("tree")).unwrap();
    fs::write(at("tree/a"), "broken").unwrap();
    let broken = digest_tree(&at("tree")).unwrap();
    copy_tree(&at("tree"), &at("kept-broken")).unwrap();
    // Where nothing is now, and the file system has no rename with conditions.
    fs::rename(at("tree"), at("away")).unwrap();
    let plainly = ["strace", "-f", "-o", "/dev/null", "-e", "inject=renameat2:error=EINVAL"];
    assert!(child_command(&plainly, "restore", scratch.path()).output().unwrap().status.success());
    assert_eq!(digest_tree(&at("tree")).unwrap(), good);
    fs::remove_dir_all(at("tree")).unwrap();
    fs::rename(at("away"), at("tree")).unwrap();
    let mut points = 0;
    let exchanging =
        ["mkdir", "mkdirat", "openat", "fchown", "utimensat", "syncfs", "renameat2", "fsync", "unlinkat,unlink,rmdir"];
    // As NFS answers: no rename with conditions.
    let plain = ["renameat", "fsync", "unlinkat,unlink,rmdir"];
    let both = exchanging.map(|call| (call, true)).into_iter().chain(plain.map(|call| (call, false)));
    for (call, exchanges) in both {
        for when in 1.. {
            let inject = format!("inject={call}:signal=KILL:when={when}");
            let mut strace = vec!["strace", "-f", "-o", "/dev/null", "-e", &inject];
            if !exchanges {
                strace.extend(["-e", "inject=renameat2:error=EINVAL"]);
            }
            let finished = child_command(&strace, "restore", scratch.path()).output().unwrap().status.success();
            let moved = !exchanges && !at("tree").exists();
            let now = digest_tree(&at("tree")).unwrap();
            assert!(now == good || now == broken || moved, "killed at {call} {when}");
            let backup = Backup::open(&at("backup")).unwrap();
            backup.restore(&at("tree"), &at("aside"), &go_on).unwrap();
            assert_eq!(digest_tree(&at("tree")).unwrap(), good, "killed at {call} {when}");
            let aside: Vec<_> = names(&at("aside"));
            assert_eq!(aside, [Path::new("tree")], "the broken one is kept exactly once, killed at {call} {when}");
            assert_eq!(digest_tree(&at("aside/tree")).unwrap(), broken);
            assert_eq!(names(scratch.path()), ["aside", "backup", "kept-broken", "tree"].map(Path::new));
            fs::remove_dir_all(at("aside")).unwrap();
            fs::remove_dir_all(at("tree")).unwrap();
            copy_tree(&at("kept-broken"), &at("tree")).unwrap();
            if finished {
                break;
            }
            points += 1;
            // Opening files goes through the same states over and over.
            if when > 60 {
                assert_eq!(call, "openat", "it never came to its end");
                break;
            }
        }
    }
    assert!(points > 40, "{points}");
    println!("killed at {points} points");
}

#[test]
fn killed_while_it_is_made_there_is_no_backup_or_a_whole_one() {
    if Command::new("strace").args(["-o", "/dev/null", "true"]).status().map_or(true, |status| !status.success()) {
        test_rules::skip("no strace to kill at system calls with");
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    fs::create_dir(at("tree")).unwrap();
    fs::write(at("tree/a"), "first").unwrap();
    let mut points = 0;
    for call in ["mkdir", "write", "fsync", "rename"] {
        for when in 1.. {
            let inject = format!("inject={call}:signal=KILL:when={when}");
            let strace = ["strace", "-f", "-o", "/dev/null", "-e", &inject];
            let finished = child_command(&strace, "create", scratch.path()).output().unwrap().status.success();
            match Backup::open(&at("backup")) {
                Ok(backup) => drop(backup.verify(&go_on).unwrap()),
                Err(Error::NotABackup { .. }) => {
                    create(&at("backup"), &[at("tree")], 0, &go_on, &Options::default()).unwrap();
                }
                Err(error) => panic!("killed at {call} {when}: {error}"),
            }
            fs::write(at("tree/a"), format!("{call} {when}")).unwrap();
            let _ = child_command(&strace, "settle", scratch.path()).output().unwrap();
            Backup::open(&at("backup")).unwrap().verify(&go_on).unwrap();
            second_pass(&at("backup"), &Vec::new, &go_on, &Options::default()).unwrap();
            let backup = Backup::open(&at("backup")).unwrap();
            backup.verify(&go_on).unwrap();
            assert_eq!(backup.compare(&at("tree")).unwrap(), []);
            fs::remove_dir_all(at("backup")).unwrap();
            if finished {
                break;
            }
            points += 1;
        }
    }
    assert!(points >= 6, "{points}");
    println!("killed at {points} points");
}

#[test]
fn a_file_that_changes_while_it_is_read_is_noticed() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    fs::create_dir(at("tree")).unwrap();
    fs::write(at("tree/still"), "still").unwrap();
    let busy = File::create(at("tree/grows")).unwrap();
    busy.set_len(3 << 20).unwrap();
    busy.write_all_at(&vec![1; 3 << 20], 0).unwrap();
    let shrinks = File::create(at("tree/shrinks")).unwrap();
    shrinks.write_all_at(&vec![2; 5 << 20], 0).unwrap();
    // Asked between the pieces of a file: the one time that a change is sure to fall into the middle.
    let asked = AtomicU32::new(0);
    let meddle = || {
        let count = asked.fetch_add(1, Ordering::Relaxed);
        (&busy).write_all(b"more").unwrap();
        shrinks.set_len((5u64 << 20) - u64::from(count) * 100_000).unwrap();
        false
    };
    let created = create(&at("backup"), &[at("tree")], 0, &meddle, &Options::default()).unwrap();
    assert_eq!(created.changed_while_read, [at("tree/grows"), at("tree/shrinks")]);
    let backup = Backup::open(&at("backup")).unwrap();
    assert_eq!(backup.manifest().changed_while_read, created.changed_while_read);
    backup.verify(&go_on).unwrap();
    let listed = Command::new("tar").args(["--zstd", "-tf"]).arg(at("backup/archive.tar.zst")).output().unwrap();
    assert!(listed.status.success() && listed.stderr.is_empty(), "the archive stays well formed");
    let settled = second_pass(&at("backup"), &Vec::new, &go_on, &Options::default()).unwrap();
    assert_eq!((settled.changed_while_read.len(), settled.archive_bytes > 0), (0, true));
    let backup = Backup::open(&at("backup")).unwrap();
    assert_eq!(backup.compare(&at("tree")).unwrap(), []);
    backup.verify(&go_on).unwrap();
}

#[test]
fn files_that_come_and_go_while_it_is_made_do_not_break_it() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    fs::create_dir(at("tree")).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut round = 0u32;
            while !stop.load(Ordering::Relaxed) {
                round += 1;
                let path = at("tree").join(format!("f{}", round % 300));
                match round % 3 {
                    0 => drop(fs::write(path, round.to_string().repeat(2000))),
                    1 => drop(fs::remove_file(path)),
                    _ => drop(fs::rename(path, at("tree").join(format!("f{}", round % 7)))),
                }
            }
        });
        for round in 0..20 {
            let dir = at(&format!("backup{round}"));
            create(&dir, &[at("tree")], 0, &go_on, &Options::default()).unwrap();
            Backup::open(&dir).unwrap().verify(&go_on).unwrap();
            second_pass(&dir, &Vec::new, &go_on, &Options::default()).unwrap();
            Backup::open(&dir).unwrap().verify(&go_on).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn cancelled_at_any_point_nothing_is_left() {
    let case = Case::new();
    fs::write(case.at("tree/a"), "changed").unwrap();
    let before = digest_tree(&case.at("tree")).unwrap();
    let backup = Backup::open(&case.at("backup")).unwrap();
    for limit in [0, 1, 5, 20, 45, 60, 80, 100] {
        let count = AtomicU32::new(0);
        let cancel = || count.fetch_add(1, Ordering::Relaxed) >= limit;
        if limit < 60 {
            let made = create(&case.at("new"), &[case.at("tree")], 0, &cancel, &Options::default());
            assert!(matches!(made, Err(Error::Cancelled)), "{limit}: {made:?}");
        }
        count.store(0, Ordering::Relaxed);
        match backup.restore(&case.at("tree"), &case.at("aside"), &cancel) {
            Err(Error::Cancelled) => {}
            other => panic!("{limit}: {other:?}"),
        }
        assert_eq!(digest_tree(&case.at("tree")).unwrap(), before);
        assert_eq!(names(case.scratch.path()), ["backup", "tree"].map(Path::new));
    }
}

#[test]
fn archives_from_elsewhere_are_not_trusted() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    let tar = |name: &str, members: &[(&str, tar::EntryType, &str)]| {
        let mut builder = tar::Builder::new(File::create(at(name)).unwrap());
        for (path, kind, content) in members {
            let mut header = tar::Header::new_gnu();
            header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_entry_type(*kind);
            header.set_mode(0o4777);
            let body = if kind.is_file() { *content } else { "" };
            if !kind.is_file() {
                header.set_link_name_literal(content).unwrap();
            }
            header.set_size(body.len() as u64);
            header.set_cksum();
            builder.append(&header, body.as_bytes()).unwrap();
        }
        builder.finish().unwrap();
    };
    use tar::EntryType::{Directory, Fifo, Link, Regular, Symlink};
    let attacks: &[&[(&str, tar::EntryType, &str)]] = &[
        &[("../out", Regular, "x")],
        &[("/tmp/runbook-out", Regular, "x")],
        &[("a/../../out", Regular, "x")],
        &[("a", Symlink, "/etc")],
        &[("a", Symlink, ".."), ("a/out", Regular, "x")],
        &[("d", Directory, ""), ("s", Symlink, "d"), ("s/x", Regular, "x")],
        &[("d/s", Symlink, ".."), ("d/e", Symlink, "s/../../out")],
        &[("a", Link, "../tree")],
        &[("a", Fifo, "")],
        &[("d/a", Regular, "1"), ("d", Regular, "2")],
    ];
    for (number, members) in attacks.iter().enumerate() {
        tar("bad.tar", members);
        extract_archive(&at("bad.tar"), &at("to")).expect_err(&format!("attack {number}"));
        assert_eq!(names(scratch.path()), [Path::new("bad.tar")], "attack {number}");
        fs::remove_file(at("bad.tar")).unwrap();
    }
    // As with every tar, the last one of a name counts, and a link of that name is no way out.
    tar("twice.tar", &[("d", Directory, ""), ("a", Symlink, "d"), ("a", Regular, "1"), ("a", Regular, "2")]);
    extract_archive(&at("twice.tar"), &at("to")).unwrap();
    assert_eq!(fs::read(at("to/a")).unwrap(), b"2");
    fs::remove_dir_all(at("to")).unwrap();
    fs::remove_file(at("twice.tar")).unwrap();
    tar(
        "good.tar",
        &[
            ("p/bin/x", Regular, "run"),
            ("p/l", Symlink, "bin/x"),
            ("p/up/l", Symlink, "../bin/x"),
            ("p/h", Link, "p/l"),
        ],
    );
    let copied = extract_archive(&at("good.tar"), &at("to")).unwrap();
    assert_eq!((copied.files, copied.entries), (1, 4));
    assert_eq!(fs::read_to_string(at("to/p/up/l")).unwrap(), "run");
    assert_eq!(fs::metadata(at("to/p/bin/x")).unwrap().mode() & 0o7777, 0o755, "no setuid");
    for (program, name) in [("gzip", "good.tar.gz"), ("zstd", "good.tar.zst")] {
        let done = Command::new(program).args(["-q", "-k"]).arg(at("good.tar")).status().unwrap();
        assert!(done.success());
        extract_archive(&at(name), &at(program)).unwrap();
        assert_eq!(digest_tree(&at(program)).unwrap().digest, digest_tree(&at("to")).unwrap().digest);
    }
    fs::write(at("no.tar"), "this is no archive").unwrap();
    assert!(matches!(extract_archive(&at("no.tar"), &at("no")), Err(Error::NoArchive { .. })));
}

#[test]
fn paths_that_cannot_be_backed_up_are_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    for path in ["relative", "/", "/a/../b", ""] {
        let made = create(&at("backup"), &[path.into()], 0, &go_on, &Options::default());
        assert!(matches!(made, Err(Error::BadPath { .. })), "{path:?}");
    }
    let made = create(&at("tree/backup"), &[at("tree")], 0, &go_on, &Options::default());
    assert!(matches!(made, Err(Error::BadPath { .. })));
    assert_eq!(names(scratch.path()), Vec::<PathBuf>::new());
}
