//! What is known of an attempt: one fold over its records.

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
    /// The artifacts whose bytes are here.
    pub fetched: BTreeSet<StepId>,
    /// Hosts that proved an artifact and do not give it.
    pub not_given_by: BTreeSet<(StepId, Target)>,
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
    pub(crate) ids: Option<(String, u32)>,
}

/// What is known of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostState {
    /// Whether it is there.
    pub status: HostStatus,
    /// Whether it is kept for this rollout.
    pub reserved: bool,
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
        let started = self.ids.is_some();
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
            E::Reserved { host } => matches!(self.host(host).status, HostStatus::There(_)) && !self.host(host).reserved,
            E::NotReserved { host, .. } => matches!(self.host(host).status, HostStatus::There(_)),
            E::ApprovalAsked { wave: at, .. } => self.stopped.is_none() && wave(at).opened_ms.is_none(),
            E::Approved { wave: at, .. } => wave(at).asked.is_some() && wave(at).opened_ms.is_none(),
            E::ApprovalRefused { .. } => true,
            E::WaveOpened { wave: at } => self.stopped.is_none() && wave(at).opened_ms.is_none(),
            E::WavePassed { wave: at } => wave(at).opened_ms.is_some() && !wave(at).passed,
            E::Fetched { artifact } => !self.fetched.contains(artifact),
            E::NotFetched { artifact, .. } => !self.fetched.contains(artifact),
            E::Given { target, artifact, .. } => {
                let known = self.target(target);
                known.status.may_begin() && !known.given.contains(artifact)
            }
            E::BeginIntended { .. } if self.stopped.is_some() || self.draining || self.finished => false,
            E::Stopped { because } => self.stopped.is_none() || *because == StopCause::TakenBack,
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
            E::Started { rollout, attempt, controller, .. } => {
                self.ids = Some((rollout.clone(), *attempt));
                self.controller = Some((controller.clone(), self.elapsed_ms));
            }
            E::TakenOver { controller } => {
                self.controller = Some((controller.clone(), self.elapsed_ms));
                self.draining = false;
                // What is owed is asked for again.
                self.finished &= !self.targets.values().any(|target| target.status.is_owed());
            }
            E::Reached { host, platform } => {
                self.hosts.entry(host.clone()).or_default().status = HostStatus::There(platform.clone());
            }
            E::Unreachable { host, because } => {
                self.hosts.entry(host.clone()).or_default().status = HostStatus::Gone(because.clone());
            }
            E::Reserved { host } => self.hosts.entry(host.clone()).or_default().reserved = true,
            E::NotReserved { host, holder } => {
                let known = self.hosts.entry(host.clone()).or_default();
                if let HostStatus::There(platform) = &known.status {
                    known.status = HostStatus::Kept { platform: platform.clone(), by: holder.clone() };
                }
                known.reserved = false;
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
            E::Fetched { artifact } => drop(self.fetched.insert(artifact.clone())),
            E::NotFetched { artifact, .. } => {
                if let Some(from) = self.giver(artifact) {
                    self.not_given_by.insert((artifact.clone(), from));
                }
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
        (known.status, known.since_ms) = (status, elapsed_ms);
        match event {
            RolloutEvent::BeginIntended { run, .. } => {
                (known.run, known.begun_ms) = (Some(run.clone()), elapsed_ms);
            }
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
        let busy = |status: TargetStatus| status.in_flight() || matches!(status, TargetStatus::GoingBack(_));
        self.targets.values().any(|target| busy(target.status))
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
