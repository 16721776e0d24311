//! Somebody who is not root: a whole plan works with a state directory of their own, and what they may not do is said.

use crate::bench::{Bench, RUNBOOK, Said, said};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};

const NOBODY: u32 = 65534;

fn as_nobody(bench: &Bench, args: &[&str]) -> Said {
    if !rustix::process::geteuid().is_root() {
        return bench.run(args);
    }
    let binary = bench.path("runbook");
    if !binary.exists() {
        // The build directory may be closed to others.
        fs::copy(RUNBOOK, &binary).unwrap();
    }
    let uid = NOBODY.to_string();
    let mut all = vec!["--reuid", &uid, "--regid", &uid, "--clear-groups", "--", binary.to_str().unwrap()];
    all.extend(args);
    let mut command = bench.command_of("setpriv", &all);
    command.env_remove("RUNBOOK_STATE_DIR").env("XDG_STATE_HOME", bench.path("home/state"));
    said(command)
}

fn given_to_nobody(bench: &Bench, name: &str) {
    fs::create_dir_all(bench.path(name)).unwrap();
    if rustix::process::geteuid().is_root() {
        chown(bench.path(name), Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

const WHOLE: &str = r#"steps:
  - { id: backup, uses: backup.create, with: { paths: [HOST/tree] } }
  - { id: write, uses: file.write, with: { path: HOST/tree/a, content: "new\n", mode: "0600" } }
  - { id: link, uses: file.link, with: { path: HOST/current, to: tree } }
  - { id: remove, uses: file.remove, with: { path: HOST/tree/b } }
  - id: command
    uses: command.run
    with: { run: [touch, HOST/tree/c], creates: HOST/tree/c, effects: { writes: [{ path: HOST/tree/c }] } }
"#;

#[test]
fn a_whole_plan_works_without_root() {
    let bench = Bench::new();
    ["host", "host/tree", "home"].iter().for_each(|name| given_to_nobody(&bench, name));
    for name in ["host/tree/a", "host/tree/b"] {
        bench.write(name, "old\n");
        if rustix::process::geteuid().is_root() {
            chown(bench.path(name), Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
    let plan = bench.plan("whole", WHOLE);
    let content = |name: &str| fs::read_to_string(bench.host(name)).ok();
    as_nobody(&bench, &["apply", &plan, "--dry-run"]).expect(0);
    assert!(!bench.path("home/state").exists());
    as_nobody(&bench, &["apply", &plan, "--yes"]).expect(0).says(&["Done."]);
    assert_eq!((content("tree/a"), content("tree/b")), (Some("new\n".to_owned()), None));
    let state = bench.path("home/state/runbook");
    assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o700);
    as_nobody(&bench, &["apply", &plan, "--yes"]).expect(0).says(&["Nothing to do"]);
    for args in [&["status"][..], &["history"], &["show"], &["report"], &["backup", "list"], &["backup", "verify"]] {
        as_nobody(&bench, args).expect(0);
    }
    as_nobody(&bench, &["rollback", "--yes"]).expect(0);
    assert_eq!((content("tree/a"), content("tree/b")), (Some("old\n".to_owned()), Some("old\n".to_owned())));
    assert_eq!(content("tree/c"), None);
    assert!(!bench.host("current").exists());
}

#[test]
fn what_a_user_may_not_do_is_said_and_nothing_is_lost() {
    if !rustix::process::geteuid().is_root() {
        test_rules::skip("only root can make files that this user may not touch");
        return;
    }
    let bench = Bench::new();
    given_to_nobody(&bench, "home");
    given_to_nobody(&bench, "host");
    bench.write("host/roots/a", "old\n");
    bench.write("secret.yaml", "kind: Plan\n");
    fs::set_permissions(bench.path("secret.yaml"), fs::Permissions::from_mode(0o600)).unwrap();
    let plan = bench.plan(
        "denied",
        "steps:\n  - { id: mine, uses: file.write, with: { path: HOST/mine, content: new } }\n  \
         - { id: roots, uses: file.write, needs: [mine], with: { path: HOST/roots/a, content: new } }\n",
    );
    let before = bench.picture("host/roots");
    as_nobody(&bench, &["apply", &plan, "--yes"])
        .expect(1)
        .says(&["host/roots may not be written by this user", "nothing was changed"]);
    assert!(before == bench.picture("host/roots"));
    assert!(!bench.host("mine").exists());
    as_nobody(&bench, &["check", "secret.yaml"]).expect(1).says(&["secret.yaml", "this user may not read it"]);
    fs::create_dir(bench.path("state")).unwrap();
    fs::set_permissions(bench.path("state"), fs::Permissions::from_mode(0o700)).unwrap();
    let state = bench.state();
    let elsewhere = ["--state-dir", state.to_str().unwrap()];
    for args in [&["apply", &plan, "--yes"][..], &["status"], &["history"], &["backup", "list"]] {
        as_nobody(&bench, &[args, &elsewhere].concat())
            .expect(1)
            .says(&["cannot use the state directory", "ermission denied"]);
    }
    as_nobody(&bench, &[&["apply", &plan, "--dry-run"][..], &elsewhere].concat()).expect(1).says(&["ermission denied"]);
}
