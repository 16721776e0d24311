//! Services that others start, and files that a service has open.

use crate::bench::Bench;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Says at its start which version it is, then works in its data directory for good.
const PROGRAM: &str = "#!/bin/sh\ncat HOST/app/version >> HOST/said\ncd HOST/data && exec 3>>wal && exec sleep 1000\n";
const SERVICE: &str = "uses: process.start, with: { name: demo, run: [HOST/demo] }";
const ALLOW: &str =
    "allow: [{ rule: verify-is-functional, because: a test }, { rule: verify-is-negative, because: a test }]";

/// A bench with the first version running.
fn stage() -> Bench {
    let bench = Bench::new();
    let demo = bench.write("host/demo", PROGRAM.replace("HOST", bench.path("host").to_str().unwrap()));
    fs::set_permissions(demo, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    bench.write("host/app/version", "v1\n");
    bench.write("host/data/db", "old");
    bench.write("new/version", "v2\n");
    let plan = bench.plan("up", &format!("steps: [{{ id: start, {SERVICE}, {ALLOW} }}]\n"));
    bench.expect(0, &["apply", &plan, "--yes"]);
    bench
}

fn said(bench: &Bench) -> String {
    fs::read_to_string(bench.host("said")).unwrap()
}

/// Ends the service, so that no test leaves one behind.
fn end(bench: &Bench) {
    let plan =
        bench.plan("down", &format!("steps: [{{ id: stop, uses: process.stop, with: {{ name: demo }}, {ALLOW} }}]\n"));
    bench.expect(0, &["apply", &plan, "--yes"]);
}

#[test]
fn what_runs_is_never_older_than_what_was_replaced() {
    let bench = stage();
    let steps = |more: &str| {
        format!(
            "steps:\n  - {{ id: keep, uses: backup.create, with: {{ paths: [HOST/app] }} }}\n  \
             - {{ id: deploy, needs: [keep], uses: artifact.deploy, with: {{ from: new, to: HOST/app }} }}\n  \
             - {{ id: start, needs: [deploy], {SERVICE}, {ALLOW} }}\n{more}"
        )
    };
    let plan = bench.plan("deploy", &steps(""));
    bench
        .expect(0, &["apply", &plan, "--dry-run"])
        .says(&["it runs, and is restarted: `deploy` changes what it may run"]);
    bench.expect(0, &["apply", &plan, "--yes"]);
    assert_eq!(said(&bench), "v1\nv2\n");
    bench.expect(0, &["apply", &plan, "--yes"]).says(&["Nothing to do"]);
    bench.expect(0, &["rollback", "--yes"]);
    assert_eq!(said(&bench), "v1\nv2\nv1\n", "the old version comes up once everything is back");

    let fails =
        "  - { id: z, needs: [start], uses: command.run, with: { run: [\"false\"], undo: { run: [\"true\"] } } }\n";
    let plan = bench.plan("fails", &steps(fails));
    bench.expect(3, &["apply", &plan, "--yes"]);
    assert_eq!(said(&bench), "v1\nv2\nv1\nv2\nv1\n");
    // A change that no plan made: its own program.
    bench.write("host/demo.new", fs::read(bench.host("demo")).unwrap());
    fs::set_permissions(bench.host("demo.new"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    fs::rename(bench.host("demo.new"), bench.host("demo")).unwrap();
    let plan = bench.plan("up", &format!("steps: [{{ id: start, {SERVICE}, {ALLOW} }}]\n"));
    bench.expect(0, &["apply", &plan, "--dry-run"]).says(&["was changed after"]);
    bench.expect(0, &["apply", &plan, "--yes"]);
    bench.expect(0, &["apply", &plan, "--yes"]).says(&["Nothing to do"]);
    end(&bench);
}

#[test]
fn a_restore_by_hand_names_who_uses_the_files() {
    let bench = stage();
    let plan = bench.plan(
        "keep",
        "steps:\n  - { id: keep, uses: backup.create, with: { paths: [HOST/data] } }\n  \
         - { id: write, uses: file.write, with: { path: HOST/data/other, content: x } }\n",
    );
    bench.expect(0, &["apply", &plan, "--yes"]);
    bench.write("host/data/db", "new");
    let list = bench.expect(0, &["backup", "list", "--format", "json"]);
    let list: serde_json::Value = serde_json::from_str(&list.out).unwrap();
    let (backup, data) = (list[0]["backup"].as_str().unwrap().to_owned(), bench.host("data"));
    let data = data.to_str().unwrap();
    let db = || fs::read_to_string(bench.host("data/db")).unwrap();

    bench.expect(1, &["backup", "restore", &backup, data, "--yes"]).says(&["service `demo`: pid", "--stop"]);
    assert_eq!((db().as_str(), said(&bench).as_str()), ("new", "v1\n"));
    bench
        .expect(0, &["backup", "restore", &backup, data, "--yes", "--stop"])
        .says(&["stopped: service `demo`", "`demo` is up"]);
    assert_eq!((db().as_str(), said(&bench).as_str()), ("old", "v1\nv1\n"));
    bench.write("host/data/db", "new");
    bench.expect(0, &["backup", "restore", &backup, data, "--yes", "--while-running"]).says(&["may write over it"]);
    assert_eq!((db().as_str(), said(&bench).as_str()), ("old", "v1\nv1\n"));
    end(&bench);

    // Somebody who is no service is not ended.
    let mut reader = open_for_good(&bench);
    bench.write("host/data/db", "new");
    let pid = format!("pid {} (sleep)", reader.id());
    bench.expect(1, &["backup", "restore", &backup, data, "--yes", "--stop"]).says(&[&pid, "no service"]);
    assert_eq!(db(), "new");
    reader.kill().unwrap();
    reader.wait().unwrap();
    bench.expect(0, &["backup", "restore", &backup, data, "--yes"]);
    assert_eq!(db(), "old");
}

/// A process that has a file open, and nothing else to do with the directory.
fn open_for_good(bench: &Bench) -> Child {
    let file = fs::File::open(bench.host("data/db")).unwrap();
    let mut command = std::process::Command::new("sleep");
    command.arg("1000").stdin(Stdio::from(file)).process_group(0).spawn().unwrap()
}

/// The supervisor dies with the host, and what it knew is on the disk.
#[test]
fn a_service_that_died_with_the_host_is_up_after_recover() {
    let bench = stage();
    let steps = format!(
        "steps:\n  - {{ id: stop, uses: process.stop, with: {{ name: demo }} }}\n  \
         - {{ id: write, needs: [stop], uses: file.write, with: {{ path: HOST/app/version, content: \"v2\\n\" }} }}\n  \
         - {{ id: start, needs: [write], {SERVICE}, {ALLOW} }}\n"
    );
    let plan = bench.plan("change", &steps);
    bench.kill_at(&plan, 1);
    let state: serde_json::Value =
        serde_json::from_slice(&fs::read(bench.state().join("processes/demo/state.json")).unwrap()).unwrap();
    for who in ["supervisor", "child"] {
        let pid = u32::try_from(state[who]["pid"].as_u64().unwrap()).unwrap();
        assert!(std::process::Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap().success());
        let gone = Instant::now() + Duration::from_secs(10);
        while runbook_host::runs(pid) {
            assert!(Instant::now() < gone, "{who} does not end");
        }
    }
    bench.expect(0, &["recover", "--boot"]).says(&["service `demo` was up before the interruption and is up again"]);
    assert_eq!(said(&bench), "v1\nv1\n");
    end(&bench);
}
