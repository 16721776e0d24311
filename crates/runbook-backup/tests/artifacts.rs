//! Artifacts: what is packed is what is unpacked, by us and by the system's tar, and what no host could take is refused.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its stage fails")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use runbook_backup::{Digest, digest_tree, extract_archive, pack_directory};

/// A program as a package manager leaves it: a long name, a link, a second name, an executable, something larger than a frame.
fn program(top: &Path) {
    let deep = top.join("node_modules").join("a".repeat(90)).join("lib");
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("index.js"), "module.exports = 1\n").unwrap();
    fs::hard_link(deep.join("index.js"), top.join("second.js")).unwrap();
    fs::write(top.join("large"), (0..9 << 20).map(|at: u32| (at / 7) as u8).collect::<Vec<u8>>()).unwrap();
    fs::write(top.join("run"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(top.join("run"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("run", top.join("start")).unwrap();
    fs::create_dir(top.join("empty")).unwrap();
}

#[test]
fn what_is_packed_is_what_is_unpacked() {
    let scratch = tempfile::tempdir().unwrap();
    let [top, into, ours, theirs] = ["app", "into", "ours", "theirs"].map(|name| scratch.path().join(name));
    fs::create_dir(&into).unwrap();
    program(&top);
    let made = pack_directory(&top, &into, &|| false).unwrap();
    let bytes = fs::read(&made.path).unwrap();
    assert_eq!((made.digest, made.bytes, made.files), (Digest::of(&bytes), bytes.len() as u64, 4));
    assert_eq!(made.path, into.join(format!("{}.tar.zst", made.digest)));
    assert_eq!(fs::metadata(&made.path).unwrap().permissions().mode() & 0o777, 0o600);

    extract_archive(&made.path, &ours).unwrap();
    fs::create_dir(&theirs).unwrap();
    let tar = Command::new("tar").arg("--zstd").arg("-xf").arg(&made.path).arg("-C").arg(&theirs).status().unwrap();
    assert!(tar.success());
    for unpacked in [&ours, &theirs] {
        let same = Command::new("diff").args(["-r", "--no-dereference"]).args([&top, unpacked]).output().unwrap();
        assert!(same.status.success(), "{}", String::from_utf8_lossy(&same.stdout));
        assert_eq!(fs::read_link(unpacked.join("start")).unwrap(), Path::new("run"));
        assert_eq!(fs::metadata(unpacked.join("run")).unwrap().permissions().mode() & 0o777, 0o755);
    }
    // Packed once more, the same tree has the same digest.
    assert_eq!(pack_directory(&top, &into, &|| false).unwrap(), made);
    assert_eq!(digest_tree(&top).unwrap().digest, digest_tree(&theirs).unwrap().digest);
}

#[test]
fn what_no_host_could_take_is_refused_and_leaves_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let (top, into) = (scratch.path().join("app"), scratch.path().join("into"));
    fs::create_dir(&top).unwrap();
    fs::create_dir(&into).unwrap();
    let is_empty = || fs::read_dir(&into).unwrap().next().is_none();
    let refused = |why: &str| {
        let error = pack_directory(&top, &into, &|| false).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        assert!(is_empty());
    };
    symlink("/etc/passwd", top.join("out")).unwrap();
    refused("out");
    fs::remove_file(top.join("out")).unwrap();
    let socket = UnixListener::bind(top.join("socket")).unwrap();
    refused("socket");
    drop(socket);
    fs::remove_file(top.join("socket")).unwrap();
    assert!(Command::new("mkfifo").arg(top.join("pipe")).status().unwrap().success());
    refused("named pipe");
    fs::remove_file(top.join("pipe")).unwrap();
    let cancelled = pack_directory(&top, &into, &|| true).unwrap_err();
    assert!(matches!(cancelled, runbook_backup::Error::Cancelled) && is_empty());
    let absent = pack_directory(&scratch.path().join("absent"), &into, &|| false).unwrap_err().to_string();
    assert!(absent.contains("a directory that is there") && is_empty(), "{absent}");
    pack_directory(&top, &into, &|| false).unwrap();
}
