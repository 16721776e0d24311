//! What stands inside of, beside and around what a step changes: mounts, later writes, rights, and other people's secrets.

use crate::bench::{Bench, RUNBOOK, said};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::PathBuf;

const DEPLOY: &str = "\
steps:
  - { id: backup, uses: backup.create, with: { paths: [HOST/app] } }
  - { id: later, uses: command.run, needs: [backup], with: { run: [sh, -c, \"echo later > HOST/app/later\"], effects: { writes: [{ path: HOST/app/later }] } } }
  - id: deploy
    uses: artifact.deploy
    needs: [later]
    with: { from: HOST/new, to: HOST/app }
    allow:
      - { rule: verify-is-functional, because: a test }
      - { rule: verify-is-negative, because: a test }
";

fn deployable() -> (Bench, String) {
    let bench = Bench::new();
    bench.write("host/app/version", "1");
    bench.write("host/new/version", "2");
    let plan = bench.plan("deploy", DEPLOY);
    (bench, plan)
}

/// Every file of this name below the state directory.
fn kept(bench: &Bench, name: &str) -> Vec<PathBuf> {
    let found = bench.picture("state").into_keys();
    found.filter(|path| path.file_name().is_some_and(|found| found == name) && path.is_file()).collect()
}

fn beside(bench: &Bench) -> Vec<String> {
    let entries = fs::read_dir(bench.path("host")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_new_directory_does_not_take_away_what_is_mounted_there() {
    if !rustix::process::geteuid().is_root() {
        test_rules::skip("mounting needs root");
        return;
    }
    let (bench, plan) = deployable();
    let volume = bench.host("app/volume");
    fs::create_dir(&volume).unwrap();
    let script = format!(
        "mount -t tmpfs none {0}; echo precious > {0}/customers; rc=0; {RUNBOOK} apply {plan} --yes || rc=$?; \
         cat {0}/customers; exit $rc",
        volume.display()
    );
    said(bench.command_of("unshare", &["--mount", "sh", "-euc", &script])).expect(1).says(&[
        "app/volume is a mount point",
        "nothing was changed",
        "precious",
    ]);
    assert_eq!(fs::read_to_string(bench.host("app/version")).unwrap(), "1");
}

/// npm would empty it.
#[test]
fn dependencies_are_not_installed_over_what_is_mounted_there() {
    if !rustix::process::geteuid().is_root() {
        test_rules::skip("mounting needs root");
        return;
    }
    let bench = Bench::new();
    let volume = bench.host("plugin/node_modules/volume");
    fs::create_dir_all(&volume).unwrap();
    bench.write("host/plugin/package.json", "{ \"name\": \"plugin\", \"version\": \"1.0.0\" }");
    bench.write("host/plugin/package-lock.json", "{ \"lockfileVersion\": 3, \"packages\": { \"\": {} } }");
    let plan = bench.plan(
        "dependencies",
        "steps:\n  - id: backup\n    uses: backup.create\n    with: { paths: [HOST/plugin/node_modules] }\n  \
         - id: ci\n    uses: npm.ci\n    with: { dir: HOST/plugin }\n    allow:\n      \
         - { rule: verify-is-functional, because: a test }\n      - { rule: verify-is-negative, because: a test }\n",
    );
    let script = format!("mount -t tmpfs none {}; exec {RUNBOOK} apply {plan} --yes", volume.display());
    let said = said(bench.command_of("unshare", &["--mount", "sh", "-euc", &script]));
    assert_ne!(said.code, Some(0));
    said.says(&["node_modules/volume is a mount point", "nothing was changed"]);
}

#[test]
fn what_was_written_after_the_backup_is_set_aside() {
    let (bench, plan) = deployable();
    bench.expect(0, &["apply", &plan, "--yes"]).says(&["what was there is in"]);
    assert_eq!(fs::read_to_string(bench.host("app/version")).unwrap(), "2");
    let [later] = &kept(&bench, "later")[..] else { panic!("it is kept once") };
    assert_eq!(fs::read_to_string(later).unwrap(), "later\n");
    bench.expect(0, &["rollback", "--yes"]);
    assert_eq!(fs::read_to_string(bench.host("app/version")).unwrap(), "1");
    assert_eq!(kept(&bench, "later").len(), 1);
    assert_eq!(beside(&bench), ["app", "new"]);
}

/// Killed between the exchange and the setting aside: the old directory is in the staging directory then.
#[test]
fn an_original_that_a_crash_left_beside_is_set_aside() {
    let strace = std::process::Command::new("strace").args(["-o", "/dev/null", "true"]).status();
    if !strace.is_ok_and(|status| status.success()) {
        test_rules::skip("no strace to kill at a system call with");
        return;
    }
    for (args, version) in [(["resume", "--yes"], "2"), (["rollback", "--yes"], "1")] {
        let (bench, plan) = deployable();
        let kill = ["-f", "-o", "/dev/null", "-e", "inject=renameat2:signal=KILL:when=2"];
        let mut killed = bench.command_of("strace", &[&kill[..], &[RUNBOOK, "apply", &plan, "--yes"]].concat());
        killed.output().unwrap();
        assert_eq!(beside(&bench).len(), 3, "{:?}", beside(&bench));
        bench.expect(0, &args);
        assert_eq!(fs::read_to_string(bench.host("app/version")).unwrap(), version);
        assert_eq!(kept(&bench, "later").len(), 1, "{args:?}");
        assert_eq!(beside(&bench), ["app", "new"], "{args:?}");
    }
}

#[test]
fn a_file_of_somebody_else_is_not_taken_over() {
    if !rustix::process::geteuid().is_root() {
        test_rules::skip("only root can make files of somebody else");
        return;
    }
    let bench = Bench::new();
    for name in ["host", "home"] {
        fs::create_dir_all(bench.path(name)).unwrap();
        chown(bench.path(name), Some(65534), Some(65534)).unwrap();
    }
    bench.write("host/roots", "old\n");
    fs::copy(RUNBOOK, bench.path("runbook")).unwrap();
    let plan = bench
        .plan("take", "steps:\n  - { id: write, uses: file.write, with: { path: HOST/roots, content: \"new\\n\" } }\n");
    let binary = bench.path("runbook");
    let who = ["--reuid", "65534", "--regid", "65534", "--clear-groups", "--", binary.to_str().unwrap()];
    let mut command = bench.command_of("setpriv", &[&who[..], &["apply", &plan, "--yes"]].concat());
    command.env_remove("RUNBOOK_STATE_DIR").env("XDG_STATE_HOME", bench.path("home/state"));
    said(command).expect(1).says(&["host/roots", "it belongs to root", "nothing was changed"]);
    assert_eq!(fs::metadata(bench.host("roots")).unwrap().uid(), 0);
    assert_eq!(fs::read_to_string(bench.host("roots")).unwrap(), "old\n");
}

#[test]
fn what_stands_beside_an_edit_stays_where_it_is() {
    let bench = Bench::new();
    for (name, content) in [
        ("host/app.json", "{\n  \"token\": \"n3ighbour\",\n  \"port\": 1,\n  \"key\": \"n3ighbour\"\n}\n"),
        ("host/app.conf", "token = n3ighbour\nport = 1\nkey = n3ighbour\n"),
        ("host/source.conf", "copied = n3ighbour\n"),
        ("host/copy.conf", "old\n"),
        ("host/open.json", "{\n  \"token\": \"n3ighbour\",\n  \"port\": 1\n}\n"),
    ] {
        let path = bench.write(name, content);
        let mode = if name.contains("open") { 0o644 } else { 0o600 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let plan = bench.plan(
        "edit",
        "steps:\n  - { id: json, uses: json.edit, with: { path: HOST/app.json, set: { /port: 2, /key: mine } } }\n  \
         - { id: open, uses: json.edit, with: { path: HOST/open.json, set: { /port: 2 } } }\n  \
         - { id: file, uses: file.write, with: { path: HOST/app.conf, content: \"port = 2\\n\" } }\n  \
         - { id: copy, uses: file.copy, with: { from: HOST/source.conf, path: HOST/copy.conf } }\n",
    );
    for args in [&["plan", &plan][..], &["diff", &plan], &["apply", &plan, "--dry-run"]] {
        bench.expect(0, args).never_says(&["n3ighbour"]).says(&["/port: 1", "/port: 2", "/key: \"mine\"", "+port = 2"]);
    }
    bench.expect(0, &["apply", &plan, "--yes"]).never_says(&["n3ighbour"]);
    for args in [&["show", "--format", "json"][..], &["report"]] {
        bench.expect(0, args).never_says(&["n3ighbour"]);
    }
    for file in ["journal.db", "journal.db-wal"] {
        let bytes = fs::read(bench.state().join(file)).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&bytes).contains("n3ighbour"), "{file}");
    }
}
