//! Everything survives: through our own restore, and through the system's tar.

#![expect(clippy::unwrap_used, reason = "a test or bench that cannot set its stage fails")]

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use runbook_backup::{
    Backup, Change, Options, Owner, SkipReason, copy_tree, create, digest_tree, second_pass, set_aside,
};
use support::{go_on, is_root, names, odd_tree};

#[test]
fn an_odd_tree_comes_back_whole() {
    let scratch = tempfile::tempdir().unwrap();
    let (tree, dir, aside) = (scratch.path().join("tree"), scratch.path().join("backup"), scratch.path().join("aside"));
    odd_tree(&tree);
    let _socket = UnixListener::bind(tree.join("socket")).unwrap();
    let created = create(&dir, std::slice::from_ref(&tree), 42, &go_on, &Options::default()).unwrap();
    assert_eq!(created.changed_while_read, Vec::<std::path::PathBuf>::new());
    assert_eq!(created.skipped.iter().map(|skipped| skipped.why).collect::<Vec<_>>(), [SkipReason::Socket]);
    assert!(created.bytes < 16 << 20, "holes are not read");
    assert_eq!(names(&dir), [Path::new("archive.tar.zst"), Path::new("manifest.json")]);
    for (path, mode) in [(dir.clone(), 0o700), (dir.join("archive.tar.zst"), 0o600), (dir.join("manifest.json"), 0o600)]
    {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, mode);
    }
    fs::remove_file(tree.join("socket")).unwrap();

    let before = digest_tree(&tree).unwrap();
    let backup = Backup::open(&dir).unwrap();
    assert_eq!(backup.manifest().created_at_ms, 42);
    let verified = backup.verify(&go_on).unwrap();
    assert_eq!((verified.entries, verified.files), (created.entries, created.files));

    // The time of the top directory changed with the socket; put back, it is found identical.
    backup.restore(&tree, &aside, &go_on).unwrap();
    let again = backup.restore(&tree, &aside, &go_on).unwrap();
    assert!(again.identical && again.replaced.is_none());

    fs::remove_dir_all(tree.join("plain")).unwrap();
    fs::write(tree.join("new"), "new").unwrap();
    fs::write(tree.join("a"), "other").unwrap();
    let broken = digest_tree(&tree).unwrap();
    let restored = backup.restore(&tree, &aside, &go_on).unwrap();
    assert!(!restored.identical);
    assert_eq!(digest_tree(&tree).unwrap(), before);
    assert_eq!(backup.compare(&tree).unwrap(), []);
    assert_eq!(
        digest_tree(&restored.replaced.unwrap().path).unwrap().digest,
        broken.digest,
        "what was replaced is kept whole"
    );
    assert!(fs::metadata(tree.join("sparse")).unwrap().blocks() * 512 < 1 << 20, "holes stay holes");
    assert_eq!(names(scratch.path()), ["aside", "backup", "tree"].map(Path::new), "nothing is left lying about");

    let copy = scratch.path().join("copy");
    copy_tree(&tree, &copy).unwrap();
    assert_eq!(digest_tree(&copy).unwrap().digest, before.digest);
}

#[test]
fn the_systems_tar_opens_it() {
    let scratch = tempfile::tempdir().unwrap();
    let (tree, dir, out) = (scratch.path().join("tree"), scratch.path().join("backup"), scratch.path().join("out"));
    odd_tree(&tree);
    fs::create_dir(&out).unwrap();
    create(&dir, std::slice::from_ref(&tree), 0, &go_on, &Options::default()).unwrap();
    let mut tar = Command::new("tar");
    tar.args(["--zstd", "--xattrs", "--xattrs-include=*", "--acls", "-xpf"]).arg(dir.join("archive.tar.zst"));
    let done = tar.arg("-C").arg(&out).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let unpacked = out.join(tree.strip_prefix("/").unwrap());
    // tar gives links no time to the nanosecond before 1970 and drops holes that it may; content and metadata must match.
    assert_eq!(describe(&unpacked), describe(&tree));
    assert_eq!(digest_tree(&unpacked).unwrap(), digest_tree(&tree).unwrap());
    assert!(fs::metadata(unpacked.join("sparse")).unwrap().blocks() * 512 < 1 << 20);
}

/// For a readable difference when the digests differ.
fn describe(top: &Path) -> String {
    let format = "%P %y %m %U:%G %T@ %n %l\\n";
    let found = Command::new("find").arg(top).args(["-mindepth", "1", "-printf", format]).output().unwrap();
    let mut lines: Vec<_> = String::from_utf8_lossy(&found.stdout).lines().map(str::to_owned).collect();
    lines.retain(|line| !line.contains(" d "));
    lines.sort();
    lines.join("\n")
}

#[test]
fn files_links_and_missing_paths_are_roots_too() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    fs::write(at("file"), "file").unwrap();
    symlink("file", at("link")).unwrap();
    let paths = [at("file"), at("link"), at("missing"), at("no/parent/either")];
    let created = create(&at("backup"), &paths, 0, &go_on, &Options::default()).unwrap();
    assert_eq!(created.missing, [at("missing"), at("no/parent/either")]);
    let backup = Backup::open(&at("backup")).unwrap();
    assert!(backup.covers(&at("missing/x")) && backup.covers(&at("file")) && !backup.covers(&at("fil")));

    for path in &paths {
        assert!(backup.restore(path, &at("aside"), &go_on).unwrap().identical, "{}", path.display());
    }
    fs::remove_file(at("link")).unwrap();
    fs::create_dir(at("link")).unwrap();
    fs::write(at("link/inside"), "x").unwrap();
    fs::remove_file(at("file")).unwrap();
    fs::create_dir_all(at("missing/deep")).unwrap();
    assert_eq!(backup.compare(&at("missing")).unwrap()[0].what, Change::Added);
    for path in &paths {
        backup.restore(path, &at("aside"), &go_on).unwrap();
        assert!(backup.restore(path, &at("aside"), &go_on).unwrap().identical, "twice is once");
    }
    assert_eq!(fs::read_link(at("link")).unwrap(), Path::new("file"));
    assert_eq!(fs::read_to_string(at("link")).unwrap(), "file");
    assert!(!at("missing").exists() && at("aside/missing/deep").is_dir() && at("aside/link/inside").is_file());
}

#[test]
fn a_path_below_a_root_comes_back_alone() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    odd_tree(&at("tree"));
    create(&at("backup"), &[at("tree")], 0, &go_on, &Options::default()).unwrap();
    let backup = Backup::open(&at("backup")).unwrap();
    fs::write(at("tree/a"), "changed and to stay so").unwrap();
    // "same as b" is a further name of a file whose first name is outside of what is restored.
    fs::remove_dir_all(at("tree/plain/deeper")).unwrap();
    fs::write(at("tree/plain/deeper"), "in the way").unwrap();
    backup.restore(&at("tree/plain/deeper"), &at("aside"), &go_on).unwrap();
    assert_eq!(backup.compare(&at("tree/plain/deeper")).unwrap(), []);
    assert_eq!(fs::read_to_string(at("tree/plain/deeper/same as b")).unwrap(), "beta");
    assert_eq!(fs::read_to_string(at("tree/a")).unwrap(), "changed and to stay so");
    let left = backup.compare(&at("tree")).unwrap();
    assert!(!left.iter().any(|difference| difference.path == at("tree/plain")), "the parent's time is put back");
    // What the backup never had, below a root, is set aside.
    fs::write(at("tree/plain/stranger"), "x").unwrap();
    let restored = backup.restore(&at("tree/plain/stranger"), &at("aside"), &go_on).unwrap();
    assert_eq!(restored.replaced.map(|it| it.path), Some(at("aside/stranger")));
    assert!(backup.restore(&at("elsewhere"), &at("aside"), &go_on).is_err());
}

#[test]
fn differences_are_named() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    odd_tree(&at("tree"));
    create(&at("backup"), &[at("tree")], 0, &go_on, &Options::default()).unwrap();
    let backup = Backup::open(&at("backup")).unwrap();
    let top_time = fs::metadata(at("tree")).unwrap().modified().unwrap();
    fs::set_permissions(at("tree/a"), PermissionsExt::from_mode(0o600)).unwrap();
    support::set_mtime(&at("tree/large"), 1, 1);
    rustix::fs::setxattr(at("tree/plain"), "user.dir", b"no", rustix::fs::XattrFlags::empty()).unwrap();
    fs::remove_file(at("tree/link")).unwrap();
    symlink("elsewhere", at("tree/link")).unwrap();
    fs::remove_file(at("tree/another b")).unwrap();
    fs::write(at("tree/added"), "").unwrap();
    fs::remove_dir(at("tree/empty")).unwrap();
    fs::write(at("tree/empty"), "").unwrap();
    fs::File::open(at("tree")).unwrap().set_modified(top_time).unwrap();
    let found: Vec<_> = backup.compare(&at("tree")).unwrap().iter().map(ToString::to_string).collect();
    let has = |text: &str| assert!(found.iter().any(|line| line.contains(text)), "{text} in {found:#?}");
    has("tree/a: mode: was 4755, is 0600");
    has("tree/large: mtime: was -4.750000000");
    has("tree/plain: extended attributes");
    has("tree/link: target");
    has("tree/another b: missing");
    has("tree/added: added");
    has("tree/empty: type: was directory, is file");
    assert!(!found.iter().any(|line| line.starts_with(&format!("{}:", at("tree").display()))), "{found:#?}");
}

#[test]
fn a_second_pass_takes_only_what_changed() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    odd_tree(&at("tree"));
    create(&at("backup"), &[at("tree"), at("later")], 0, &go_on, &Options::default()).unwrap();
    let nothing = second_pass(&at("backup"), &Vec::new, &go_on, &Options::default()).unwrap();
    assert_eq!((nothing.changed, nothing.added, nothing.removed, nothing.archive_bytes), (0, 0, 0, 0));

    fs::write(at("tree/plain/b"), "BETA").unwrap();
    fs::write(at("tree/plain/deeper/c"), "grown, grown").unwrap();
    fs::write(at("tree/added"), "added").unwrap();
    fs::remove_file(at("tree/sparse")).unwrap();
    fs::remove_dir(at("tree/empty")).unwrap();
    fs::write(at("tree/empty"), "a file now").unwrap();
    fs::remove_dir_all(at("tree/long")).unwrap();
    fs::create_dir(at("later")).unwrap();
    fs::write(at("later/x"), "x").unwrap();
    let settled = second_pass(&at("backup"), &Vec::new, &go_on, &Options::default()).unwrap();
    assert!(settled.bytes < 100, "only what changed is read: {settled:?}");
    assert_eq!(settled.added, 3);
    let tree = digest_tree(&at("tree")).unwrap();

    let backup = Backup::open(&at("backup")).unwrap();
    backup.verify(&go_on).unwrap();
    assert_eq!(backup.compare(&at("tree")).unwrap(), []);
    fs::write(at("tree/plain/b"), "broken").unwrap();
    fs::remove_dir_all(at("later")).unwrap();
    settle_again_and_back(&at("backup"), &at("tree"), &at("aside"), tree);
    backup.restore(&at("later"), &at("aside"), &go_on).unwrap();
    assert_eq!(fs::read_to_string(at("later/x")).unwrap(), "x");

    // By hand: the first archive, less what was removed, then the second.
    fs::create_dir(at("out")).unwrap();
    for archive in &backup.manifest().archives {
        for gone in &archive.removed_before {
            let gone = at("out").join(gone.strip_prefix("/").unwrap());
            let _ = fs::remove_file(&gone).or_else(|_| fs::remove_dir_all(&gone));
        }
        let mut tar = Command::new("tar");
        tar.args(["--zstd", "--xattrs", "--xattrs-include=*", "--acls", "-xpf"]).arg(at("backup").join(&archive.file));
        assert!(tar.arg("-C").arg(at("out")).status().unwrap().success());
    }
    let unpacked = at("out").join(at("tree").strip_prefix("/").unwrap());
    assert_eq!(describe(&unpacked), describe(&at("tree")));
    assert_eq!(digest_tree(&unpacked).unwrap(), tree);
}

fn settle_again_and_back(backup: &Path, tree: &Path, aside: &Path, before: runbook_backup::TreeDigest) {
    let open = Backup::open(backup).unwrap();
    open.restore(tree, aside, &go_on).unwrap();
    assert_eq!(digest_tree(tree).unwrap(), before);
}

/// For other programs that open the archive; a host of many users is asked once for each.
#[test]
fn names_of_owners_stand_beside_their_numbers() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    fs::create_dir_all(at("tree/more")).unwrap();
    fs::write(at("tree/a"), "a").unwrap();
    let asked = std::cell::RefCell::new(Vec::new());
    let names = |owner| {
        asked.borrow_mut().push(owner);
        matches!(owner, Owner::User(_)).then(|| "an-owner".to_owned())
    };
    let options = Options { names: &names, ..Options::default() };
    create(&at("backup"), &[at("tree")], 0, &go_on, &options).unwrap();
    let found = fs::metadata(at("tree")).unwrap();
    assert_eq!(asked.take(), [Owner::User(found.uid()), Owner::Group(found.gid())]);
    fs::write(at("tree/b"), "b").unwrap();
    second_pass(&at("backup"), &Vec::new, &go_on, &options).unwrap();
    for archive in ["archive.tar.zst", "archive.2.tar.zst"] {
        let listed = Command::new("tar").arg("--zstd").arg("-tvf").arg(at("backup").join(archive)).output().unwrap();
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        let owner = format!(" an-owner/{} ", found.gid());
        assert!(!listed.is_empty() && listed.lines().all(|line| line.contains(&owner)), "{listed}");
    }
}

#[test]
fn mounts_inside_are_left_out_and_never_moved() {
    if !is_root() {
        test_rules::skip("mounting needs root");
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    fs::create_dir_all(at("tree/mount")).unwrap();
    fs::create_dir_all(at("tree/bind")).unwrap();
    fs::create_dir_all(at("source")).unwrap();
    fs::write(at("source/secret"), "of another tree").unwrap();
    let mounted = |args: &[&str], to: &str| Command::new("mount").args(args).arg(at(to)).status().unwrap().success();
    let source = at("source");
    if !mounted(&["-t", "tmpfs", "none"], "tree/mount") || !mounted(&["--bind", source.to_str().unwrap()], "tree/bind")
    {
        test_rules::skip("mounting is not allowed here");
        return;
    }
    let _unmount = [Unmount(at("tree/mount")), Unmount(at("tree/bind"))];
    fs::write(at("tree/mount/x"), "x").unwrap();
    let created = create(&at("backup"), &[at("tree")], 0, &go_on, &Options::default()).unwrap();
    assert_eq!(created.files, 0);
    assert_eq!(created.skipped.iter().map(|one| one.why).collect::<Vec<_>>(), [SkipReason::MountPoint; 2]);
    fs::write(at("tree/y"), "y").unwrap();
    let backup = Backup::open(&at("backup")).unwrap();
    let refused = backup.restore(&at("tree"), &at("aside"), &go_on).unwrap_err().to_string();
    assert!(refused.contains("is a mount point"), "{refused}");
    assert!(at("tree/mount/x").exists() && at("tree/y").exists());
    assert!(!backup.covers(&at("tree/mount/x")) && backup.covers(&at("tree/y")));
    assert!(backup.restorable(&at("tree")).unwrap_err().to_string().contains("is a mount point"));
    // Named as a path of its own, a mount is backed up; paths below it can be put back.
    create(&at("backup2"), &[at("tree"), at("tree/mount")], 0, &go_on, &Options::default()).unwrap();
    fs::write(at("tree/mount/x"), "changed").unwrap();
    let backup = Backup::open(&at("backup2")).unwrap();
    let restored = backup.restore(&at("tree/mount/x"), &at("aside"), &go_on).unwrap();
    assert_eq!(fs::read_to_string(at("tree/mount/x")).unwrap(), "x");
    assert_eq!(
        restored.replaced.map(|it| it.path),
        Some(at("aside/x")),
        "from another file system it is moved by a copy"
    );
    assert_eq!(fs::read_to_string(at("aside/x")).unwrap(), "changed");
    assert_eq!(names(&at("tree/mount")), [Path::new("x")], "nothing stays beside it");
    assert_eq!(set_aside(&at("tree/nothing"), &at("aside")).unwrap(), None);
}

/// By prefix alone it would seem that nothing was there, and a restore would move away what is.
#[test]
fn what_a_backup_left_out_it_does_not_cover() {
    let scratch = tempfile::tempdir().unwrap();
    let top = scratch.path().canonicalize().unwrap();
    let at = |name: &str| top.join(name);
    fs::create_dir_all(at("app/releases/1/plugins")).unwrap();
    fs::create_dir_all(at("elsewhere/plugins")).unwrap();
    fs::write(at("app/releases/1/plugins/p"), "old").unwrap();
    fs::write(at("elsewhere/plugins/p"), "old").unwrap();
    fs::write(at("app/file"), "").unwrap();
    symlink("releases/1", at("app/current")).unwrap();
    symlink(at("elsewhere"), at("app/out")).unwrap();
    let _socket = UnixListener::bind(at("app/socket")).unwrap();
    create(&at("backup"), &[at("app"), at("absent")], 0, &go_on, &Options::default()).unwrap();
    let backup = Backup::open(&at("backup")).unwrap();
    // A link that stays inside is followed, one that leads out is not covered.
    assert_eq!(backup.restorable(&at("app/current/plugins/p")).unwrap(), at("app/releases/1/plugins/p"));
    assert_eq!(backup.restorable(&at("app/current")).unwrap(), at("app/current"));
    for covered in ["app/new/deeper", "absent/x/y", "app/releases/1/new"] {
        assert_eq!(backup.restorable(&at(covered)).unwrap(), at(covered));
    }
    for (hidden, why) in [
        ("app/out/plugins/p", "no path of it leads there"),
        ("app/socket", "it was a socket"),
        ("app/file/x", "app/file was a file then"),
    ] {
        let refused = backup.restore(&at(hidden), &at("aside"), &go_on).unwrap_err().to_string();
        assert!(refused.contains(why) && !backup.covers(&at(hidden)), "{hidden}: {refused}");
    }
    // What was a link then and is a directory now.
    fs::remove_file(at("app/current")).unwrap();
    fs::create_dir_all(at("app/current/plugins")).unwrap();
    let refused = backup.restorable(&at("app/current/plugins")).unwrap_err().to_string();
    assert!(refused.contains("app/current was a symlink then"), "{refused}");
    assert!(at("elsewhere/plugins/p").exists() && at("app/socket").exists());
}

#[test]
fn a_root_that_leads_elsewhere_than_it_did_is_not_put_back() {
    let scratch = tempfile::tempdir().unwrap();
    let top = scratch.path().canonicalize().unwrap();
    let at = |name: &str| top.join(name);
    for release in ["1", "2"] {
        fs::create_dir_all(at(release)).unwrap();
        fs::write(at(release).join("f"), release).unwrap();
    }
    symlink("1", at("current")).unwrap();
    // The inner path leads out of the outer one, so it is kept as what it leads to.
    create(&at("backup"), &[at("current"), at("current/f")], 0, &go_on, &Options::default()).unwrap();
    create(&at("backup2"), &[at("current/f")], 0, &go_on, &Options::default()).unwrap();
    let outer = Backup::open(&at("backup")).unwrap();
    assert_eq!(outer.roots().iter().map(|root| root.path.clone()).collect::<Vec<_>>(), [at("1/f"), at("current")]);
    fs::remove_file(at("current")).unwrap();
    symlink("2", at("current")).unwrap();
    let backup = Backup::open(&at("backup2")).unwrap();
    assert!(!backup.covers(&at("current/f")));
    let refused = backup.restore(&at("1/f"), &at("aside"), &go_on).unwrap_err().to_string();
    assert!(refused.contains(&format!("led to {} then", at("1/f").display())), "{refused}");
    outer.restore(&at("current"), &at("aside"), &go_on).unwrap();
    assert_eq!(fs::read_link(at("current")).unwrap(), Path::new("1"));
    backup.restore(&at("current/f"), &at("aside"), &go_on).unwrap();
    assert_eq!(fs::read_to_string(at("2/f")).unwrap(), "2");
}

#[test]
fn a_second_pass_keeps_what_was_changed_on_purpose_as_the_first_one_found_it() {
    let scratch = tempfile::tempdir().unwrap();
    let top = scratch.path().canonicalize().unwrap();
    let at = |name: &str| top.join(name);
    fs::create_dir_all(at("state/plugins/x")).unwrap();
    fs::write(at("state/plugins/x/p"), "before").unwrap();
    fs::write(at("state/plugins/gone"), "before").unwrap();
    fs::write(at("state/messages"), "one").unwrap();
    fs::hard_link(at("state/messages"), at("state/plugins/x/linked")).unwrap();
    symlink("plugins/x", at("state/link")).unwrap();
    fs::create_dir_all(at("other")).unwrap();
    fs::write(at("other/f"), "before").unwrap();
    create(&at("backup"), &[at("state"), at("absent"), at("other")], 0, &go_on, &Options::default()).unwrap();
    let before = digest_tree(&at("state/plugins")).unwrap();
    // The run changes a plugin, makes a path where nothing was, and follows a link to an unknown place.
    fs::write(at("state/plugins/x/p"), "after").unwrap();
    fs::write(at("state/plugins/x/more"), "after").unwrap();
    fs::create_dir_all(at("absent/deep")).unwrap();
    fs::write(at("other/f"), "after").unwrap();
    // The service writes beside it.
    fs::remove_file(at("state/messages")).unwrap();
    fs::write(at("state/messages"), "one, two").unwrap();
    fs::write(at("state/new"), "new").unwrap();
    let changed = || vec![at("state/plugins"), at("absent/deep/file"), at("other")];
    let settled = second_pass(&at("backup"), &changed, &go_on, &Options::default()).unwrap();
    assert!(settled.left_out.contains(&at("state/plugins")) && settled.left_out.contains(&at("absent")));
    let backup = Backup::open(&at("backup")).unwrap();
    backup.verify(&go_on).unwrap();
    for root in ["state", "absent", "other"] {
        backup.restore(&at(root), &at("aside"), &go_on).unwrap();
        assert!(backup.restore(&at(root), &at("aside"), &go_on).unwrap().identical);
    }
    assert_eq!(digest_tree(&at("state/plugins")).unwrap(), before);
    assert_eq!(fs::read_to_string(at("other/f")).unwrap(), "before");
    assert!(!at("absent").exists() && at("state/new").exists());
    // The first name of a linked file outside of what is left goes with it: its old content is needed.
    assert_eq!(fs::read_to_string(at("state/plugins/x/linked")).unwrap(), "one");
    // Behind the link anything may have been meant.
    let through = || vec![at("state/link/p")];
    assert_eq!(second_pass(&at("backup"), &through, &go_on, &Options::default()).unwrap().left_out, [at("state")]);
}

/// A step that begins while the second pass reads must not slip into the backup.
#[test]
fn a_change_that_begins_during_the_second_pass_is_left_out() {
    let scratch = tempfile::tempdir().unwrap();
    let top = scratch.path().canonicalize().unwrap();
    let at = |name: &str| top.join(name);
    for name in ["a", "b"] {
        fs::create_dir_all(at("tree").join(name)).unwrap();
        fs::write(at("tree").join(name).join("f"), "before").unwrap();
    }
    create(&at("backup"), &[at("tree")], 0, &go_on, &Options::default()).unwrap();
    fs::write(at("tree/b/f"), "settled").unwrap();
    let asked = std::cell::Cell::new(0);
    let changed = || {
        asked.set(asked.get() + 1);
        if asked.get() == 1 {
            fs::write(at("tree/a/f"), "after").unwrap();
            return Vec::new();
        }
        vec![at("tree/a")]
    };
    let settled = second_pass(&at("backup"), &changed, &go_on, &Options::default()).unwrap();
    assert_eq!(settled.left_out, [at("tree/a")]);
    let backup = Backup::open(&at("backup")).unwrap();
    assert_eq!(backup.verify(&go_on).unwrap().files, 2);
    backup.restore(&at("tree"), &at("aside"), &go_on).unwrap();
    assert_eq!(fs::read_to_string(at("tree/a/f")).unwrap(), "before");
    assert_eq!(fs::read_to_string(at("tree/b/f")).unwrap(), "settled");
}

struct Unmount(std::path::PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}
