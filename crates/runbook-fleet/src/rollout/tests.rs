//! The controller over hosts that are threads' worth of memory: it dies at every record, is superseded, and loses hosts.

use super::made::Made;
use super::{
    Attempted, Controller, Ended, Kept, RolloutError, RunEnd, Said, Says, Seen, Setup, Site, Steered, Trouble, tell,
};
use runbook_engine::{Control, Letter};
use runbook_journal::{Attempt, Error, Holder, StateDir};
use runbook_model::*;
use runbook_rollout::{
    Approve, Artifact, Given, How, Judged, RolloutEvent, Target, TargetVerdict, Told, Waves, WhyLeave,
};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What is wrong with a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fault {
    #[default]
    None,
    /// Nobody reaches it.
    Dead,
    /// Its link is lost in the middle of its run, once.
    Cut,
    /// Its clock is wrong, so it is refused.
    Clock,
    /// Its link is lost in the middle of its run, and it comes back when the test says so.
    Away,
    /// Its run goes back by itself.
    Red,
    /// What speaks to it breaks in the middle of its run, once.
    Broken,
    /// It refuses to go on in the middle of its run, once.
    Refusing,
    /// Somebody is at work on it when it is to be taken back, once.
    Busy,
    /// Its run never ends by itself, and there is always something of it that is not read yet.
    Talking,
}

#[derive(Debug, Default)]
struct SimRun {
    steps: usize,
    begun: usize,
    over: Option<TargetVerdict>,
    taken_back: usize,
}

/// What the hosts are, whoever asks.
#[derive(Default)]
struct Estate {
    faults: BTreeMap<HostName, Fault>,
    runs: Mutex<BTreeMap<(HostName, RunId), SimRun>>,
    /// The highest epoch that each host heard of.
    epochs: Mutex<BTreeMap<HostName, u64>>,
    there: Mutex<BTreeSet<HostName>>,
    cut: Mutex<BTreeSet<HostName>>,
    reserved: Mutex<BTreeSet<HostName>>,
    clock_ms: AtomicU64,
    talks: Mutex<Option<Says>>,
}

const STEPS: usize = 10;

struct Sim {
    estate: Arc<Estate>,
    host: HostName,
    epoch: u64,
}

impl Sim {
    fn fault(&self) -> Fault {
        self.estate.faults.get(&self.host).copied().unwrap_or_default()
    }

    fn enter(&self) -> Result<(), Trouble> {
        let mut epochs = self.estate.epochs.lock().unwrap();
        let highest = epochs.entry(self.host.clone()).or_default();
        if *highest > self.epoch {
            return Err(Trouble::Superseded("another controller".to_owned()));
        }
        *highest = self.epoch;
        Ok(())
    }

    /// Whether this is the first time that its fault shows.
    fn is_first(&self) -> bool {
        self.estate.cut.lock().unwrap().insert(self.host.clone())
    }

    fn goes_on(&self, run: &RunId, told: &mut Steered) -> Result<TargetVerdict, Trouble> {
        if self.fault() == Fault::Talking {
            *self.estate.talks.lock().unwrap() = Some(Arc::clone(&told.says));
            return match told.told.blocking_recv() {
                Some(Control::Letter(Letter::Cancel)) => Ok(TargetVerdict::Failed(How::RolledBack)),
                _ => Err(Trouble::Away("left".to_owned())),
            };
        }
        loop {
            self.enter()?;
            let steps = {
                let mut runs = self.estate.runs.lock().unwrap();
                let known = runs.entry((self.host.clone(), run.clone())).or_default();
                if let Some(over) = known.over {
                    return Ok(over);
                }
                known.steps += 1;
                known.steps
            };
            let away = self.fault() == Fault::Away && !self.estate.there.lock().unwrap().contains(&self.host);
            if steps > STEPS / 2 && away {
                return Err(Trouble::Away("the link is lost".to_owned()));
            }
            match self.fault() {
                Fault::Cut if self.is_first() => return Err(Trouble::Away("the link is lost".to_owned())),
                Fault::Refusing if self.is_first() => return Err(Trouble::Refused("another host by now".to_owned())),
                Fault::Broken if self.is_first() => panic!("a fault of runbook"),
                _ => {}
            }
            if steps >= STEPS && self.fault() == Fault::Red {
                return Ok(TargetVerdict::Failed(How::RolledBack));
            }
            if steps >= STEPS {
                (told.says)(Said::Held);
                match told.told.blocking_recv() {
                    Some(Control::Letter(Letter::Commit { .. })) => return Ok(TargetVerdict::Ok),
                    Some(Control::Letter(Letter::Cancel)) => return Ok(TargetVerdict::Failed(How::RolledBack)),
                    _ => return Err(Trouble::Away("left".to_owned())),
                }
            }
        }
    }
}

impl Site for Sim {
    fn reach(&mut self) -> Result<String, Trouble> {
        self.enter()?;
        match self.fault() {
            Fault::Dead => Err(Trouble::Away("no answer".to_owned())),
            Fault::Clock => Err(Trouble::Refused("its clock is wrong".to_owned())),
            _ => Ok("linux".to_owned()),
        }
    }

    fn judge(&mut self, target: &Target, with_artifacts: bool) -> Result<Judged, Trouble> {
        self.enter()?;
        Ok(if target.stage.as_str() == "rest" && !with_artifacts { Judged::Later } else { Judged::Change })
    }

    fn reserve(&mut self) -> Result<(), Trouble> {
        self.enter()?;
        self.estate.reserved.lock().unwrap().insert(self.host.clone());
        Ok(())
    }

    fn release(&mut self) -> Result<(), Trouble> {
        self.enter()?;
        self.estate.reserved.lock().unwrap().remove(&self.host);
        Ok(())
    }

    fn fetch(&mut self, run: &RunId, _: &StepId) -> Result<String, Trouble> {
        self.enter()?;
        Ok(run.to_string())
    }

    fn give(&mut self, _: &Target, _: &StepId, _: &str) -> Result<(), Trouble> {
        self.enter()
    }

    fn follow(&mut self, _: &Target, run: &RunId, begins: bool, mut told: Steered) -> Result<RunEnd, Trouble> {
        self.enter()?;
        let key = (self.host.clone(), run.clone());
        {
            let mut runs = self.estate.runs.lock().unwrap();
            match runs.get(&key) {
                None if !begins => return Ok(RunEnd::NotThere),
                None => {
                    runs.insert(key.clone(), SimRun { begun: 1, ..SimRun::default() });
                    // The run has it from here on.
                    self.estate.reserved.lock().unwrap().remove(&self.host);
                }
                Some(_) => {}
            }
        }
        (told.says)(Said::Begun);
        let verdict = self.goes_on(run, &mut told)?;
        self.estate.runs.lock().unwrap().get_mut(&key).unwrap().over = Some(verdict);
        let proved = Artifact { digest: run.to_string(), platform: Some("linux".to_owned()) };
        let gives = if verdict == TargetVerdict::Ok { vec![(id("core"), proved)] } else { Vec::new() };
        Ok(RunEnd::Over { verdict, gives })
    }

    fn roll_back(&mut self, _: &Target, run: &RunId, _: Steered) -> Result<bool, Trouble> {
        self.enter()?;
        if self.fault() == Fault::Busy && self.is_first() {
            return Err(Trouble::Kept("somebody else".to_owned()));
        }
        let mut runs = self.estate.runs.lock().unwrap();
        runs.get_mut(&(self.host.clone(), run.clone())).unwrap().taken_back += 1;
        Ok(true)
    }
}

fn id(text: &str) -> StepId {
    StepId::new(text).unwrap()
}

fn host(at: usize) -> HostName {
    HostName::new(&format!("h{at:03}")).unwrap()
}

/// A canary, and the rest of so many hosts, which takes what the canary packed.
fn waves(hosts: usize, max_failed: u32, approve: bool) -> Waves {
    let span = Span::default();
    let stage = |name: &str, canary, names: Vec<HostName>| Stage {
        id: id(name),
        span,
        canary,
        needs: if canary { Vec::new() } else { vec![(id("canary"), span)] },
        hosts: StageHosts { names, span },
        plan: String::new(),
        plan_span: span,
        vars: Vec::new(),
        artifacts: if canary { vec![(id("core"), span)] } else { Vec::new() },
        promote: if canary {
            Vec::new()
        } else {
            vec![Promotion { artifact: id("core"), span, to: Promote::SamePlatform }]
        },
        soak: None,
        approve: (approve && !canary)
            .then(|| ApproveGate { by: vec!["ops".to_owned()], within: Duration::from_secs(3600) }),
        batches: vec![Amount::Percent(100)],
        allow: Vec::new(),
    };
    let rollout = Rollout {
        name: "demo".to_owned(),
        inventory: String::new(),
        environment: None,
        vars: Vec::new(),
        concurrency: Concurrency { estate: NonZeroU32::new(50).unwrap(), per_jump: None },
        confirm_within: Some(Duration::from_secs(180)),
        host_deadline: Duration::from_secs(600),
        max_failed: MaxFailed { wave: Amount::Count(max_failed), rollout: Amount::Count(max_failed) },
        on_failure: RollbackScope::Promoted,
        stages: vec![stage("canary", true, vec![host(0)]), stage("rest", false, (1..hosts).map(host).collect())],
    };
    Waves::of(&rollout, Given { digest: "d".to_owned(), attempt: 1, ..Given::default() }).unwrap()
}

struct Stage1 {
    _root: tempfile::TempDir,
    dir: StateDir,
    estate: Arc<Estate>,
}

impl Stage1 {
    fn new(faults: impl IntoIterator<Item = (usize, Fault)>) -> Self {
        let root = tempfile::tempdir().unwrap();
        let dir = StateDir::at(root.path().join("state"));
        let faults = faults.into_iter().map(|(at, fault)| (host(at), fault)).collect();
        Self { _root: root, dir, estate: Arc::new(Estate { faults, ..Estate::default() }) }
    }

    fn setup(&self) -> (Setup, Sender<Told>, Receiver<Seen>) {
        let ((watch, seen), (tells, told)) = (channel(), channel());
        let (estate, clock) = (Arc::clone(&self.estate), Arc::clone(&self.estate));
        let site = move |host: &HostName, epoch| -> Box<dyn Site> {
            Box::new(Sim { estate: Arc::clone(&estate), host: host.clone(), epoch })
        };
        let begun = std::time::Instant::now();
        let uptime = move || {
            let jumped = clock.clock_ms.load(Ordering::SeqCst);
            if let Some(says) = &*clock.talks.lock().unwrap() {
                says(Said::Progress { step: id("s"), note: "goes on".to_owned() });
            }
            Uptime { ms: jumped + begun.elapsed().as_millis() as u64, boot: String::new() }
        };
        (Setup { by: "ops".to_owned(), site: Box::new(site), watch, told, uptime: Box::new(uptime) }, tells, seen)
    }

    fn begin(&self, waves: &Waves) -> (Controller, Sender<Told>, Receiver<Seen>) {
        let (setup, told, seen) = self.setup();
        let kept = |attempt| Kept { waves: Waves { attempt, ..waves.clone() }, made: Made::default() };
        (Controller::begin(&self.dir, "demo", &holder(), kept, setup).unwrap(), told, seen)
    }

    fn resume(&self) -> (Controller, Sender<Told>, Receiver<Seen>) {
        let (setup, told, seen) = self.setup();
        (Controller::resume(&self.dir, &attempt(), &holder(), setup).unwrap(), told, seen)
    }

    /// No run was begun twice.
    fn begun_once(&self) -> usize {
        let runs = self.estate.runs.lock().unwrap();
        let targets: BTreeSet<&HostName> = runs.keys().map(|(host, _)| host).collect();
        assert_eq!(targets.len(), runs.len(), "a host has two runs");
        assert!(runs.values().all(|run| run.begun <= 1));
        runs.len()
    }
}

fn attempt() -> Attempt {
    Attempt { rollout: "demo".to_owned(), number: 1 }
}

fn holder() -> Holder {
    Holder { pid: std::process::id(), user: "ops".to_owned(), doing: "apply rollout demo".to_owned(), since: 1 }
}

fn verdicts(waves: &Waves, ended: &Ended) -> BTreeMap<TargetVerdict, usize> {
    let mut counts = BTreeMap::new();
    for (_, target) in waves.targets() {
        *counts.entry(ended.state.verdict(&target).unwrap()).or_default() += 1;
    }
    counts
}

#[test]
fn a_controller_that_dies_at_any_record_is_gone_on_for() {
    let waves = waves(3, 0, false);
    let quiet = Stage1::new([]);
    let ended = quiet.begin(&waves).0.run().unwrap();
    assert_eq!((ended.why, verdicts(&waves, &ended)), (WhyLeave::Finished, BTreeMap::from([(TargetVerdict::Ok, 3)])));
    let mut deaths = 0;
    for last in 0..ended.state.seq {
        let stage = Stage1::new([]);
        let mut first = stage.begin(&waves).0;
        first.dies_after = Some(last);
        assert!(matches!(first.run(), Err(RolloutError::Thread(_))), "it did not die after record {last}");
        deaths += 1;
        let again = stage.resume().0.run().unwrap();
        assert_eq!(verdicts(&waves, &again), BTreeMap::from([(TargetVerdict::Ok, 3)]), "killed after record {last}");
        assert_eq!(stage.begun_once(), 3);
        let read = Attempted::read(&stage.dir, &attempt()).unwrap();
        assert_eq!(read.state, again.state, "what is on record is what was known");
    }
    println!("{deaths} deaths, one at each record");
}

#[test]
fn two_hundred_hosts_have_a_verdict_each() {
    let faults = (0..5).flat_map(|at| [(10 + at, Fault::Dead), (20 + at, Fault::Cut)]);
    let stage = Stage1::new(faults.chain([(30, Fault::Clock)]));
    let waves = waves(200, 6, false);
    let (controller, _told, seen) = stage.begin(&waves);
    let ended = controller.run().unwrap();
    let wanted = BTreeMap::from([(TargetVerdict::Ok, 194), (TargetVerdict::Unreachable, 6)]);
    assert_eq!(verdicts(&waves, &ended), wanted);
    assert_eq!(stage.begun_once(), 194);
    let told: Vec<u64> = seen
        .try_iter()
        .filter_map(|seen| match seen {
            Seen::Record(record) => Some(record.seq),
            _ => None,
        })
        .collect();
    assert_eq!(told, (1..=ended.state.seq).collect::<Vec<_>>(), "every event once");
}

#[test]
fn the_older_of_two_controllers_ends() {
    let waves = waves(3, 0, true);
    let stage = Stage1::new([]);
    let (first, _told, seen) = stage.begin(&waves);
    let (setup, _, _) = stage.setup();
    let second = Controller::resume(&stage.dir, &attempt(), &holder(), setup);
    assert!(matches!(second, Err(RolloutError::Journal(Error::Held(_)))));
    let older = thread::spawn(move || first.run().unwrap());
    wait_for(&seen, |event| matches!(event, RolloutEvent::ApprovalAsked { .. }));
    // A controller elsewhere, which has the journal from there.
    stage.estate.epochs.lock().unwrap().values_mut().for_each(|epoch| *epoch = 9);
    let read = Attempted::read(&stage.dir, &attempt()).unwrap();
    approve(&stage, &read);
    assert_eq!(older.join().unwrap().why, WhyLeave::Superseded);
    assert_eq!(stage.begun_once(), 1, "the canary");
}

fn approve(stage: &Stage1, read: &Attempted) {
    let evidence = runbook_rollout::evidence(&read.state, &read.kept.waves, 1);
    let told = Told::Approve(Approve { rollout: "d".to_owned(), wave: 1, evidence, by: "ops".to_owned() });
    tell(&stage.dir, &attempt(), &told).unwrap();
}

fn wait_for(seen: &Receiver<Seen>, wanted: impl Fn(&RolloutEvent) -> bool) {
    loop {
        match seen.recv_timeout(Duration::from_secs(60)).unwrap() {
            Seen::Record(record) if wanted(&record.event) => return,
            _ => {}
        }
    }
}

#[test]
fn a_person_opens_a_gate_drains_and_takes_back_from_another_terminal() {
    let waves = waves(3, 0, true);
    let stage = Stage1::new([]);
    let (first, _told, seen) = stage.begin(&waves);
    let drained = thread::spawn(move || first.run().unwrap());
    wait_for(&seen, |event| matches!(event, RolloutEvent::ApprovalAsked { .. }));
    tell(&stage.dir, &attempt(), &Told::Drain { by: "ops".to_owned() }).unwrap();
    assert_eq!(drained.join().unwrap().why, WhyLeave::Drained);
    // The next attempt waits for this one.
    let (setup, _, _) = stage.setup();
    let kept = |_| -> Kept { panic!("it is not made") };
    let next = Controller::begin(&stage.dir, "demo", &holder(), kept, setup);
    assert!(matches!(next, Err(RolloutError::Open(open)) if open == attempt()));
    approve(&stage, &Attempted::read(&stage.dir, &attempt()).unwrap());
    let ended = stage.resume().0.run().unwrap();
    assert_eq!(verdicts(&waves, &ended), BTreeMap::from([(TargetVerdict::Ok, 3)]));
    let (again, told, _seen) = stage.resume();
    told.send(Told::RollBack { by: "ops".to_owned() }).unwrap();
    // It is over, so it would leave at once: what it was told before counts.
    let ended = again.run().unwrap();
    assert_eq!(verdicts(&waves, &ended), BTreeMap::from([(TargetVerdict::TakenBack, 3)]));
    assert!(stage.estate.runs.lock().unwrap().values().all(|run| run.taken_back == 1));
}

#[test]
fn what_a_lost_host_owes_is_delivered_when_it_is_back() {
    let waves = waves(3, 0, false);
    let stage = Stage1::new([(2, Fault::Away)]);
    let (first, _told, seen) = stage.begin(&waves);
    let lost = thread::spawn(move || first.run().unwrap());
    wait_for(&seen, |event| matches!(event, RolloutEvent::Begun { target } if target.host == host(2)));
    wait_for(&seen, |event| matches!(event, RolloutEvent::Ended { target, .. } if target.host == host(1)));
    let jump = || stage.estate.clock_ms.fetch_add(700_000, Ordering::SeqCst);
    jump();
    wait_for(&seen, |event| matches!(event, RolloutEvent::CancelIntended { .. }));
    jump();
    wait_for(&seen, |event| matches!(event, RolloutEvent::Lost { .. }));
    wait_for(&seen, |event| matches!(event, RolloutEvent::TookBack { target, .. } if target.host == host(0)));
    jump();
    let ended = lost.join().unwrap();
    let wanted = BTreeMap::from([(TargetVerdict::TakenBack, 2), (TargetVerdict::Lost, 1)]);
    assert_eq!(verdicts(&waves, &ended), wanted);
    assert!(ended.state.targets.values().any(|target| target.status.is_owed()));
    stage.estate.there.lock().unwrap().insert(host(2));
    let ended = stage.resume().0.run().unwrap();
    assert!(!ended.state.targets.values().any(|target| target.status.is_owed()), "{:#?}", ended.state.targets);
    assert_eq!(verdicts(&waves, &ended), wanted, "what was counted stays counted");
}

#[test]
fn a_red_canary_leaves_all_others_alone() {
    let waves = waves(3, 9, false);
    let stage = Stage1::new([(0, Fault::Red)]);
    let ended = stage.begin(&waves).0.run().unwrap();
    let wanted = BTreeMap::from([(TargetVerdict::LeftAlone, 2), (TargetVerdict::Failed(How::RolledBack), 1)]);
    assert_eq!(verdicts(&waves, &ended), wanted);
    assert_eq!(stage.begun_once(), 1);
    assert_eq!(*stage.estate.reserved.lock().unwrap(), BTreeSet::new(), "nobody keeps a host any more");
}

#[test]
fn what_breaks_or_refuses_in_the_middle_of_a_run_is_asked_again() {
    let waves = waves(3, 0, false);
    let stage = Stage1::new([(1, Fault::Broken), (2, Fault::Refusing)]);
    let ended = stage.begin(&waves).0.run().unwrap();
    assert_eq!(verdicts(&waves, &ended), BTreeMap::from([(TargetVerdict::Ok, 3)]));
    assert_eq!(stage.begun_once(), 3);
}

#[test]
fn a_host_where_somebody_is_at_work_is_taken_back_later() {
    let waves = waves(3, 0, false);
    let stage = Stage1::new([(0, Fault::Busy), (1, Fault::Red)]);
    let ended = stage.begin(&waves).0.run().unwrap();
    assert_eq!(verdicts(&waves, &ended).get(&TargetVerdict::Stuck), None, "{:#?}", ended.state.targets);
    assert!(stage.estate.runs.lock().unwrap().iter().all(|((of, _), run)| *of != host(0) || run.taken_back == 1));
}

#[test]
fn a_host_that_never_stops_talking_has_a_deadline() {
    let waves = waves(1, 0, false);
    let stage = Stage1::new([(0, Fault::Talking)]);
    let (controller, _told, seen) = stage.begin(&waves);
    let led = thread::spawn(move || controller.run().unwrap());
    wait_for(&seen, |event| matches!(event, RolloutEvent::Begun { .. }));
    stage.estate.clock_ms.fetch_add(700_000, Ordering::SeqCst);
    let wanted = BTreeMap::from([(TargetVerdict::Failed(How::RolledBack), 1)]);
    assert_eq!(verdicts(&waves, &led.join().unwrap()), wanted);
}

#[test]
fn a_letter_that_nobody_understands_ends_nothing() {
    let waves = waves(2, 0, true);
    let stage = Stage1::new([]);
    let (controller, _told, seen) = stage.begin(&waves);
    let led = thread::spawn(move || controller.run().unwrap());
    wait_for(&seen, |event| matches!(event, RolloutEvent::ApprovalAsked { .. }));
    stage.dir.tell_attempt(&attempt(), "a", "no JSON").unwrap();
    approve(&stage, &Attempted::read(&stage.dir, &attempt()).unwrap());
    assert_eq!(led.join().unwrap().why, WhyLeave::Finished);
    let told = stage.dir.path().join("rollouts/demo/1/told");
    assert_eq!(std::fs::read_dir(told).unwrap().count(), 0, "both were heard");
}
