//! Commands that only read are watched by strace: no file is opened for writing, no signal is sent, nothing is started.

use crate::bench::{Bench, RUNBOOK, SIMPLE, said};
use crate::trace::offences;
use std::fs;

/// Plans that use every kind of the catalogue between them.
const PLANS: &[(&str, &str)] = &[
    (
        "files",
        r#"vars:
  token: { type: secret, from: { file: HOST/token } }
steps:
  - { id: backup, uses: backup.create, with: { paths: [HOST/app, HOST/gone], capture: { host: [hostname] } } }
  - { id: capture, uses: command.capture, with: { run: [hostname] } }
  - { id: write, uses: file.write, with: { path: HOST/app/config, content: "token={{ vars.token }}\n", mode: "0600" } }
  - { id: copy, uses: file.copy, with: { from: HOST/app/old, path: HOST/app/copy } }
  - { id: directory, uses: file.directory, with: { path: HOST/app/new/deep, parents: true } }
  - { id: link, uses: file.link, with: { path: HOST/current, to: app } }
  - { id: remove, uses: file.remove, with: { path: HOST/app/stale } }
  - { id: template, uses: file.template, with: { from: HOST/unit.j2, path: HOST/unit, values: { user: me } } }
  - { id: json, uses: json.edit, with: { path: HOST/app/a.json, set: { /a/b: 2 }, remove: [/c] } }
  - id: command
    uses: command.run
    with: { run: [touch, HOST/app/made], effects: { writes: [{ path: HOST/app/made }] } }
  - { id: approve, uses: gate.approve, with: { message: Go on? } }
  - { id: window, uses: gate.window, with: { zone: Europe/Madrid, from: "00:00", to: "23:59" } }
  - { id: soak, uses: wait.soak, with: { for: 10ms } }
"#,
    ),
    (
        "service",
        r#"steps:
  - { id: inspect, uses: service.inspect, with: { manager: process, name: gateway } }
  - { id: backup, uses: backup.create, with: { paths: [HOST/app, HOST/prefix, HOST/jiti, HOST/plugin] } }
  - { id: stop, uses: process.stop, with: { name: gateway } }
  - { id: deploy, uses: artifact.deploy, with: { from: HOST/plugin.tgz, to: HOST/plugin, strip: 1 } }
  - { id: view, uses: npm.view, with: { package: demo, version: 2.0.0 } }
  - { id: changes, uses: npm.changelog, with: { package: demo, from: 1.0.0, to: 2.0.0, tarball: HOST/demo.tgz } }
  - { id: stage, uses: npm.stage, with: { package: demo, version: 2.0.0, prefix: HOST/prefix } }
  - { id: install, uses: npm.install, with: { package: demo, version: 2.0.0, prefix: HOST/prefix, staged: "{{ steps.stage.ready }}" } }
  - { id: ci, uses: npm.ci, with: { dir: HOST/app } }
  - { id: jiti, uses: jiti-cache.clear, with: { dir: HOST/jiti } }
  - { id: orphan, uses: port.orphan-kill, with: { port: 18799, service: gateway, expect: gateway } }
  - { id: start, uses: process.start, with: { name: gateway, run: [sleep, "1000"], ready_port: 18799 } }
  - { id: restart, uses: process.restart, with: { name: other, run: [sleep, "1000"], watch: [HOST/app] } }
  - { id: pack, uses: artifact.pack, with: { path: HOST/app } }
  - id: verify
    uses: verify.signals
    with:
      process: gateway
      within: 1s
      signals:
        port: { port: 18799 }
        chat: { command: ["true"], kind: functional }
        page: { http: "http://127.0.0.1:18799/", role: confirming }
        errors: { log_absent: Error, kind: negative, watch: 10ms }
"#,
    ),
    (
        "units",
        r#"steps:
  - { id: inspect, uses: service.inspect, with: { manager: systemd, unit: purity } }
  - { id: file, uses: systemd.unit-file, with: { unit: purity, content: "[Service]\nExecStart=/bin/true\n" } }
  - { id: drop-in, uses: systemd.drop-in, with: { unit: purity, name: limits, content: "[Service]\nNice=1\n" } }
  - { id: read, uses: systemd.daemon-reload }
  - { id: enable, uses: systemd.enable, with: { unit: purity } }
  - { id: disable, uses: systemd.disable, with: { unit: other } }
  - { id: stop, uses: systemd.stop, with: { unit: third } }
  - { id: cache, uses: jiti-cache.clear, with: { unit: third } }
  - { id: port, uses: port.orphan-kill, with: { port: 18799, unit: third, expect: gateway, owner: root } }
  - { id: start, uses: systemd.start, with: { unit: purity } }
  - { id: restart, uses: systemd.restart, with: { unit: fourth } }
  - { id: reload, uses: systemd.reload, with: { unit: fifth } }
  - id: verify
    uses: verify.signals
    with:
      unit: purity
      within: 1s
      signals:
        works: { command: ["true"], kind: functional }
        active: { unit: purity }
        errors: { log_absent: Error, kind: negative, watch: 10ms }
"#,
    ),
    (
        "jobs",
        r#"steps:
  - { id: stop, uses: launchd.bootout, with: { label: purity.a } }
  - id: job
    uses: launchd.plist
    with:
      label: purity.a
      content: "<plist><dict><key>Label</key><string>purity.a</string><key>Program</key><string>/bin/a</string></dict></plist>"
  - { id: enable, uses: launchd.enable, with: { label: purity.a } }
  - { id: disable, uses: launchd.disable, with: { label: purity.b } }
  - { id: start, uses: launchd.bootstrap, with: { label: purity.a } }
  - { id: restart, uses: launchd.kickstart, with: { label: purity.c } }
  - id: verify
    uses: verify.signals
    with:
      job: purity.a
      within: 1s
      signals:
        works: { command: ["true"], kind: functional }
        runs: { job: purity.a }
        errors: { log_absent: Error, kind: negative, watch: 10ms }
"#,
    ),
];

fn furnished() -> Bench {
    let bench = Bench::new();
    bench.write("host/app/old", "old\n");
    bench.write("host/app/stale", "stale\n");
    bench.write("host/app/a.json", "{ \"a\": { \"b\": 1 }, \"c\": 3 }\n");
    bench.write("host/app/package.json", "{ \"name\": \"app\", \"version\": \"1.0.0\" }\n");
    bench.write("host/app/package-lock.json", "{ \"lockfileVersion\": 3, \"packages\": { \"\": {} } }\n");
    bench.write("host/prefix/lib/node_modules/demo/package.json", "{ \"name\": \"demo\", \"version\": \"1.0.0\" }\n");
    bench.write("host/prefix/bin/npm", "#!/bin/sh\nexit 1\n");
    bench.write("host/jiti/a.cjs", "");
    bench.write("host/plugin/index.js", "old\n");
    bench.write("host/plugin-new/index.js", "new\n");
    bench.write("host/unit.j2", "User={{ user }}\n");
    bench.write("host/token", "hunter2-hunter2\n");
    let (plugin, host) = (bench.host("plugin.tgz"), bench.path("host"));
    let args = ["-czf", plugin.to_str().unwrap(), "-C", host.to_str().unwrap(), "plugin-new"];
    said(bench.command_of("tar", &args)).expect(0);
    bench.write("host/package/package.json", "{ \"name\": \"demo\", \"version\": \"2.0.0\" }\n");
    bench.write("host/package/CHANGELOG.md", "## 2.0.0\n\n- Breaking: all of it\n");
    let demo = bench.host("demo.tgz");
    let args = ["-czf", demo.to_str().unwrap(), "-C", host.to_str().unwrap(), "package"];
    said(bench.command_of("tar", &args)).expect(0);
    PLANS.iter().for_each(|(name, plan)| drop(bench.plan(name, plan)));
    bench
}

type Arrange = fn(&Bench);

/// The state directories in which somebody may look at a plan.
const STATES: &[(&str, Arrange)] = &[
    ("absent", |_| {}),
    ("with history", |bench| drop(bench.expect(0, &["apply", &bench.plan("simple", SIMPLE), "--yes"]))),
    ("with an open run and what SQLite left", |bench| {
        bench.kill_at(&bench.plan("simple", SIMPLE), 5);
        assert!(fs::metadata(bench.state().join("journal.db-wal")).unwrap().len() > 0);
    }),
    ("with an open run", |bench| {
        bench.kill_at(&bench.plan("simple", SIMPLE), 5);
        // The last one to leave tidies up.
        drop(runbook_journal::Journal::open(&runbook_journal::StateDir::at(bench.state())).unwrap());
        assert!(!bench.state().join("journal.db-wal").exists());
    }),
];

/// Runs the binary under strace; the trace, and how it ended.
fn traced(bench: &Bench, args: &[&str]) -> (String, Option<i32>) {
    let trace = bench.path("trace");
    let mut all = vec!["-f", "-qq", "-o", trace.to_str().unwrap(), "--", RUNBOOK];
    all.extend(args);
    let output = bench.command_of("strace", &all).output().expect("strace is installed");
    let text = String::from_utf8_lossy(&fs::read(&trace).unwrap()).into_owned();
    (text, output.status.code())
}

fn only_reads(bench: &Bench, args: &[&str]) {
    let before = (bench.picture("host"), bench.picture("state"));
    let (trace, code) = traced(bench, args);
    // Nothing of what the plans of services are about is on this host.
    let previews = matches!(args, ["plan" | "apply", ..]) && !args.contains(&"files.yaml");
    assert!(code == Some(0) || (previews && code == Some(1)), "{args:?}: {:#?}", bench.run(args));
    assert!(trace.lines().count() > 50, "{args:?} was hardly traced:\n{trace}");
    assert_eq!(offences(&trace), Vec::<String>::new(), "{args:?}");
    assert!(before == (bench.picture("host"), bench.picture("state")), "{args:?} changed files");
}

#[test]
fn every_kind_is_in_the_plans_that_are_watched() {
    let kinds = Bench::new().expect(0, &["steps", "--format", "json"]).json();
    let missing: Vec<&str> = kinds
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|kind| kind["kind"].as_str())
        .filter(|kind| !PLANS.iter().any(|(_, plan)| plan.contains(&format!("uses: {kind}"))))
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn a_dry_run_writes_nothing_whatever_the_state_directory_holds() {
    for (name, arrange) in STATES {
        let bench = furnished();
        arrange(&bench);
        println!("state directory {name}");
        for (plan, _) in PLANS {
            only_reads(&bench, &["apply", &format!("{plan}.yaml"), "--dry-run"]);
        }
    }
}

#[test]
fn what_judges_and_tells_writes_nothing() {
    let bench = furnished();
    for plan in ["files.yaml", "service.yaml"] {
        for args in [
            &["plan", plan, "--explain"][..],
            &["plan", plan, "--format", "json"],
            &["check", plan],
            &["graph", plan],
            &["vars", plan],
        ] {
            only_reads(&bench, args);
        }
    }
    for args in
        [&["steps"][..], &["steps", "file.write"], &["explain"], &["explain", "RB0112"], &["status"], &["history"]]
    {
        only_reads(&bench, args);
    }
}

/// The watch itself can see a change: an apply is full of offences.
#[test]
fn an_apply_is_seen_to_write() {
    let bench = Bench::new();
    let plan = bench.plan("simple", SIMPLE);
    let (trace, code) = traced(&bench, &["apply", &plan, "--yes"]);
    assert_eq!(code, Some(0));
    let found = offences(&trace);
    for sign in ["journal.db", "a.txt", "mkdir", "rename", "fchmod"] {
        assert!(found.iter().any(|offence| offence.contains(sign)), "{sign} is not in {found:#?}");
    }
}
