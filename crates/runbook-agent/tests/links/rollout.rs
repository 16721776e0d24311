//! A rollout over agents: each has a socket, a journal and a real run; links are cut in the middle.

use crate::stage::{Counted, Cut, Stage as Place, Way};
use runbook_fleet::rollout::{AfarSite, Controller, Ended, Kept, Made, Seen, Setup, Site};
use runbook_fleet::{Call, Dial};
use runbook_journal::{Holder, StateDir};
use runbook_model::*;
use runbook_rollout::{Given, Target, TargetVerdict, Told, Waves};
use runbook_session::{CommandError, Exit};
use runbook_wire::Contents;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

const HOSTS: usize = 20;
/// Nobody reaches it.
const DEAD: usize = 3;
/// Their first link is cut so many frames from the agent on.
const CUTS: [(usize, usize); 5] = [(5, 4), (6, 8), (7, 12), (8, 16), (9, 20)];

/// What is held has to be proven.
const PROOF: &str = "  - id: proof
    uses: verify.signals
    needs: [three]
    with: { within: 20s, signals: { works: { command: ['true'], role: blocking, kind: functional } } }
";

fn host(at: usize) -> HostName {
    HostName::new(&format!("h{at:02}")).unwrap()
}

/// A canary and the rest.
fn waves() -> Waves {
    let span = Span::default();
    let id = |text: &str| StepId::new(text).unwrap();
    let stage = |name: &str, canary, names: Vec<HostName>| Stage {
        id: id(name),
        span,
        canary,
        needs: if canary { Vec::new() } else { vec![(id("canary"), span)] },
        hosts: StageHosts { names, span },
        plan: String::new(),
        plan_span: span,
        vars: Vec::new(),
        artifacts: Vec::new(),
        promote: Vec::new(),
        soak: None,
        approve: None,
        batches: vec![Amount::Percent(100)],
        allow: Vec::new(),
    };
    let rollout = Rollout {
        name: "demo".to_owned(),
        inventory: String::new(),
        environment: None,
        vars: Vec::new(),
        concurrency: Concurrency { estate: NonZeroU32::new(8).unwrap(), per_jump: None },
        confirm_within: Some(Duration::from_secs(120)),
        host_deadline: Duration::from_secs(300),
        max_failed: MaxFailed { wave: Amount::Count(1), rollout: Amount::Count(1) },
        on_failure: RollbackScope::Promoted,
        stages: vec![stage("canary", true, vec![host(0)]), stage("rest", false, (1..HOSTS).map(host).collect())],
    };
    Waves::of(&rollout, Given { digest: "d".to_owned(), attempt: 1, ..Given::default() }).unwrap()
}

fn site(stage: &Arc<Place>, at: usize, epoch: u64, contents: &Path) -> Box<dyn Site> {
    let (called, judged, counted) = (Arc::clone(stage), Arc::clone(stage), Arc::new(Counted::default()));
    let cut = CUTS.iter().find(|(cut, _)| *cut == at).map(|(_, after)| *after);
    let cut = cut.map(|after| Cut { way: Way::FromAgent, after, in_the_middle: true });
    let call = move |first| -> Call {
        let call = called.call("rollout demo", first, cut, &counted);
        let dead: Dial = Box::new(|| Err(CommandError::new(Exit::Unreachable, "no answer")));
        if at == DEAD { Call { dial: dead, ..call } } else { call }
    };
    Box::new(AfarSite {
        call: Box::new(call),
        epoch,
        what: "rollout demo".to_owned(),
        hold: Some(Duration::from_secs(120)),
        judge: Box::new(move |_, _, _| Ok(judged.program_and(PROOF))),
        gives: BTreeMap::new(),
        takes: Default::default(),
        given: BTreeMap::new(),
        contents: Contents::at(contents),
        door: None,
        called: 0,
        interrupted: None,
    })
}

fn setup(stages: &Arc<Vec<Arc<Place>>>, root: &Path) -> (Setup, Sender<Told>, Receiver<Seen>) {
    let ((watch, seen), (tell, told)) = (channel(), channel());
    let (stages, contents) = (Arc::clone(stages), root.join("contents"));
    let sites = move |name: &HostName, epoch| {
        let at: usize = name.as_str().trim_start_matches('h').parse().unwrap();
        site(&stages[at], at, epoch, &contents)
    };
    let begun = Instant::now();
    let uptime = move || Uptime { ms: begun.elapsed().as_millis() as u64, boot: String::new() };
    (Setup { by: "ops".to_owned(), site: Box::new(sites), watch, told, uptime: Box::new(uptime) }, tell, seen)
}

fn counts(waves: &Waves, ended: &Ended) -> BTreeMap<TargetVerdict, usize> {
    let mut counts = BTreeMap::new();
    for (_, target) in waves.targets() {
        *counts.entry(ended.state.verdict(&target).unwrap()).or_default() += 1;
    }
    counts
}

#[test]
fn a_rollout_over_agents_has_every_event_once_and_is_taken_back_whole() {
    let root = tempfile::tempdir().unwrap();
    let dir = StateDir::at(root.path().join("controller"));
    let stages: Arc<Vec<Arc<Place>>> = Arc::new((0..HOSTS).map(|_| Arc::new(Place::new())).collect());
    let waves = waves();
    let holder = Holder { pid: 1, user: "ops".to_owned(), doing: "apply rollout demo".to_owned(), since: 1 };
    let (given, _told, seen) = setup(&stages, root.path());
    let kept = |_| Kept { waves: waves.clone(), made: Made::default() };
    let controller = Controller::begin(&dir, "demo", &holder, kept, given).unwrap();
    let attempt = controller.attempt().clone();
    let ended = controller.run().unwrap();
    let good = HOSTS - 1;
    let wanted = BTreeMap::from([(TargetVerdict::Ok, good), (TargetVerdict::Unreachable, 1)]);
    let seen: Vec<Seen> = seen.try_iter().collect();
    let notes: Vec<&Seen> = seen.iter().filter(|seen| matches!(seen, Seen::Note { .. })).collect();
    assert_eq!(counts(&waves, &ended), wanted, "{notes:#?}");
    let mut told: BTreeMap<Target, Vec<u64>> = BTreeMap::new();
    for seen in seen {
        if let Seen::Run { target, record } = seen {
            told.entry(target).or_default().push(record.seq);
        }
    }
    for (_, target) in waves.targets().filter(|(_, target)| target.host != host(DEAD)) {
        let at: usize = target.host.as_str().trim_start_matches('h').parse().unwrap();
        let runs = stages[at].runs();
        let [(run, records)] = runs.as_slice() else { panic!("{} runs on {target}", runs.len()) };
        assert_eq!(*run, waves.run_id(&target));
        assert_eq!(stages[at].made(), ["one", "three", "two"]);
        let seqs: Vec<u64> = (1..=records.len() as u64).collect();
        assert_eq!(told[&target], seqs, "every record of {target} once");
    }
    let (given, tell, _seen) = setup(&stages, root.path());
    tell.send(Told::RollBack { by: "ops".to_owned() }).unwrap();
    let ended = Controller::resume(&dir, &attempt, &holder, given).unwrap().run().unwrap();
    let wanted = BTreeMap::from([(TargetVerdict::TakenBack, good), (TargetVerdict::Unreachable, 1)]);
    assert_eq!(counts(&waves, &ended), wanted);
    assert!((0..HOSTS).filter(|at| *at != DEAD).all(|at| stages[at].made().is_empty()));
}
