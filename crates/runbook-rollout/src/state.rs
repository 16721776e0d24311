//! What is known of an attempt: one fold over its records.

use crate::reserved::RESERVED_MS;
use crate::{Artifact, Controller, How, RolloutEvent, RolloutRecord, StopCause, Target, TargetStatus, TargetVerdict};
use runbook_model::{HostName, RunId, StepId};
use std::collections::{BTreeMap, BTreeSet};

/// What is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RolloutState {
    /// The number of the last record.
    pub seq: u64,
    /// Who may write the next one: nobody with a lower epoch.
    pub epoch: u64,
    /// How long it had gone on at the last record.
    pub elapsed_ms: u64,
    /// Who acts, and how long it had gone on when that one came.
    pub controller: Option<(Controller, u64)>,
    /// What is known of each host.
    pub hosts: BTreeMap<HostName, HostState>,
    /// What is known of each target.
    pub targets: BTreeMap<Target, TargetState>,
    /// What is known of each wave, by its place.
    pub waves: BTreeMap<usize, WaveState>,
    /// The digests of the artifacts whose bytes are here.
    pub fetched: BTreeSet<String>,
    /// Hosts that proved an artifact and do not give it, and how long the rollout had gone on when that was known.
    pub not_given_by: BTreeMap<(StepId, Target), u64>,
    /// Why nothing more begins.
    pub stopped: Option<StopCause>,
    /// Whether it ends where it is, to go on later.
    pub draining: bool,
    /// Whether a person wants it to end.
    pub cancelling: bool,
    /// Whether a person wants everything back.
    pub back_asked: bool,
    /// Whether every target has its verdict, or it is owed.
    pub finished: bool,
}

/// What is known of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostState {
    /// Whether it is there.
    pub status: HostStatus,
    /// Whether it is kept for this rollout.
    pub reserved: Reservation,
    /// How long the rollout will have gone on when that ends, or had when it was to be asked for again.
    pub reserved_until_ms: u64,
    /// The number of the request to keep it that counts; an answer to an earlier one says nothing of now.
    pub request: u32,
}

/// Whether a host is kept for this rollout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reservation {
    /// It never was.
    #[default]
    None,
    /// It is.
    Kept,
    /// It may be, and is to be asked for again: its end comes near, a run took it over, or another controller goes on.
    Due,
}

/// Whether a host is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HostStatus {
    /// Nobody knows.
    #[default]
    Unknown,
    /// It is, and this is its platform.
    There(String),
    /// It is not, and why.
    Gone(String),
    /// It is, and somebody else keeps it.
    Kept {
        /// Its platform.
        platform: String,
        /// Who.
        by: String,
    },
}

/// What is known of a target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetState {
    /// Where it stands.
    pub status: TargetStatus,
    /// How long the rollout had gone on when that changed.
    pub since_ms: u64,
    /// The same of its begin.
    pub begun_ms: u64,
    /// Its run, once it was to begin.
    pub run: Option<RunId>,
    /// Whether its host told of the run.
    pub on_record: bool,
    /// What it was given.
    pub given: BTreeSet<StepId>,
    /// What its run packed and proved.
    pub gives: BTreeMap<StepId, Artifact>,
    /// Why it is refused, or told to go back.
    pub because: Option<String>,
    /// The number of the record that told of its end: what was committed last is taken back first.
    pub ended_seq: u64,
}

/// What is known of a wave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WaveState {
    /// Which evidence a person was asked to look at, and how long the rollout had gone on then.
    pub asked: Option<(String, u64)>,
    /// What came of that.
    pub approved: Option<Approved>,
    /// How long the rollout had gone on when its hosts could begin.
    pub opened_ms: Option<u64>,
    /// Whether it is passed.
    pub passed: bool,
}

/// An approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved {
    /// The digest of what was shown.
    pub evidence: String,
    /// Who.
    pub by: String,
    /// Until when it counts, in milliseconds since 1970.
    pub until: i64,
}

/// A record that cannot follow those before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {seq} of the rollout cannot follow those before it: {what}")]
pub struct IllegalRecord {
    /// Its number.
    pub seq: u64,
    /// What does not fit.
    pub what: String,
}

impl RolloutState {
    /// The state after all of `records`.
    ///
    /// # Errors
    /// One of them cannot follow those before it.
    pub fn replay<'a>(records: impl IntoIterator<Item = &'a RolloutRecord>) -> Result<Self, IllegalRecord> {
        let mut state = Self::default();
        records.into_iter().try_for_each(|record| state.apply(record)).map(|()| state)
    }

    /// The state after one more record.
    ///
    /// # Errors
    /// It cannot follow those before it; then nothing is changed.
    pub fn apply(&mut self, record: &RolloutRecord) -> Result<(), IllegalRecord> {
        let illegal = |what: String| IllegalRecord { seq: record.seq, what };
        if record.seq != self.seq + 1 {
            return Err(illegal(format!("record {} was due", self.seq + 1)));
        }
        if record.epoch < self.epoch || record.elapsed_ms < self.elapsed_ms {
            return Err(illegal(format!("epoch {} and {} ms came before", self.epoch, self.elapsed_ms)));
        }
        let taken_over = matches!(record.event, RolloutEvent::Started { .. } | RolloutEvent::TakenOver { .. });
        if record.epoch != self.epoch && !taken_over {
            return Err(illegal(format!("epoch {} has not taken over", record.epoch)));
        }
        if !self.allows(&record.event) {
            return Err(illegal(format!("{:?}", record.event)));
        }
        (self.seq, self.epoch, self.elapsed_ms) = (record.seq, record.epoch, record.elapsed_ms);
        self.fold(&record.event);
        Ok(())
    }

    /// Whether `event` may come next.
    pub(crate) fn allows(&self, event: &RolloutEvent) -> bool {
        use RolloutEvent as E;
        let started = self.controller.is_some();
        let wave = |at: &usize| self.waves.get(at).cloned().unwrap_or_default();
        match event {
            E::Started { .. } => !started,
            _ if !started => false,
            E::TakenOver { .. } => true,
            E::Reached { host, .. } => self.host(host).status == HostStatus::Unknown,
            E::Unreachable { host, .. } => {
                let gone = matches!(self.host(host).status, HostStatus::Gone(_));
                !gone && !self.of_host(host).any(|(_, target)| target.status.in_flight())
            }
            E::Reserved { host } => self.may_be_kept(host) && self.host(host).reserved != Reservation::Kept,
            E::RenewalDue { host } => self.host(host).reserved == Reservation::Kept,
            E::NotReserved { host, .. } => self.may_be_kept(host),
            E::ApprovalAsked { wave: at, .. } => self.stopped.is_none() && wave(at).opened_ms.is_none(),
            E::Approved { wave: at, .. } => wave(at).asked.is_some() && wave(at).opened_ms.is_none(),
            E::ApprovalRefused { .. } => true,
            E::WaveOpened { wave: at } => self.stopped.is_none() && wave(at).opened_ms.is_none(),
            E::WavePassed { wave: at } => wave(at).opened_ms.is_some() && !wave(at).passed,
            E::Fetched { digest, .. } => !self.fetched.contains(digest),
            E::NotFetched { artifact, from, .. } => !self.not_given_by.contains_key(&(artifact.clone(), from.clone())),
            E::Given { target, artifact, .. } => {
                let known = self.target(target);
                known.status.may_begin() && !known.given.contains(artifact)
            }
            E::BeginIntended { .. } if self.stopped.is_some() || self.draining || self.finished => false,
            E::Stopped { because } => match &self.stopped {
                None => true,
                Some(StopCause::TakenBack) => false,
                // What fails later is what counts, then.
                Some(known) => *because == StopCause::TakenBack || (known.is_harmless() && !because.is_harmless()),
            },
            E::DrainAsked { .. } => !self.draining,
            E::CancelAsked { .. } => !self.cancelling,
            E::RollbackAsked { .. } => !self.back_asked,
            E::Finished => !self.finished,
            other => target_of(other).is_some_and(|target| self.target(target).status.after(other).is_some()),
        }
    }

    fn fold(&mut self, event: &RolloutEvent) {
        use RolloutEvent as E;
        match event {
            E::Started { controller, .. } => {
                self.controller = Some((controller.clone(), self.elapsed_ms));
            }
            E::TakenOver { controller } => {
                self.controller = Some((controller.clone(), self.elapsed_ms));
                self.draining = false;
                let elapsed_ms = self.elapsed_ms;
                self.hosts.values_mut().for_each(|host| host.reserve_again(elapsed_ms));
                // What is owed is asked for again.
                self.finished &= !self.targets.values().any(|target| target.status.is_owed());
            }
            E::Reached { host, platform } => {
                self.hosts.entry(host.clone()).or_default().status = HostStatus::There(platform.clone());
            }
            E::Unreachable { host, because } => {
                self.hosts.entry(host.clone()).or_default().status = HostStatus::Gone(because.clone());
            }
            E::Reserved { host } => {
                let until = self.elapsed_ms.saturating_add(RESERVED_MS);
                let known = self.hosts.entry(host.clone()).or_default();
                (known.reserved, known.reserved_until_ms) = (Reservation::Kept, until);
            }
            E::RenewalDue { host } => {
                let known = self.hosts.entry(host.clone()).or_default();
                known.reserved = Reservation::Due;
                known.request += 1;
            }
            E::NotReserved { host, holder } => {
                let known = self.hosts.entry(host.clone()).or_default();
                if let HostStatus::There(platform) = &known.status {
                    known.status = HostStatus::Kept { platform: platform.clone(), by: holder.clone() };
                }
                known.reserved = Reservation::None;
            }
            E::ApprovalAsked { wave, evidence } => {
                let elapsed_ms = self.elapsed_ms;
                let known = self.waves.entry(*wave).or_default();
                known.asked = Some((evidence.clone(), elapsed_ms));
                known.approved = None;
            }
            E::Approved { wave, evidence, by, until } => {
                let approved = Approved { evidence: evidence.clone(), by: by.clone(), until: *until };
                self.waves.entry(*wave).or_default().approved = Some(approved);
            }
            E::ApprovalRefused { .. } => {}
            E::WaveOpened { wave } => self.waves.entry(*wave).or_default().opened_ms = Some(self.elapsed_ms),
            E::WavePassed { wave } => self.waves.entry(*wave).or_default().passed = true,
            E::Fetched { digest, .. } => drop(self.fetched.insert(digest.clone())),
            E::NotFetched { artifact, from, .. } => {
                self.not_given_by.insert((artifact.clone(), from.clone()), self.elapsed_ms);
            }
            E::Given { target, artifact, .. } => {
                self.targets.entry(target.clone()).or_default().given.insert(artifact.clone());
            }
            E::Stopped { because } => self.stopped = Some(because.clone()),
            E::DrainAsked { .. } => self.draining = true,
            E::CancelAsked { .. } => self.cancelling = true,
            E::RollbackAsked { .. } => (self.back_asked, self.finished) = (true, false),
            E::Finished => self.finished = true,
            other => self.fold_target(other),
        }
    }

    fn fold_target(&mut self, event: &RolloutEvent) {
        let Some(target) = target_of(event) else { return };
        let (elapsed_ms, seq) = (self.elapsed_ms, self.seq);
        let known = self.targets.entry(target.clone()).or_default();
        let Some(status) = known.status.after(event) else { return };
        let was_at_work = known.status.in_flight();
        (known.status, known.since_ms) = (status, elapsed_ms);
        if was_at_work && !status.in_flight() {
            self.hosts.entry(target.host.clone()).or_default().reserve_again(elapsed_ms);
        }
        let Some(known) = self.targets.get_mut(target) else { return };
        match event {
            RolloutEvent::BeginIntended { run, .. } => {
                (known.run, known.begun_ms) = (Some(run.clone()), elapsed_ms);
            }
            RolloutEvent::Begun { .. } | RolloutEvent::Held { .. } => known.on_record = true,
            RolloutEvent::Ended { gives, .. } => {
                known.gives = gives.iter().cloned().collect();
                known.ended_seq = seq;
            }
            RolloutEvent::Refused { because, .. } | RolloutEvent::CancelIntended { because, .. } => {
                known.because = Some(because.clone());
            }
            RolloutEvent::Judged { judged: crate::Judged::Refused(because), .. } => {
                known.because = Some(because.clone())
            }
            _ => {}
        }
    }

    /// Whether an answer about a reservation counts: what was asked before a run began there does not.
    fn may_be_kept(&self, host: &HostName) -> bool {
        let at_work = self.of_host(host).any(|(_, known)| known.status.in_flight());
        !at_work && matches!(self.host(host).status, HostStatus::There(_))
    }

    pub(crate) fn host(&self, host: &HostName) -> HostState {
        self.hosts.get(host).cloned().unwrap_or_default()
    }

    /// What is known of `target`.
    pub fn target(&self, target: &Target) -> TargetState {
        self.targets.get(target).cloned().unwrap_or_default()
    }

    pub(crate) fn known(&self, target: &Target) -> Option<&TargetState> {
        self.targets.get(target)
    }

    pub(crate) fn status(&self, target: &Target) -> TargetStatus {
        self.targets.get(target).map_or(TargetStatus::New, |known| known.status)
    }

    pub(crate) fn of_host(&self, host: &HostName) -> impl Iterator<Item = (&Target, &TargetState)> {
        self.targets.iter().filter(move |(target, _)| target.host == *host)
    }

    /// Whether `target` may still begin.
    pub(crate) fn is_open(&self, target: &Target) -> bool {
        self.status(target).may_begin() && self.verdict(target).is_none()
    }

    /// Whether a run is at work anywhere, forward or back.
    pub(crate) fn is_at_work(&self) -> bool {
        self.targets.values().any(|target| target.status.is_busy())
    }

    /// Whether any host was told to change something.
    pub fn has_begun(&self) -> bool {
        self.targets.values().any(|target| target.run.is_some())
    }

    /// How `target` counts; `None` while that is open.
    pub fn verdict(&self, target: &Target) -> Option<TargetVerdict> {
        let status = self.status(target);
        if !status.may_begin() {
            return status.verdict();
        }
        let host = self.hosts.get(&target.host);
        match host.map(|host| &host.status) {
            Some(HostStatus::Gone(_)) => Some(TargetVerdict::Unreachable),
            Some(HostStatus::Kept { .. }) => Some(TargetVerdict::Failed(How::Refused)),
            _ if self.stopped.is_some() => Some(TargetVerdict::LeftAlone),
            _ => None,
        }
    }
}

impl HostState {
    fn reserve_again(&mut self, elapsed_ms: u64) {
        self.request += 1;
        if self.reserved != Reservation::None {
            (self.reserved, self.reserved_until_ms) = (Reservation::Due, elapsed_ms);
        }
    }
}

/// The target that an event is about, where it changes the status of one.
fn target_of(event: &RolloutEvent) -> Option<&Target> {
    use RolloutEvent as E;
    match event {
        E::Judged { target, .. }
        | E::Refused { target, .. }
        | E::BeginIntended { target, .. }
        | E::Begun { target }
        | E::Held { target }
        | E::CommitIntended { target }
        | E::CancelIntended { target, .. }
        | E::Ended { target, .. }
        | E::Lost { target }
        | E::BackIntended { target }
        | E::TookBack { target, .. }
        | E::BackOwed { target } => Some(target),
        _ => None,
    }
}
