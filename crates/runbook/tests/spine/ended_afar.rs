//! A host afar whose agent, or whose controller, gets SIGKILL at every record of a run: nothing hangs, nothing stays half done, no run is
//! begun twice, and every record is told once.

use crate::bench::{Bench, said, until};
use crate::far::Far;
use runbook_agent::Place;
use serde_json::Value as Json;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

/// An upgrade, and its proof: `{wanted}` is what the service has to say.
const UPGRADE: &str = r#"
  - { id: version, uses: file.write, with: { path: {dir}/version, content: v2 } }
  - id: restart
    uses: command.run
    needs: [version]
    with:
      run: [sh, -c, "echo start >> {dir}/starts; cp {dir}/version {dir}/running"]
      undo: { run: [rm, -f, {dir}/running] }
      effects: { writes: [{ path: {dir}/running }] }
  - id: verify
    uses: verify.signals
    needs: [restart]
    with:
      within: 1ms
      watch: 1ms
      log: {dir}/log
      signals:
        works: { command: [grep, -q, {wanted}, {dir}/running], kind: functional }
        missing: { log_absent: Cannot find package, kind: negative }
"#;

impl Far {
    /// The service says v2 afterwards.
    fn new(wanted: &str) -> Self {
        let bench = Bench::new("");
        let dir = bench.path("host");
        std::fs::create_dir(&dir).unwrap();
        bench.plan(&UPGRADE.replace("{dir}", &dir.to_string_lossy()).replace("{wanted}", wanted));
        bench.write("host/log", "");
        Self::with(bench)
    }

    fn apply(&self) -> Command {
        let mut command = self.command(&["apply", "plan.yaml", "--yes", "--host", "far", "--format", "ndjson"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// An agent that gets SIGKILL after that record of its run.
    fn mortal_agent(&self, record: u64) -> Child {
        let mut agent = self.command(&["agent", "serve"]);
        let agent = agent.env("RUNBOOK_FAULT", format!("kill-after={record}")).spawn().unwrap();
        let socket = Place::of(&self.0.path("state")).socket();
        until("the agent", || UnixStream::connect(&socket).is_ok());
        agent
    }

    /// What is on record of the one run there is.
    fn records(&self) -> Vec<Json> {
        let history = self.run(&["history", "--format", "json"]).ends(0);
        let history: Json = serde_json::from_str(&history.out).unwrap();
        assert_eq!(history["runs"].as_array().unwrap().len(), 1, "{history:#}");
        let shown: Json = serde_json::from_str(&self.run(&["show", "--format", "json"]).ends(0).out).unwrap();
        let records = shown["records"].as_array().unwrap().clone();
        let numbers: Vec<u64> = records.iter().map(|record| record["seq"].as_u64().unwrap()).collect();
        assert_eq!(numbers, (1..=records.len() as u64).collect::<Vec<_>>(), "every record once");
        assert_eq!(records.iter().filter(|record| record["event"] == "run-started").count(), 1);
        records
    }

    /// What the host is: after the upgrade, or before it. Anything else is half of one.
    fn is_upgraded(&self) -> bool {
        let (version, running) = (self.0.read("host/version"), self.0.read("host/running"));
        match (version.as_deref(), running.as_deref()) {
            (Some("v2"), Some("v2")) => true,
            (None, None) => false,
            half => panic!("half done: {half:?}"),
        }
    }

    fn starts(&self) -> usize {
        self.0.read("host/starts").unwrap_or_default().lines().count()
    }
}

/// The numbers of the records that a controller told.
fn told(output: &str) -> Vec<u64> {
    let events = output.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    events.filter_map(|event| event["seq"].as_u64()).collect()
}

/// How the run of a case ended, once it was settled.
#[derive(Debug, Default)]
struct Counts {
    cases: usize,
    upgraded: usize,
    as_before: usize,
}

impl Counts {
    fn add(&mut self, is_upgraded: bool) {
        self.cases += 1;
        *(if is_upgraded { &mut self.upgraded } else { &mut self.as_before }) += 1;
    }
}

/// Ends the agent at each record of the run, and settles that with `command`.
fn agents(wanted: &str, command: &str) -> Counts {
    let mut counts = Counts::default();
    for record in 1.. {
        let far = Far::new(wanted);
        let mut agent = far.mortal_agent(record);
        let applied = said(&mut far.apply());
        if agent.try_wait().unwrap().is_none() {
            agent.kill().unwrap();
            agent.wait().unwrap();
            assert_eq!(far.records().len() as u64 + 1, record, "each record was tried");
            return counts;
        }
        let on_record = far.records().len() as u64;
        // What came before the end was told, and what was told is on record.
        let told = told(&applied.out);
        assert_eq!(told, (1..=told.len() as u64).collect::<Vec<_>>(), "{record}");
        assert_eq!(told.len() as u64, on_record, "{record}: {}", applied.err);
        let settled = far.run(&[command, "--yes"]);
        assert!(matches!(settled.code, Some(0 | 3)), "{record}: {:?}\n{}{}", settled.code, settled.out, settled.err);
        far.run(&["status"]).ends(0);
        far.records();
        assert!(far.starts() <= 1, "{record}: nothing is done twice");
        counts.add(far.is_upgraded());
    }
    counts
}

#[test]
fn a_host_whose_agent_gets_sigkill_at_any_record_is_whole_again_after_resume_or_rollback() {
    let back = agents("v2", "rollback");
    println!("an upgrade, taken back: {back:?}");
    assert_eq!(back.as_before, back.cases);
    let on = agents("v2", "resume");
    println!("an upgrade, gone on with: {on:?}");
    assert!(on.upgraded > 0 && on.as_before > 0, "{on:?}");
    let broken = agents("v3", "resume");
    println!("an upgrade that goes back, gone on with: {broken:?}");
    assert_eq!(broken.as_before, broken.cases);
}

/// Ends the controller at each record that it tells; the host goes on by itself.
fn controllers(wanted: &str) -> Counts {
    let mut counts = Counts::default();
    for record in 1.. {
        let far = Far::new(wanted);
        let mut controller = far.apply().spawn().unwrap();
        let mut lines = BufReader::new(controller.stdout.take().unwrap()).lines();
        let told = lines.by_ref().take(record).filter(|line| !line.as_ref().unwrap().is_empty()).count();
        if told < record {
            controller.wait().unwrap();
            assert_eq!(far.records().len() + 1, record, "each record was tried");
            return counts;
        }
        controller.kill().unwrap();
        controller.wait().unwrap();
        until("the end of the run", || far.run(&["status"]).code == Some(0));
        let records = far.records();
        let verdict = if wanted == "v2" { "succeeded" } else { "rolled-back" };
        assert_eq!(records.last().unwrap()["verdict"], verdict, "{record}");
        assert_eq!(far.starts(), 1, "{record}: once");
        counts.add(far.is_upgraded());
    }
    counts
}

#[test]
fn a_run_whose_controller_gets_sigkill_at_any_record_comes_to_its_end_once() {
    let kept = controllers("v2");
    println!("an upgrade: {kept:?}");
    assert!(kept.upgraded == kept.cases, "{kept:?}");
    let back = controllers("v3");
    println!("an upgrade that goes back: {back:?}");
    assert!(back.as_before == back.cases, "{back:?}");
}
