//! A package is built beside and swapped in: killed anywhere, with no room, beside another one, it ends as it should or as it was.

use crate::bench::{Bench, RUNBOOK};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

/// The header and four predictions are one commit; before that there is no run.
const HEADER: u64 = 5;

/// A host with version 1.0.0 of a package, and version 1.1.0 as a tarball, which has another set of commands.
fn scene() -> Option<Bench> {
    if !Command::new("npm").arg("--version").output().is_ok_and(|output| output.status.success()) {
        test_rules::skip("no npm to build a package with");
        return None;
    }
    let bench = Bench::new();
    bench.write("host/app.log", "");
    let prefix = bench.host("prefix");
    package(&bench, &prefix.join("lib/node_modules/demo"), "1.0.0", "demo-gone");
    fs::create_dir_all(prefix.join("bin")).unwrap();
    for name in ["demo-run", "demo-gone"] {
        symlink("../lib/node_modules/demo/cli.js", prefix.join("bin").join(name)).unwrap();
    }
    package(&bench, &bench.path("making/package"), "1.1.0", "demo-new");
    pack(&bench);
    Some(bench)
}

fn package(bench: &Bench, dir: &Path, version: &str, command: &str) {
    let below = dir.strip_prefix(bench.path("")).unwrap().display().to_string();
    let manifest =
        format!(r#"{{"name":"demo","version":"{version}","bin":{{"demo-run":"cli.js","{command}":"cli.js"}}}}"#);
    bench.write(&format!("{below}/package.json"), manifest);
    let cli = bench.write(&format!("{below}/cli.js"), format!("#!/usr/bin/env node\nconsole.log('{version}')\n"));
    fs::set_permissions(cli, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

fn pack(bench: &Bench) {
    let to = bench.host("new.tgz");
    let tar = Command::new("tar").arg("-czf").arg(&to).arg("-C").arg(bench.path("making")).arg("package").status();
    assert!(tar.unwrap().success());
}

/// An upgrade whose verification wants this version.
fn upgrade(bench: &Bench, name: &str, wanted: &str) -> String {
    let what = "package: demo, from: HOST/new.tgz, prefix: HOST/prefix, env: { npm_config_offline: \"true\", npm_config_cache: HOST/../cache }";
    bench.plan(
        name,
        &format!(
            "steps:\n  - {{ id: backup, uses: backup.create, with: {{ paths: [HOST/prefix/lib/node_modules/demo] }} }}\n  \
             - {{ id: stage, uses: npm.stage, with: {{ {what} }} }}\n  \
             - {{ id: install, uses: npm.install, with: {{ {what}, staged: \"{{{{ steps.stage.ready }}}}\" }} }}\n  \
             - id: verify\n    uses: verify.signals\n    with:\n      log: HOST/app.log\n      watch: 10ms\n      within: 20s\n      signals:\n        \
             works: {{ command: [node, HOST/prefix/bin/demo-run], acts: false, match: \"{wanted}\", kind: functional }}\n        \
             bad: {{ log_absent: error, kind: negative }}\n"
        ),
    )
}

/// Names, modes, link texts and contents below the prefix; closed directories of runs left out.
fn tree(bench: &Bench) -> String {
    fn describe(dir: &Path, text: &mut String) {
        let mut entries: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            let found = path.symlink_metadata().unwrap();
            if path.to_string_lossy().contains(".runbook-stage-") {
                continue;
            }
            write!(text, "{} {:o} ", path.display(), std::os::unix::fs::MetadataExt::mode(&found)).unwrap();
            if found.is_symlink() {
                writeln!(text, "{:?}", fs::read_link(&path).unwrap()).unwrap();
            } else if found.is_dir() {
                text.push('\n');
                describe(&path, text);
            } else {
                writeln!(text, "{:?}", fs::read_to_string(&path).unwrap()).unwrap();
            }
        }
    }
    let mut text = String::new();
    describe(&bench.host("prefix"), &mut text);
    text.replace(&bench.path("").display().to_string(), "")
}

/// How many closed directories are beside the package.
fn stages(bench: &Bench) -> usize {
    let names = fs::read_dir(bench.host("prefix/lib/node_modules")).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().contains(".runbook-stage-")).count()
}

/// What is before and after an upgrade that nothing interrupts.
struct Ends {
    before: String,
    after: String,
}

impl Ends {
    fn known() -> Option<Self> {
        let bench = scene()?;
        let before = tree(&bench);
        bench.expect(0, &["apply", &upgrade(&bench, "up", "1.1.0"), "--yes"]).says(&["swapped in", "set aside"]);
        let after = tree(&bench);
        assert!(after.contains("1.1.0") && after.contains("demo-new") && !after.contains("demo-gone"), "{after}");
        assert_eq!(stages(&bench), 1, "what was there is kept");
        bench.expect(0, &["rollback", "--yes"]).says(&["exchange"]).never_says(&["set aside:"]);
        assert_eq!((tree(&bench), stages(&bench)), (before.clone(), 0));
        Some(Self { before, after })
    }

    fn is_after(&self, bench: &Bench, when: &str) {
        assert_eq!(tree(bench), self.after, "{when}");
    }

    fn is_before(&self, bench: &Bench, when: &str) {
        assert_eq!(tree(bench), self.before, "{when}");
        assert_eq!(stages(bench), 0, "{when}");
    }
}

#[test]
fn killed_at_any_record_it_is_gone_on_with_and_taken_back() {
    let Some(ends) = Ends::known() else { return };
    for record in HEADER..100 {
        let bench = scene().unwrap();
        let plan = upgrade(&bench, "up", "1.1.0");
        let ended =
            bench.command(&["apply", &plan, "--yes"]).env("RUNBOOK_FAULT", format!("kill-after={record}")).output();
        if ended.unwrap().status.code() == Some(0) {
            assert!(record > HEADER + 8);
            return;
        }
        let when = format!("record {record}");
        println!("{when}");
        if record % 2 == 0 {
            // The last record is the end of the run: then there is nothing to go on with.
            let code = bench.run(&["resume", "--yes"]).code;
            assert!(matches!(code, Some(0 | 1)), "{when}: {code:?}");
            ends.is_after(&bench, &when);
        }
        bench.expect(0, &["rollback", "--yes"]);
        ends.is_before(&bench, &when);
    }
    panic!("the run does not end");
}

#[test]
fn a_rollback_that_is_killed_at_any_record_is_gone_on_with() {
    let Some(ends) = Ends::known() else { return };
    let bench = scene().unwrap();
    bench.expect(0, &["apply", &upgrade(&bench, "up", "1.1.0"), "--yes"]);
    for record in 1..60 {
        let args = ["rollback", "--yes"];
        let ended = bench.command(&args).env("RUNBOOK_FAULT", format!("kill-after={record}")).output().unwrap();
        if ended.status.code() == Some(0) {
            ends.is_before(&bench, "the last one");
            assert!(record > 3, "{record}");
            return;
        }
        // Each next one begins where the last one was killed, so its records are fewer.
        if tree(&bench) == ends.before && stages(&bench) == 0 {
            bench.run(&args);
            ends.is_before(&bench, &format!("record {record}"));
            return;
        }
    }
    panic!("the rollback does not end");
}

/// The calls that change what the prefix is, and what makes that durable; each is counted on its own.
const CALLS: [&str; 7] = ["mkdirat", "renameat2", "renameat", "symlinkat", "linkat", "unlinkat", "fsync"];

/// Killed at the `number`-th such call of a thread in the directories of the prefix; those of npm are in the stage.
fn killed_at(bench: &Bench, (call, number): (&str, usize), args: &[&str]) -> Option<i32> {
    let inject = format!("inject={call}:signal=KILL:when={number}");
    let dirs = ["prefix/lib/node_modules", "prefix/bin"].map(|dir| bench.host(dir).display().to_string());
    let [modules, bin] = &dirs;
    let strace = ["-f", "-o", "/dev/null", "-P", modules, "-P", bin, "-e", &inject, RUNBOOK];
    bench.command_of("strace", &[&strace[..], args].concat()).output().unwrap().status.code()
}

/// Calls `try_one` for each call of each sort until it is not met any more, which that says; gives how many were met.
fn each_call(mut try_one: impl FnMut((&str, usize)) -> bool) -> usize {
    let mut met = 0;
    for call in CALLS {
        let here = (1..40).take_while(|number| try_one((call, *number))).count();
        println!("{call}: {here}");
        assert!(here < 39, "{call} does not end");
        met += here;
    }
    met
}

fn can_trace() -> bool {
    let can = Command::new("strace").args(["-o", "/dev/null", "true"]).status().is_ok_and(|status| status.success());
    if !can {
        test_rules::skip("no strace to kill at a system call with");
    }
    can
}

#[test]
fn killed_at_any_call_that_changes_the_prefix_it_is_gone_on_with_or_taken_back() {
    if !can_trace() {
        return;
    }
    let Some(ends) = Ends::known() else { return };
    let mut forward = false;
    let met = each_call(|at| {
        let bench = scene().unwrap();
        let plan = upgrade(&bench, "up", "1.1.0");
        if killed_at(&bench, at, &["apply", &plan, "--yes"]) == Some(0) {
            ends.is_after(&bench, "not killed");
            return false;
        }
        let when = format!("{at:?}");
        forward = !forward;
        if forward {
            bench.expect(0, &["resume", "--yes"]);
            ends.is_after(&bench, &when);
        }
        bench.expect(0, &["rollback", "--yes"]);
        ends.is_before(&bench, &when);
        true
    });
    assert!(met > 5, "{met} calls were met");
}

#[test]
fn a_rollback_that_is_killed_at_any_call_is_gone_on_with() {
    if !can_trace() {
        return;
    }
    let Some(ends) = Ends::known() else { return };
    let met = each_call(|at| {
        let bench = scene().unwrap();
        bench.expect(0, &["apply", &upgrade(&bench, "up", "1.1.0"), "--yes"]);
        let killed = killed_at(&bench, at, &["rollback", "--yes"]) != Some(0);
        if killed {
            bench.expect(0, &["rollback", "--yes"]);
        }
        ends.is_before(&bench, &format!("{at:?}"));
        killed
    });
    assert!(met > 3, "{met} calls were met");
}

/// The version is new, and what it should do it does not: the directory that ran before is there again.
#[test]
fn what_does_not_work_goes_back_by_the_same_exchange() {
    let Some(bench) = scene() else { return };
    let before = tree(&bench);
    let inode = || std::os::unix::fs::MetadataExt::ino(&bench.host("prefix/lib/node_modules/demo").metadata().unwrap());
    let was = inode();
    bench.expect(3, &["apply", &upgrade(&bench, "up", "9.9.9").replace("20s", "1s"), "--yes"]).says(&["exchange"]);
    assert_eq!((tree(&bench), stages(&bench), inode()), (before, 0, was));
}

#[test]
fn a_mount_below_the_package_is_refused_before_anything_is_built() {
    let Some(bench) = scene() else { return };
    let below = bench.host("prefix/lib/node_modules/demo/data");
    fs::create_dir(&below).unwrap();
    let Some(_mount) = Mounted::tmpfs(&below, "1m") else { return };
    let plan = upgrade(&bench, "up", "1.1.0");
    bench.expect(1, &["apply", &plan, "--yes"]).says(&["holds the mounted file system"]);
    assert_eq!(stages(&bench), 0);
}

#[test]
fn a_disk_that_is_full_before_the_package_is_built_changes_nothing() {
    let Some(bench) = scene() else { return };
    let prefix = bench.host("prefix");
    let kept = bench.path("kept");
    fs::rename(&prefix, &kept).unwrap();
    fs::create_dir(&prefix).unwrap();
    let Some(_mount) = Mounted::tmpfs(&prefix, "2m") else { return };
    assert!(
        Command::new("cp")
            .arg("-a")
            .arg(kept.join("lib"))
            .arg(kept.join("bin"))
            .arg(&prefix)
            .status()
            .unwrap()
            .success()
    );
    bench.write("making/package/large", vec![7; 6 << 20]);
    pack(&bench);
    let before = tree(&bench);
    bench.expect(3, &["apply", &upgrade(&bench, "up", "1.1.0"), "--yes"]).says(&["space"]);
    assert_eq!((tree(&bench), stages(&bench)), (before, 0));
}

/// A file system on a directory, for as long as a test.
struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    fn tmpfs(at: &'a Path, size: &str) -> Option<Self> {
        let size = format!("size={size}");
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).output();
        if done.is_ok_and(|output| output.status.success()) {
            return Some(Self(at));
        }
        test_rules::skip("a file system cannot be mounted here");
        None
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}
