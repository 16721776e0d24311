//! A host of which only one thing is known: which steps left traces on it. Plays a script, with interrupts and crashes,
//! and watches the laws that hold at every moment.

use crate::closing::closing_is_true;
use crate::host::{Files, STATE, made_by};
use crate::script::{Fate, HandIn, Hold, Lost, Part, Script, id, number};
use runbook_engine::{Action, Await, Began, Came, Execution, Input, Job, decide};
use runbook_model::*;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// What a step left on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trace {
    Half,
    Whole,
    /// A service that was brought down to be brought up again.
    Down,
}

/// What ends in an input.
#[derive(Clone, Debug)]
enum Doing {
    Job(Job),
    Await(Await),
}

/// What happens to the run from outside, after so many inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blow {
    Drain,
    Cancel,
    /// Somebody commits it, whether it holds or not.
    Commit,
    /// The process dies; a power cut also takes up to so many of the last commits that were not durable.
    Crash(usize),
}

pub(crate) struct World<'a> {
    script: &'a Script,
    execution: Execution,
    pub(crate) state: RunState,
    /// One entry a commit.
    commits: Vec<Vec<Record>>,
    under_way: Vec<Doing>,
    pub(crate) traces: BTreeMap<usize, Trace>,
    pub(crate) files: Files,
    insured: bool,
    pub(crate) repaired: bool,
    inputs: usize,
    drawn: usize,
    asked: usize,
}

/// Plays the script to its end; an open run is resumed. `None` if the script has no schedule.
pub(crate) fn play<'a>(script: &'a Script, blows: &[(usize, Blow)]) -> Option<World<'a>> {
    let mut world = World::new(script)?;
    world.feed(Input::Begin);
    world.run(blows);
    while world.state.verdict().is_none() {
        assert!(world.state.draining || world.state.cancelling, "it ended without a verdict: {:#?}", world.state);
        world.reopen(false);
    }
    Some(world)
}

impl<'a> World<'a> {
    pub(crate) fn new(script: &'a Script) -> Option<Self> {
        let mut world = Self {
            script,
            execution: script.execution()?,
            state: RunState::default(),
            commits: Vec::new(),
            under_way: Vec::new(),
            traces: BTreeMap::new(),
            files: Files::default(),
            insured: false,
            repaired: false,
            inputs: 0,
            drawn: 0,
            asked: 0,
        };
        let steps = (0..script.steps.len()).map(id).collect();
        let text = String::new;
        let run = RunId::new("r1").unwrap();
        let header = RunHeader {
            run,
            plan: text(),
            summary: text(),
            digest: text(),
            environment: None,
            steps,
            host: text(),
            user: text(),
            version: text(),
            format: RunHeader::FORMAT,
            hold_ms: script.hold.map(|_| 1000),
        };
        let mut events = vec![Event::RunStarted(Box::new(header))];
        events.extend(script.steps.iter().enumerate().map(|(at, step)| Event::Predicted {
            step: id(at),
            prediction: Prediction::change(""),
            needed: step.needed,
            results: Results::default(),
        }));
        world.commit(events);
        Some(world)
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        self.commits.iter().flatten()
    }

    /// Another process goes on with the run, or takes it back.
    pub(crate) fn reopen(&mut self, back: bool) {
        self.under_way.clear();
        self.state = RunState::replay(self.commits.iter().flatten()).unwrap();
        let mut events = vec![Event::RunResumed { version: String::new() }];
        if back && !matches!(self.state.phase, RunPhase::RollingBack(_)) {
            events.push(Event::RollbackStarted { cause: RollbackCause::Requested });
        }
        self.commit(events);
        self.feed(Input::Resume);
        self.run(&[]);
    }

    /// Until nothing is under way and nothing more is started.
    pub(crate) fn run(&mut self, blows: &[(usize, Blow)]) {
        loop {
            let now = self.inputs;
            for (_, blow) in blows.iter().filter(|(at, _)| *at == now) {
                self.suffer(*blow);
            }
            self.inputs += 1;
            assert!(self.inputs < 60 * (self.script.steps.len() + 2), "it does not end: {:#?}", self.state);
            if self.under_way.is_empty() {
                if self.state.verdict().is_some() || self.perform(Input::Advance { idle: true }) == 0 {
                    return;
                }
                continue;
            }
            let next = self.draw(self.under_way.len());
            let inputs = match self.under_way.remove(next) {
                Doing::Job(job) => vec![self.work(job)],
                Doing::Await(wanted) => self.comes(wanted),
            };
            inputs.into_iter().for_each(|input| self.feed(input));
        }
    }

    fn suffer(&mut self, blow: Blow) {
        match blow {
            Blow::Drain => self.feed(Input::Drain),
            Blow::Cancel => {
                self.feed(Input::Drain);
                self.feed(Input::Cancel);
            }
            Blow::Commit => self.feed(commit()),
            Blow::Crash(_) if self.state.verdict().is_some() => {}
            Blow::Crash(lost) => {
                // Each job that was under way had had its effect already, or not.
                for doing in std::mem::take(&mut self.under_way) {
                    if let (0, Doing::Job(job)) = (self.draw(2), doing) {
                        self.work(job);
                    }
                }
                for _ in 0..lost {
                    let is_durable = |commit: &Vec<Record>| commit.iter().any(|record| record.event.is_durable());
                    if self.commits.last().is_none_or(is_durable) {
                        break;
                    }
                    self.commits.pop();
                }
                self.state = RunState::replay(self.commits.iter().flatten()).unwrap();
                closing_is_true(self.script, self);
                self.commit(vec![Event::RunResumed { version: String::new() }]);
                self.feed(Input::Resume);
            }
        }
    }

    pub(crate) fn feed(&mut self, input: Input) {
        self.perform(input);
        while self.perform(Input::Advance { idle: self.under_way.is_empty() }) > 0 {}
    }

    fn perform(&mut self, input: Input) -> usize {
        let actions = decide(&self.state, &self.execution, input);
        let count = actions.len();
        let (mut events, mut jobs, mut waits) = (Vec::new(), Vec::new(), Vec::new());
        for action in actions {
            match action {
                Action::Record(event) => events.push(event),
                Action::Start(job) => jobs.push(job),
                Action::Await(wanted) => waits.push(wanted),
            }
        }
        self.commit(events);
        for wanted in waits {
            self.may_await(&wanted);
            self.under_way.push(Doing::Await(wanted));
        }
        for job in jobs {
            self.may_start(&job);
            self.under_way.push(Doing::Job(job));
        }
        count
    }

    fn commit(&mut self, events: Vec<Event>) {
        let next = self.state.seq + 1;
        let commit: Vec<Record> = (next..).zip(events).map(|(seq, event)| Record { seq, at: 0, event }).collect();
        for record in &commit {
            assert!(
                self.state.verdict().is_none()
                    || matches!(record.event, Event::RunResumed { .. } | Event::RollbackStarted { .. })
            );
            self.state.apply(record).unwrap_or_else(|error| panic!("{error}: {record:?}"));
        }
        if !commit.is_empty() {
            self.commits.push(commit);
        }
    }

    /// The laws of every moment.
    fn may_start(&self, job: &Job) {
        let forward = self.state.phase == RunPhase::Forward;
        let counts = |job: &Job| !matches!(job, Job::Baseline(_) | Job::Find(_) | Job::Close { .. });
        let limit = if forward { self.script.parallel } else { 1 };
        let takes_room = |doing: &&Doing| match doing {
            Doing::Job(job) => counts(job),
            Doing::Await(wanted) => matches!(wanted, Await::Answer(_) | Await::Pause { .. }),
        };
        let already = self.under_way.iter().filter(takes_room).count();
        assert!(!counts(job) || already < limit, "too much at once: {job:?} beside {:?}", self.under_way);
        self.has_its_secrets(job);
        match job {
            Job::Begin { step, .. } | Job::Act(step) | Job::Recheck(step) => {
                assert!(forward && !self.state.cancelling && !self.state.draining, "{job:?} in {:?}", self.state.phase);
                for before in self.execution.schedule.before(step) {
                    let lets_pass = self.execution.policy(before).on_failure == OnFailure::Continue;
                    let status = self.state.status(before);
                    let is_past = matches!(status, StepStatus::FailedUntouched | StepStatus::Undone) && lets_pass;
                    assert!(status.satisfies() || is_past, "{step} goes before {before}, which is {status:?}");
                }
                // Accepting one inconclusive verification does not end another one.
                let verifies = matches!(self.script.step(step).part, Part::Verify(_));
                let failed = self.state.steps().find(|(step, known)| {
                    matches!(known.status, StepStatus::FailedTouched | StepStatus::FailedUntouched)
                        && self.execution.policy(step).on_failure != OnFailure::Continue
                        && !(verifies && known.is_kept())
                });
                assert!(failed.is_none(), "{job:?} although {failed:?}");
                let acts = !matches!(job, Job::Begin { .. });
                if acts && self.script.step(step).changes() {
                    assert_eq!(self.state.status(step), StepStatus::Intended, "{step} acts without an intent");
                }
            }
            Job::Undo { step, phase } => {
                let last = self.records().filter(|record| record.event.moves() == Some(step)).last();
                let wanted = Event::UndoStarted { step: step.clone(), phase: *phase };
                assert_eq!(last.map(|record| &record.event), Some(&wanted));
            }
            Job::Baseline(_) => assert!(!self.state.may_have_touched(), "a baseline after the first change"),
            Job::Verify(_) => assert!(!forward),
            Job::Compare(_) | Job::Close { .. } => {}
            Job::Find(_) => assert!(!self.state.may_have_touched(), "a service is looked at after the first change"),
            Job::Revive(_) => assert!(!forward),
        }
    }

    /// Going forward nothing starts without its secrets, nor while another is waited for; going back it is enough that none is.
    fn has_its_secrets(&self, job: &Job) {
        let uses = self.execution.handed_in.uses.iter().find(|one| one.step == *job.step());
        let wait = |secret: &String| self.state.secrets.get(secret);
        if self.state.phase == RunPhase::Forward {
            assert!(!self.state.waits_for_a_secret(), "{job:?} while {:?}", self.state.secrets);
            let lacks = uses.and_then(|uses| uses.forward.iter().find(|one| wait(one) != Some(&SecretWait::HandedIn)));
            let undoes = matches!(job, Job::Undo { .. } | Job::Compare(_) | Job::Close { .. });
            assert!(undoes || lacks.is_none(), "{job:?} without {lacks:?}");
        } else if matches!(job, Job::Undo { .. }) {
            let open = |secret: &&String| !matches!(wait(secret), Some(SecretWait::HandedIn | SecretWait::Missed));
            let lacks = uses.and_then(|uses| uses.back.iter().find(open));
            assert!(lacks.is_none(), "{job:?} although nobody was asked for {lacks:?}");
        }
    }

    fn may_await(&self, wanted: &Await) {
        let forward = self.state.phase == RunPhase::Forward;
        if let Await::Secret { secret, .. } = wanted {
            let interrupted = self.state.draining || (forward && self.state.cancelling);
            assert!(!interrupted, "{wanted:?} of an interrupted run");
            assert!(matches!(self.state.secrets.get(secret), Some(SecretWait::Asked { .. })), "asked, and on record");
            return;
        }
        assert!(forward && !self.state.draining, "{wanted:?} in {:?}", self.state.phase);
        match wanted {
            Await::Pause { .. } | Await::Secret { .. } => {}
            Await::Answer(step) => {
                assert!(!self.state.cancelling);
                assert!(self.state.step(step).is_some_and(|known| known.asks.is_some()), "what is asked is on record");
                assert!(self.state.has_acted(), "there is nothing to decide about");
            }
            Await::Clock { .. } | Await::Commit(_) => {
                assert!(self.script.hold.is_some() && self.state.has_acted() && self.under_way.is_empty());
                let is_over = |known: &StepState| known.status.is_over() && known.status != StepStatus::FailedTouched;
                assert!(self.state.states().iter().all(is_over), "it holds what is not done");
                assert_eq!(matches!(wanted, Await::Commit(_)), self.state.holds().is_some(), "what holds is on record");
            }
        }
    }

    /// What comes of what is waited for.
    fn comes(&mut self, wanted: Await) -> Vec<Input> {
        let withdrawn = self.state.draining || self.state.cancelling || self.state.committed.is_some();
        match wanted {
            Await::Answer(step) => vec![Input::Decided { decided: self.answer(), step }],
            Await::Secret { secret, .. } => vec![Input::Secret { secret, came: self.handed_in() }],
            Await::Pause { step, .. } => vec![Input::Paused { step }],
            Await::Clock { .. } => vec![Input::Holds(Deadline::default())],
            Await::Commit(_) if withdrawn => vec![Input::HoldEnded { over: false }],
            Await::Commit(_) => match self.script.hold {
                Some(Hold::Commit) => vec![commit(), Input::HoldEnded { over: false }],
                Some(Hold::AtTheLastMoment) => vec![commit(), Input::HoldEnded { over: true }],
                Some(Hold::TooLate) => vec![Input::HoldEnded { over: true }, commit()],
                Some(Hold::Silence) | None => vec![Input::HoldEnded { over: true }],
            },
        }
    }

    fn handed_in(&self) -> Came {
        let interrupted = self.state.draining || (self.state.cancelling && self.state.phase == RunPhase::Forward);
        let again = self.records().any(|record| matches!(record.event, Event::RunResumed { .. }));
        match self.script.handed.map(|handed| handed.comes) {
            _ if interrupted || self.state.verdict().is_some() => Came::Withdrawn,
            Some(HandIn::Comes) => Came::HandedIn,
            Some(HandIn::Once) if !again => Came::HandedIn,
            _ => Came::Missed("nobody".to_owned()),
        }
    }

    /// The effect of a job, and what it says.
    fn work(&mut self, job: Job) -> Input {
        match job {
            Job::Baseline(step) => {
                Input::BaselineTaken { step, readings: vec![green()], marks: Json::Null, failure: None }
            }
            Job::Begin { step, .. } => {
                let began = self.begin(&step);
                Input::Began { step, began }
            }
            Job::Act(step) => self.act(step),
            Job::Recheck(step) => match self.traces.get(&number(&step)) {
                Some(Trace::Whole) => self.acted_well(step),
                _ => self.act(step),
            },
            Job::Undo { step, phase } => {
                let result = self.undo(&step, phase);
                Input::Undone { step, phase, result, remains: Vec::new() }
            }
            Job::Verify(step) => {
                let Part::Verify(lost) = self.script.step(&step).part else { panic!("{step} verifies nothing") };
                let named = |wanted| if self.signal(lost) == wanted { vec!["signal".to_owned()] } else { Vec::new() };
                let (lost, unread) = (named(SignalVerdict::Red), named(SignalVerdict::Unread));
                Input::Verified { step, readings: Vec::new(), lost, unread, failure: None }
            }
            Job::Compare(step) => Input::Compared { remains: self.compare(&step), step },
            Job::Find(step) => Input::Found { step, service: None, data: Json::Null, boot: String::new() },
            Job::Revive(step) => Input::Revived { step, result: Ok(String::new()) },
            Job::Close { step, service } => Input::Closed { step, service, seen: ServiceSeen::unread("") },
        }
    }

    /// What a signal says now that was green before the run.
    pub(crate) fn signal(&self, lost: Lost) -> SignalVerdict {
        match lost {
            Lost::Always if !self.repaired => SignalVerdict::Red,
            Lost::UntilInsured if !self.insured && !self.repaired => SignalVerdict::Red,
            Lost::Unread if !self.repaired => SignalVerdict::Unread,
            _ => SignalVerdict::Green,
        }
    }

    /// The step of the earliest backup that is complete.
    fn earliest_backup(&self) -> Option<usize> {
        let backups = self.state.steps().filter(|(_, known)| known.results.backup.is_some());
        backups.min_by_key(|(_, known)| known.finished_seq).map(|(step, _)| number(step))
    }

    /// What the earliest backup of the run says of the state.
    pub(crate) fn held_before(&self) -> Option<u32> {
        self.files.backups.get(&self.earliest_backup()?).copied()
    }

    fn compare(&self, step: &StepId) -> Vec<Remains> {
        let at = number(step);
        let mut remains = Vec::new();
        if self.files.made.contains(&at) {
            remains.push(Remains::new(RemainsKind::Left, made_by(at), ""));
        }
        if self.earliest_backup() == Some(at) && self.held_before() != Some(self.files.state) {
            remains.push(Remains::new(RemainsKind::Kept, STATE, "1 file differs"));
        }
        remains
    }

    fn answer(&mut self) -> Option<Decided> {
        self.asked += 1;
        let withdrawn = self.state.draining || self.state.cancelling;
        let decision = match self.script.answer? {
            // Nobody reads the same again and again.
            Decision::ReadAgain if self.asked > 1 => Decision::RollBack,
            other => other,
        };
        (!withdrawn).then(|| Decided { decision, by: "ops".to_owned(), because: String::new() })
    }

    fn fate(&self, step: &StepId) -> Fate {
        let attempt = self.state.step(step).map_or(1, |known| known.attempts.max(1));
        let fates = &self.script.step(step).fates;
        fates[(usize::try_from(attempt).unwrap() - 1).min(fates.len() - 1)]
    }

    fn begin(&self, step: &StepId) -> Began {
        // Each change writes below a directory that was not there.
        let absent = UndoRecord { absent: vec![made_by(number(step)).into()], ..UndoRecord::default() };
        let undo = self.script.step(step).changes().then_some(absent);
        match self.fate(step) {
            _ if self.state.cancelling => Began::Failed(Failure::new(FailureKind::Cancelled, "")),
            Fate::Skip => Began::Skip(String::new()),
            Fate::Unchanged => Began::Unchanged { summary: String::new(), results: self.results(step) },
            Fate::NotBegun(kind) => Began::Failed(Failure::new(kind, "")),
            Fate::Well | Fate::HalfDone(_) => Began::Ready { undo },
        }
    }

    fn act(&mut self, step: StepId) -> Input {
        let failure = match self.fate(&step) {
            Fate::HalfDone(kind) => Some(kind),
            _ if self.state.cancelling && self.draw(2) == 0 => Some(FailureKind::Cancelled),
            _ => None,
        };
        let Some(kind) = failure else { return self.acted_well(step) };
        if self.script.step(&step).changes() {
            self.traces.insert(number(&step), Trace::Half);
            self.write_beside(number(&step));
        }
        Input::Acted { step, result: Err(Failure::new(kind, "")), readings: Vec::new(), remains: Vec::new() }
    }

    fn acted_well(&mut self, step: StepId) -> Input {
        let at = number(&step);
        if self.script.step(&step).changes() {
            self.traces.insert(at, Trace::Whole);
            self.write_beside(at);
        }
        if matches!(self.script.step(&step).part, Part::Backup { .. }) {
            self.files.back_up(at);
        }
        let results = self.results(&step);
        Input::Acted { step, result: Ok((String::new(), results)), readings: Vec::new(), remains: Vec::new() }
    }

    fn undo(&mut self, step: &StepId, phase: UndoPhase) -> Result<String, Failure> {
        let script = self.script.step(step);
        if script.undo_fails && !self.repaired {
            return Err(Failure::failed(""));
        }
        match phase {
            UndoPhase::Halt => drop(self.traces.insert(number(step), Trace::Down)),
            UndoPhase::Undo => {
                self.traces.remove(&number(step));
                // Others may have put something into what it made.
                if self.draw(3) > 0 {
                    self.files.made.remove(&number(step));
                }
                self.files.restore(number(step));
            }
            UndoPhase::Insurance => {
                self.insured = true;
                self.files.restore(number(step));
            }
        }
        Ok(String::new())
    }

    /// What happens besides the change that is declared.
    fn write_beside(&mut self, step: usize) {
        if self.draw(2) == 0 {
            self.files.made.insert(step);
        }
        if self.draw(2) == 0 {
            self.files.state += 1;
        }
        if self.draw(2) == 0 {
            self.files.stray += 1;
        }
    }

    fn results(&self, step: &StepId) -> Results {
        let Part::Backup { always, if_needed } = self.script.step(step).part else { return Results::default() };
        let paths = |some: bool| some.then(|| STATE.into()).into_iter().collect();
        let backup = BackupMade {
            dir: "/backup".into(),
            always: paths(always),
            if_needed: paths(if_needed),
            never: paths(!(always || if_needed)),
        };
        Results { backup: Some(Box::new(backup)), ..Results::default() }
    }

    fn draw(&mut self, below: usize) -> usize {
        self.drawn += 1;
        usize::from(self.script.chance[self.drawn % self.script.chance.len()]) % below
    }
}

fn commit() -> Input {
    Input::Commit { by: "ops".to_owned() }
}

fn green() -> Reading {
    Reading {
        signal: "signal".into(),
        role: SignalRole::Blocking,
        kind: SignalKind::Functional,
        read: String::new(),
        wanted: String::new(),
        verdict: SignalVerdict::Green,
        place: None,
        whole: None,
    }
}
