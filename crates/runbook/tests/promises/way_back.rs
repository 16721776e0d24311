//! A change is accepted only if this user can go back now: what stands in the way is said before anything stops.

use crate::bench::{Bench, RUNBOOK, Said, said};
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::path::Path;

const NOBODY: u32 = 65534;

/// Whether files can be given to others here; says so if not.
fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        test_rules::skip("only root can make files that this user may not touch");
    }
    root
}

/// Runs the binary through `setpriv` with these words.
fn with(bench: &Bench, words: &[&str], args: &[&str]) -> Said {
    let binary = bench.path("runbook");
    if !binary.exists() {
        // The build directory may be closed to others.
        fs::copy(RUNBOOK, &binary).unwrap();
    }
    let all = [words, &["--", binary.to_str().unwrap()], args].concat();
    said(bench.command_of("setpriv", &all))
}

fn as_nobody(bench: &Bench, args: &[&str]) -> Said {
    with(bench, &["--reuid", "65534", "--regid", "65534", "--clear-groups"], args)
}

/// A bench whose host and state belong to nobody.
fn of_nobody() -> Bench {
    let bench = Bench::new();
    for name in ["host", "home", "state"] {
        fs::create_dir_all(bench.path(name)).unwrap();
        chown(bench.path(name), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    fs::set_permissions(bench.state(), fs::Permissions::from_mode(0o700)).unwrap();
    bench
}

fn given(bench: &Bench, name: &str, content: &str) {
    bench.write(name, content);
    chown(bench.path(name), Some(NOBODY), Some(NOBODY)).unwrap();
}

/// Deploying and starting need evidence, which is not what is tried here.
const EXCEPT: &str =
    "allow: [{ rule: verify-is-functional, because: test }, { rule: verify-is-negative, because: test }]";

/// A step that leaves a trace, so that it is seen whether anything was begun.
const FIRST: &str = "steps:
  - { id: first, uses: file.write, with: { path: HOST/begun, content: x } }
  - { id: backup, uses: backup.create, with: { paths: [{ path: HOST/app, restore: never }] } }
";

fn steps(step: &str) -> String {
    format!("{FIRST}{}", step.replace("EXCEPT", EXCEPT))
}

/// Both the dry run and the run say `words`, and nothing is begun.
#[track_caller]
fn refused(bench: &Bench, run: impl Fn(&[&str]) -> Said, plan: &str, words: &[&str]) {
    let before = bench.picture("host");
    run(&["plan", plan]).expect(1).says(words);
    assert!(before == bench.picture("host"));
    run(&["apply", plan, "--yes"]).expect(1).says(words).says(&["nothing was changed"]);
    assert!(before == bench.picture("host"), "something was begun");
}

#[test]
fn one_foreign_file_is_told_before_anything_begins() {
    if !is_root() {
        return;
    }
    let changes = [
        "  - { id: change, uses: artifact.deploy, with: { from: HOST/new, to: HOST/app }, EXCEPT }",
        "  - { id: change, uses: file.remove, with: { path: HOST/app } }",
        "  - { id: change, uses: command.run, with: { run: [touch, HOST/app/x], effects: { writes: [{ path: HOST/app }] } } }",
        "  - { id: change, uses: file.write, with: { path: HOST/app/of-root, content: new } }",
        "  - { id: change, uses: file.copy, with: { from: HOST/new/f, path: HOST/app/of-root } }",
        "  - { id: change, uses: file.link, with: { path: HOST/app/of-root, to: ../new/f } }",
        "  - { id: change, uses: json.edit, with: { path: HOST/app/of-root, set: { /a: 2 } } }",
        "  - { id: change, uses: npm.ci, with: { dir: HOST/app }, EXCEPT }",
        "  - { id: insurance, uses: backup.create, with: { paths: [{ path: HOST/app, restore: always }] } }",
    ];
    for change in changes {
        let bench = of_nobody();
        ["app/mine", "new/f", "app/package.json", "app/package-lock.json"]
            .iter()
            .for_each(|name| given(&bench, &format!("host/{name}"), "{}"));
        bench.write("host/app/of-root", r#"{"a":1}"#);
        bench.write("host/app/node_modules/x/of-root", "");
        for dir in ["host/app", "host/new", "host/app/node_modules", "host/app/node_modules/x"] {
            chown(bench.path(dir), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let plan = bench.plan("one", &steps(change));
        refused(&bench, |args| as_nobody(&bench, args), &plan, &["of-root", "belongs to root"]);
    }
}

#[test]
fn what_only_the_step_itself_can_see_is_refused_before_it_acts() {
    if !is_root() {
        return;
    }
    let bench = of_nobody();
    bench.write("host/of-root", "old");
    // A command without effects may change anything, so the dry run cannot tell.
    let plan = bench.plan(
        "late",
        "steps:
  - { id: any, uses: command.run, with: { run: [\"true\"], undo: { run: [\"true\"] } } }
  - { id: change, uses: file.write, needs: [any], with: { path: HOST/of-root, content: new } }
",
    );
    let before = bench.picture("host/of-root");
    as_nobody(&bench, &["apply", &plan, "--yes"]).expect(3).says(&["of-root", "belongs to root", "Rolled back"]);
    assert!(before == bench.picture("host/of-root"));
    as_nobody(&bench, &["status"]).says(&["Nothing blocks this host"]);
}

#[test]
fn a_directory_that_holds_the_path_in_place_is_told() {
    if !is_root() {
        return;
    }
    let change = steps(
        "  - { id: change, uses: command.run, with: { run: [touch, HOST/app/x], effects: { writes: [{ path: HOST/app }] } } }",
    );
    // The directory above belongs to root.
    let bench = of_nobody();
    given(&bench, "host/app/f", "");
    chown(bench.host("app"), Some(NOBODY), Some(NOBODY)).unwrap();
    chown(bench.path("host"), Some(0), Some(0)).unwrap();
    let plan = bench.plan("above", &change.replace("HOST/begun", "HOST/app/begun"));
    refused(&bench, |args| as_nobody(&bench, args), &plan, &["may not write in", "could not be put back"]);
    // A group that this user is not in.
    let bench = of_nobody();
    given(&bench, "host/app/f", "");
    chown(bench.host("app"), Some(NOBODY), Some(NOBODY)).unwrap();
    chown(bench.host("app/f"), Some(NOBODY), Some(4711)).unwrap();
    let plan = bench.plan("group", &change);
    refused(&bench, |args| as_nobody(&bench, args), &plan, &["its group is number 4711"]);
    // Everybody may write there, and only owners may move what is theirs.
    let bench = of_nobody();
    bench.write("host/app", "");
    chown(bench.path("host"), Some(0), Some(0)).unwrap();
    fs::set_permissions(bench.path("host"), fs::Permissions::from_mode(0o1777)).unwrap();
    let plan = bench.plan("sticky", &steps("  - { id: change, uses: file.remove, with: { path: HOST/app } }"));
    refused(&bench, |args| as_nobody(&bench, args), &plan, &["lets only root move it"]);
}

#[test]
fn root_without_its_powers_is_not_taken_for_root() {
    if !is_root() {
        return;
    }
    let bench = Bench::new();
    bench.write("host/app/f", "");
    let made = std::process::Command::new("mknod").arg(bench.host("app/null")).args(["c", "1", "3"]).status().unwrap();
    if !made.success() {
        test_rules::skip("no devices can be made here");
        return;
    }
    let plan = bench.plan("device", &steps("  - { id: change, uses: file.remove, with: { path: HOST/app } }"));
    let without = |args: &[&str]| with(&bench, &["--bounding-set", "-mknod", "--inh-caps", "-mknod"], args);
    refused(&bench, without, &plan, &["app/null", "it is a device, which root may not make"]);
    chown(bench.host("app/f"), Some(NOBODY), Some(NOBODY)).unwrap();
    fs::remove_file(bench.host("app/null")).unwrap();
    let without = |args: &[&str]| with(&bench, &["--bounding-set", "-chown", "--inh-caps", "-chown"], args);
    refused(&bench, without, &plan, &["app/f", "belongs to user 65534", "root may not give"]);
    // With all its powers it goes there and back, the device included.
    std::process::Command::new("mknod").arg(bench.host("app/null")).args(["c", "1", "3"]).status().unwrap();
    bench.expect(0, &["apply", &plan, "--yes"]);
    assert!(!bench.host("app").exists());
    bench.expect(0, &["rollback", "--yes"]);
    assert_eq!(fs::metadata(bench.host("app/f")).unwrap().uid(), NOBODY);
    assert!(fs::metadata(bench.host("app/null")).unwrap().file_type().is_char_device());
}

#[test]
fn what_is_no_file_is_not_replaced_by_one() {
    let kinds = [
        "uses: file.write, with: { path: HOST/app/it, content: new }",
        "uses: file.copy, with: { from: HOST/new, path: HOST/app/it }",
        "uses: file.template, with: { from: HOST/new, path: HOST/app/it }",
        "uses: file.link, with: { path: HOST/app/it, to: ../new }",
    ];
    for kind in kinds {
        for what in ["socket", "named pipe", "device"] {
            let bench = Bench::new();
            bench.write("host/new", "new");
            let it = special(&bench, what);
            let Some(_listener) = it else { continue };
            let inode = fs::symlink_metadata(bench.host("app/it")).unwrap().ino();
            let plan = bench.plan("special", &steps(&format!("  - {{ id: change, {kind} }}")));
            refused(&bench, |args| bench.run(args), &plan, &["app/it", &format!("is a {what}")]);
            assert_eq!(fs::symlink_metadata(bench.host("app/it")).unwrap().ino(), inode, "{kind}: {what}");
        }
    }
}

/// Makes `app/it`; nothing where that is not possible.
fn special(bench: &Bench, what: &str) -> Option<Option<UnixListener>> {
    fs::create_dir_all(bench.host("app")).unwrap();
    let it = bench.host("app/it");
    let made = |arguments: &[&str]| std::process::Command::new("mknod").arg(&it).args(arguments).status().unwrap();
    match what {
        "socket" => Some(Some(UnixListener::bind(&it).unwrap())),
        "named pipe" => made(&["p"]).success().then_some(None),
        _ => made(&["c", "1", "3"]).success().then_some(None),
    }
}

#[test]
fn a_socket_is_not_removed_and_a_pipe_comes_back() {
    let bench = Bench::new();
    let _listener = special(&bench, "socket").unwrap();
    let plan = bench.plan("remove", &steps("  - { id: change, uses: file.remove, with: { path: HOST/app/it } }"));
    refused(&bench, |args| bench.run(args), &plan, &["app/it", "it is a socket"]);
    fs::remove_file(bench.host("app/it")).unwrap();
    special(&bench, "named pipe").unwrap();
    bench.expect(0, &["apply", &plan, "--yes"]);
    assert!(!bench.host("app/it").exists());
    bench.expect(0, &["rollback", "--yes"]);
    assert!(fs::metadata(bench.host("app/it")).unwrap().file_type().is_fifo());
}

/// What happens to an archive between its backup and the step that relies on it.
const HARMS: [(&str, &str); 5] = [
    ("gone", "rm state/backups/*/archive.tar.zst"),
    ("cut", "truncate -s -1 state/backups/*/archive.tar.zst"),
    ("damaged", "printf x | dd of=$(echo state/backups/*/archive.tar.zst) bs=1 seek=40 conv=notrunc status=none"),
    ("replaced", "cp host/app/f state/x && mv state/x state/backups/*/archive.tar.zst"),
    ("no manifest", "rm state/backups/*/manifest.json"),
];

#[test]
fn without_its_archive_a_step_does_not_act() {
    for (name, harm) in HARMS {
        let bench = Bench::new();
        bench.write("host/app/f", "old ".repeat(100));
        bench.write("host/new/f", "new");
        let home = bench.path("").display().to_string();
        let plan = bench.plan(
            "harm",
            &format!(
                "steps:
  - {{ id: backup, uses: backup.create, with: {{ paths: [HOST/app] }} }}
  - id: harm
    uses: command.run
    needs: [backup]
    with: {{ run: [sh, -c, \"{harm}\"], cwd: {home}, effects: {{ writes: [{{ port: 1 }}] }}, undo: {{ run: [\"true\"] }} }}
  - {{ id: change, uses: artifact.deploy, needs: [harm], with: {{ from: HOST/new, to: HOST/app }}, {EXCEPT} }}
"
            ),
        );
        let before = bench.picture("host");
        bench.expect(3, &["apply", &plan, "--yes"]).says(&["change", "state/backups", "Rolled back"]);
        assert!(before == bench.picture("host"), "{name}");
    }
}

#[test]
fn a_run_whose_way_back_was_harmed_does_not_go_on() {
    for (name, harm) in HARMS {
        let bench = Bench::new();
        bench.write("host/app/f", "old ".repeat(100));
        bench.write("host/new/f", "new");
        let plan = bench.plan(
            "resume",
            "steps:
  - { id: backup, uses: backup.create, with: { paths: [HOST/app] } }
  - { id: change, uses: artifact.deploy, needs: [backup], with: { from: HOST/new, to: HOST/app }, EXCEPT }
  - { id: after, uses: file.write, needs: [change], with: { path: HOST/after, content: x } }
"
            .replace("EXCEPT", EXCEPT)
            .as_str(),
        );
        // After the intent of `change`, before it acts or while it does.
        let mut command = bench.command(&["apply", &plan, "--yes"]);
        command.env("RUNBOOK_FAULT", "kill-after=10").output().unwrap();
        let harmed = bench.command_of("sh", &["-c", harm]).status().unwrap();
        assert!(harmed.success(), "{name}");
        let before = bench.picture("host");
        bench.expect(1, &["resume", "--yes"]).says(&["does not go on", "state/backups", "nothing was touched"]);
        assert!(before == bench.picture("host"), "{name}");
        bench.expect(6, &["apply", &plan, "--yes"]);
    }
}

#[test]
fn an_undo_that_cannot_be_run_is_told() {
    let bench = Bench::new();
    bench.write("host/app/f", "");
    bench.write("host/back", "#!/bin/sh\n");
    let plan = bench.plan(
        "undo",
        &steps("  - { id: change, uses: command.run, with: { run: [\"true\"], effects: { writes: [{ port: 1 }] }, undo: { run: [HOST/back] } } }"),
    );
    refused(&bench, |args| bench.run(args), &plan, &["there would be no way back", "host/back"]);
    fs::set_permissions(bench.host("back"), fs::Permissions::from_mode(0o755)).unwrap();
    bench.expect(0, &["apply", &plan, "--yes"]);
}

#[test]
fn a_full_file_system_has_no_room_for_the_way_back() {
    if !is_root() {
        return;
    }
    let bench = Bench::new();
    bench.write("host/disk/.keep", "");
    let plan = bench.plan(
        "full",
        "steps:
  - { id: backup, uses: backup.create, with: { paths: [HOST/disk/app] } }
  - id: change
    uses: command.run
    with: { run: [rm, HOST/disk/app/f], effects: { writes: [{ path: HOST/disk/app }] } }
",
    );
    let script = format!(
        "mount -t tmpfs -o size=1M none host/disk; mkdir host/disk/app
         head -c 600000 /dev/zero | tr '\\0' x > host/disk/app/f
         $RUNBOOK plan {plan}; rc=0; $RUNBOOK apply {plan} --yes || rc=$?; test -e host/disk/app/f; exit $rc"
    );
    let mut command = bench.command_of("unshare", &["--mount", "sh", "-euc", &script]);
    command.env("RUNBOOK", RUNBOOK);
    said(command).expect(1).says(&["no space left", "nothing was changed"]);
}

#[test]
fn a_backup_that_a_person_wrote_is_made_before_anything_changes() {
    let bench = Bench::new();
    bench.write("host/precious/db", "old");
    let plan = bench.plan(
        "explicit",
        "steps:
  - id: change
    uses: command.run
    with:
      run: [sh, -c, \"echo new > HOST/precious/db; echo x > HOST/declared\"]
      creates: HOST/declared
      effects: { writes: [{ path: HOST/declared }] }
      undo: { run: [rm, -f, HOST/declared] }
  - { id: backup, uses: backup.create, with: { paths: [{ path: HOST/precious, restore: always }] } }
",
    );
    bench.expect(0, &["plan", &plan]).never_says(&["nothing that it serves"]);
    bench.expect(0, &["apply", &plan, "--yes"]);
    assert_eq!(fs::read_to_string(bench.host("precious/db")).unwrap(), "new\n");
    bench.expect(0, &["rollback", "--yes"]);
    assert_eq!(fs::read_to_string(bench.host("precious/db")).unwrap(), "old", "an undeclared write is not lost");
    // Nothing to change, nothing to back up.
    bench.write("host/declared", "");
    bench.expect(0, &["apply", &plan, "--yes"]).says(&["Nothing to do"]);
}

const OLD: (u32, u32) = (1234, 2345);

/// `user::rwx, user:4321:rwx, group::r-x, mask::rwx, other::---`, as the kernel keeps it.
fn acl() -> Vec<u8> {
    let mut value = 2u32.to_le_bytes().to_vec();
    for (tag, bits, id) in
        [(1u16, 7u16, u32::MAX), (2, 7, 4321), (4, 5, u32::MAX), (16, 7, u32::MAX), (32, 0, u32::MAX)]
    {
        value.extend([&tag.to_le_bytes()[..], &bits.to_le_bytes()[..], &id.to_le_bytes()[..]].concat());
    }
    value
}

fn attribute(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 256];
    let length = rustix::fs::getxattr(path, name, &mut value).ok()?;
    value.truncate(length);
    Some(value)
}

#[test]
fn a_deployed_directory_is_dressed_as_the_one_that_it_replaces() {
    if !is_root() {
        return;
    }
    for from in ["HOST/new", "HOST/new.tar"] {
        let bench = Bench::new();
        bench.write("host/app/old", "old");
        bench.write("host/new/bin/run", "#!/bin/sh\n");
        fs::set_permissions(bench.host("new/bin/run"), fs::Permissions::from_mode(0o4755)).unwrap();
        chown(bench.host("new"), Some(77), Some(77)).unwrap();
        let packed = bench.command_of("tar", &["-C", "host/new", "-cf", "host/new.tar", "."]).status().unwrap();
        assert!(packed.success());
        chown(bench.host("app"), Some(OLD.0), Some(OLD.1)).unwrap();
        fs::set_permissions(bench.host("app"), fs::Permissions::from_mode(0o2770)).unwrap();
        let flags = rustix::fs::XattrFlags::empty();
        for name in ["system.posix_acl_access", "system.posix_acl_default"] {
            rustix::fs::setxattr(bench.host("app"), name, &acl(), flags).unwrap();
        }
        let before = fs::metadata(bench.host("app")).unwrap();
        let plan = bench.plan(
            "dress",
            &format!(
                "steps:
  - {{ id: backup, uses: backup.create, with: {{ paths: [HOST/app] }} }}
  - {{ id: deploy, uses: artifact.deploy, with: {{ from: {from}, to: HOST/app }}, {EXCEPT} }}
"
            ),
        );
        bench.expect(0, &["apply", &plan, "--yes"]);
        let top = fs::metadata(bench.host("app")).unwrap();
        assert_eq!((top.uid(), top.gid(), top.mode()), (before.uid(), before.gid(), before.mode()), "{from}");
        for name in ["system.posix_acl_access", "system.posix_acl_default"] {
            assert_eq!(attribute(&bench.host("app"), name), Some(acl()), "{from}: {name}");
        }
        for name in ["app/bin", "app/bin/run"] {
            let found = fs::metadata(bench.host(name)).unwrap();
            assert_eq!((found.uid(), found.gid()), OLD, "{from}: {name}");
            assert!(attribute(&bench.host(name), "system.posix_acl_access").is_some(), "{from}: {name} inherits");
        }
        assert_eq!(attribute(&bench.host("app/bin"), "system.posix_acl_default"), Some(acl()), "{from}");
        let dir = fs::metadata(bench.host("app/bin")).unwrap().mode();
        assert_eq!(dir & 0o2000, 0o2000, "{from}: the group is handed on");
        let run = fs::metadata(bench.host("app/bin/run")).unwrap().mode();
        assert_eq!(run & 0o7777, 0o755, "{from}: nobody else's rights are given to the new owner");
        bench.expect(0, &["rollback", "--yes"]);
        assert_eq!(fs::read_to_string(bench.host("app/old")).unwrap(), "old");
        assert_eq!(attribute(&bench.host("app"), "system.posix_acl_default"), Some(acl()), "{from}");
    }
}

/// The binary with the umask of a careful operator.
fn carefully(bench: &Bench, args: &[&str]) -> Said {
    let line = format!("umask 077; exec {RUNBOOK} {}", args.join(" "));
    said(bench.command_of("sh", &["-c", &line]))
}

#[test]
fn the_umask_of_the_caller_reaches_nothing_that_is_started() {
    let bench = Bench::new();
    bench.write("host/new/sub/f", "x");
    fs::create_dir(bench.host("made")).unwrap();
    let plan = bench.plan(
        "umask",
        "steps:
  - { id: backup, uses: backup.create, with: { paths: [HOST/made, HOST/deployed], capture: { umask: [sh, -c, umask] } } }
  - id: run
    uses: command.run
    with: { run: [sh, -c, \"mkdir HOST/made/dir; echo x > HOST/made/dir/f\"], effects: { writes: [{ path: HOST/made }] } }
  - { id: write, uses: file.write, with: { path: HOST/written, content: x } }
  - { id: dir, uses: file.directory, with: { path: HOST/a/b, parents: true } }
  - { id: deploy, uses: artifact.deploy, with: { from: HOST/new, to: HOST/deployed }, EXCEPT }
  - { id: up, uses: process.start, with: { name: svc, run: [sh, -c, \"echo x > HOST/by-service; exec sleep 600\"] }, EXCEPT }
"
        .replace("EXCEPT", EXCEPT)
        .as_str(),
    );
    carefully(&bench, &["apply", &plan, "--yes"]).expect(0);
    let mode = |name: &str| fs::metadata(bench.path(name)).unwrap().mode() & 0o777;
    let readable = ["host/made/dir", "host/made/dir/f", "host/written", "host/a", "host/a/b", "host/deployed/sub/f"];
    for name in readable {
        assert_eq!(mode(name) & 0o044, 0o044, "{name}");
    }
    let by_service = bench.host("by-service");
    crate::waits::until("the service", || by_service.exists());
    assert_eq!(fs::metadata(&by_service).unwrap().mode() & 0o777, 0o644);
    // What is runbook's own is for its user alone.
    assert_eq!(mode("state"), 0o700);
    closed(&bench.state());
    carefully(&bench, &["rollback", "--yes"]).expect(0);
    // What a person has written for themselves has the modes that they are used to.
    carefully(&bench, &["init", "mine.yaml"]).expect(0);
    assert_eq!(mode("mine.yaml"), 0o600);
}

/// Nothing right below or in `dir` can be read by others, but for what was set aside, which keeps its modes.
fn closed(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let found = fs::symlink_metadata(&path).unwrap();
        if path.file_name().is_some_and(|name| name == "aside") {
            continue;
        }
        if found.is_dir() {
            assert_eq!(found.mode() & 0o077, 0, "{}", path.display());
            closed(&path);
        } else if path.file_name().is_some_and(|name| name != "output.log") {
            assert_eq!(found.mode() & 0o077, 0, "{}", path.display());
        }
    }
}
