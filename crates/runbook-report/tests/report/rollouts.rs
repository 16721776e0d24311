//! What an attempt at a rollout looks like: lines, rows, the report of the estate.

use crate::life;
use runbook_model::{
    Amount, Caller, Concurrency, HostName, MaxFailed, Promote, Promotion, RollbackScope, Rollout, Span, Stage,
    StageHosts, StepId,
};
use runbook_report::{
    Doing, Estate, Kept, RunDocument, Style, json_text, rollout_json, rollout_line, rollout_markdown, rollout_rows,
};
use runbook_rollout::{
    Artifact, Controller, Given, How, Judged, RolloutEvent as E, RolloutRecord, RolloutState, StopCause, Target,
    TargetVerdict, Waves,
};
use std::collections::BTreeMap;
use std::time::Duration;

const BEGIN: i64 = 1_777_094_823_000;

fn host(name: &str) -> HostName {
    HostName::new(name).unwrap()
}

fn step(name: &str) -> StepId {
    StepId::new(name).unwrap()
}

fn target(stage: &str, of: &str) -> Target {
    Target { stage: step(stage), host: host(of) }
}

fn stage(id: &str, hosts: &[&str], needs: &[&str]) -> Stage {
    Stage {
        id: step(id),
        span: Span::default(),
        canary: needs.is_empty(),
        needs: needs.iter().map(|id| (step(id), Span::default())).collect(),
        hosts: StageHosts { names: hosts.iter().map(|name| host(name)).collect(), span: Span::default() },
        plan: format!("{id}.yaml"),
        plan_span: Span::default(),
        vars: Vec::new(),
        artifacts: Vec::new(),
        promote: Vec::new(),
        soak: None,
        approve: None,
        batches: vec![Amount::Percent(100)],
        allow: Vec::new(),
    }
}

fn waves(stages: Vec<Stage>) -> Waves {
    let rollout = Rollout {
        name: "openclaw-2026.3.23-2".to_owned(),
        inventory: "inventory.yaml".to_owned(),
        environment: None,
        vars: Vec::new(),
        concurrency: Concurrency { estate: 4.try_into().unwrap(), per_jump: None },
        confirm_within: Some(Duration::from_secs(180)),
        host_deadline: Duration::from_secs(2700),
        max_failed: MaxFailed::default(),
        on_failure: RollbackScope::Host,
        stages,
    };
    let given = Given { digest: "3f9c2a1b77e0".to_owned(), attempt: 2, ..Given::default() };
    Waves::of(&rollout, given).unwrap()
}

/// An attempt in the making.
struct Attempt {
    waves: Waves,
    state: RolloutState,
    records: Vec<RolloutRecord>,
    now: u64,
}

impl Attempt {
    fn at(waves: Waves) -> Self {
        let rollout = waves.rollout.clone();
        let controller = Controller { by: "ops".to_owned(), ..Controller::default() };
        let attempt = Self { waves, state: RolloutState::default(), records: Vec::new(), now: 0 };
        let mut attempt =
            attempt.add(E::Started { rollout, digest: "3f9c2a1b77e0".to_owned(), attempt: 2, controller });
        let hosts: Vec<HostName> = attempt.waves.hosts().into_iter().cloned().collect();
        for host in hosts {
            let platform = "linux-x86_64-gnu".to_owned();
            attempt = attempt.add(E::Reached { host: host.clone(), platform }).add(E::Reserved { host });
        }
        let targets: Vec<Target> = attempt.waves.targets().map(|(_, target)| target).collect();
        targets.into_iter().fold(attempt, |attempt, target| attempt.add(E::Judged { target, judged: Judged::Change }))
    }

    fn add(mut self, event: E) -> Self {
        let record = RolloutRecord {
            seq: self.state.seq + 1,
            at: BEGIN + i64::try_from(self.now).unwrap(),
            elapsed_ms: self.now,
            epoch: 1,
            event,
        };
        self.state.apply(&record).unwrap();
        self.records.push(record);
        self
    }

    fn wait(mut self, ms: u64) -> Self {
        self.now += ms;
        self
    }

    fn begins(self, of: &Target) -> Self {
        let run = self.waves.run_id(of);
        self.add(E::BeginIntended { target: of.clone(), run }).add(E::Begun { target: of.clone() })
    }

    fn ends(self, of: &Target, verdict: TargetVerdict, gives: Vec<(StepId, Artifact)>) -> Self {
        self.add(E::Ended { target: of.clone(), verdict, gives })
    }

    fn kept(self, of: &Target) -> Self {
        let committed = self.wait(61_000).add(E::Held { target: of.clone() });
        committed.add(E::CommitIntended { target: of.clone() }).wait(900).ends(of, TargetVerdict::Ok, Vec::new())
    }

    fn told<T>(&self, doing: &BTreeMap<HostName, Doing>, tell: impl FnOnce(&Estate<'_>) -> T) -> T {
        let (plan, roles) = (life::plan(), life::roles());
        let lives = [(target("canary", "vm-a"), life::succeeded()), (target("edge", "edge"), life::rolled_back())];
        let states = lives.each_ref().map(|(_, life)| life.state());
        let read = lives.iter().zip(&states).filter(|((of, _), _)| self.state.target(of).run.is_some());
        let runs: Vec<_> = read
            .map(|((of, life), state)| {
                let kept = Kept { plan: &plan, roles: Some(&roles), records: &life.records, state, holder: None };
                (of.clone(), RunDocument::of(&kept).unwrap())
            })
            .collect();
        let Self { waves, state, records, now } = self;
        tell(&Estate { waves, state, records, doing, runs: &runs, elapsed_ms: *now })
    }
}

/// The canary is good, the edge host goes back, the gateway is lost, and the Mac is left alone.
fn stopped() -> Attempt {
    let core = Promotion { artifact: step("core"), span: Span::default(), to: Promote::SamePlatform };
    let edge = Stage { promote: vec![core], ..stage("edge", &["edge"], &["canary"]) };
    let canary = Stage { artifacts: vec![(step("core"), Span::default())], ..stage("canary", &["vm-a"], &[]) };
    let stages = vec![canary, edge, stage("gateway", &["gw"], &["canary"]), stage("mac", &["mac"], &["edge"])];
    let (vm_a, edge, gw) = (target("canary", "vm-a"), target("edge", "edge"), target("gateway", "gw"));
    let core = Artifact { digest: "a1b2c3d4e5f6".to_owned(), platform: Some("linux-x86_64-gnu".to_owned()) };
    let attempt = Attempt::at(waves(stages)).add(E::WaveOpened { wave: 0 }).begins(&vm_a).wait(64_000);
    let attempt = attempt.add(E::Held { target: vm_a.clone() }).add(E::CommitIntended { target: vm_a.clone() });
    let attempt = attempt.ends(&vm_a, TargetVerdict::Ok, vec![(step("core"), core.clone())]);
    let fetched = E::Fetched { artifact: step("core"), digest: core.digest.clone() };
    let attempt = attempt.add(fetched).add(E::WavePassed { wave: 0 });
    let attempt = attempt.add(E::WaveOpened { wave: 1 }).add(E::WaveOpened { wave: 2 });
    let given = E::Given { target: edge.clone(), artifact: step("core"), digest: core.digest };
    let attempt = attempt.add(given).begins(&edge).begins(&gw).wait(42_000);
    let attempt = attempt.ends(&edge, TargetVerdict::Failed(How::RolledBack), Vec::new());
    let attempt = attempt.add(E::Stopped { because: StopCause::Wave { wave: 1, failed: 1 } }).wait(2_700_000);
    attempt.add(E::Lost { target: gw }).add(E::Finished)
}

#[test]
fn an_attempt_that_stopped() {
    let attempt = stopped();
    let lines: Vec<String> = attempt.records.iter().filter_map(|record| rollout_line(record, &attempt.waves)).collect();
    insta::assert_snapshot!("rollout_lines", lines.join("\n"));
    let nothing = BTreeMap::new();
    insta::assert_snapshot!(
        "rollout_rows",
        attempt.told(&nothing, |estate| rollout_rows(estate, None, &Style::plain(100)))
    );
    insta::assert_snapshot!(
        "rollout_report",
        attempt.told(&nothing, |estate| rollout_markdown(estate, &Caller::default()))
    );
    let json = attempt.told(&nothing, rollout_json);
    assert_eq!(
        (&json["targets"][2]["verdict"], &json["targets"][3]["verdict"]),
        (&"lost".into(), &"left-alone".into())
    );
    assert_eq!(json["records"].as_array().unwrap().len(), attempt.records.len());
    assert!(
        json_text(&json, &Caller::default()).contains("its outcome is owed") || json["closing"]["owed"][0].is_string()
    );
}

/// Two hundred hosts in a window of 24 lines: counts a wave, and who needs somebody.
#[test]
fn an_attempt_that_is_larger_than_the_window() {
    let names: Vec<String> = (0..200).map(|nth| format!("web-{nth:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let web = Stage { batches: vec![Amount::Percent(25)], ..stage("web", &names, &["canary"]) };
    let canary = target("canary", "vm-a");
    let attempt = Attempt::at(waves(vec![stage("canary", &["vm-a"], &[]), web]));
    let attempt = attempt.add(E::WaveOpened { wave: 0 }).begins(&canary).kept(&canary);
    let mut attempt = attempt.add(E::WavePassed { wave: 0 }).add(E::WaveOpened { wave: 1 });
    for name in &names[..8] {
        attempt = attempt.begins(&target("web", name));
    }
    attempt = attempt.kept(&target("web", "web-000"));
    attempt = attempt.wait(3_000).ends(&target("web", "web-003"), TargetVerdict::Failed(How::RolledBack), Vec::new());
    attempt = attempt.add(E::Lost { target: target("web", "web-005") });
    let doing = Doing { step: step("install"), note: "npm install openclaw@2026.3.23-2".to_owned() };
    let doing = BTreeMap::from([(host("web-001"), doing)]);
    let shown = attempt.told(&doing, |estate| rollout_rows(estate, Some(24), &Style::plain(80)));
    assert!(shown.lines().count() <= 24, "{shown}");
    insta::assert_snapshot!("rollout_window", shown);
    let all = attempt.told(&doing, |estate| rollout_rows(estate, None, &Style::plain(100)));
    assert!(all.contains("install") && all.lines().count() > 200, "{all}");
}
