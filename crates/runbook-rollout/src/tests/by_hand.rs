//! A rollout whose hosts do what a test says, one input after the other.

use super::script::{host_name, stage_name};
use crate::orders::orders;
use crate::{
    Action, Came, Input, Judged, Now, Order, RolloutEvent, RolloutRecord, RolloutState, Target, TargetVerdict, Waves,
    decide, wakes,
};
use runbook_model::HostName;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn target(stage: usize, host: usize) -> Target {
    Target { stage: stage_name(stage), host: host_name(host) }
}

pub(super) struct ByHand {
    pub(super) waves: Waves,
    pub(super) state: RolloutState,
    pub(super) now: u64,
    /// What is said of a plan; the others have something to do.
    pub(super) judged: BTreeMap<Target, Judged>,
    pub(super) records: Vec<RolloutRecord>,
    pub(super) left: Option<crate::WhyLeave>,
    /// What hosts were told in the last reaction.
    pub(super) sent: Vec<Order>,
}

impl ByHand {
    pub(super) fn of(waves: Waves) -> Self {
        let (state, judged, records, sent) = Default::default();
        Self { waves, state, now: 0, left: None, judged, records, sent }
    }

    /// Reached, judged and kept.
    pub(super) fn ready(mut self) -> Self {
        self.comes(Came::Start(Default::default()));
        self.settle();
        self
    }

    /// Answers all that needs no run.
    pub(super) fn settle(&mut self) {
        for _ in 0..100 {
            let answers: Vec<Came> = self.sent.clone().iter().filter_map(|order| self.answer(order)).collect();
            if answers.is_empty() {
                return;
            }
            let mut sent = Vec::new();
            for came in answers {
                self.comes(came);
                sent.append(&mut self.sent);
            }
            self.sent = sent;
        }
        panic!("it is asked for ever: {:?}", self.sent);
    }

    fn answer(&self, order: &Order) -> Option<Came> {
        Some(match order.clone() {
            Order::Reach(host) => Came::Reached { host, platform: "p0".to_owned() },
            Order::Judge { target, .. } => {
                let judged = self.judged.get(&target).cloned().unwrap_or(Judged::Change);
                Came::Judged { target, judged }
            }
            Order::Reserve { host, request } => Came::Reserved { host, request },
            Order::Give { target, artifact, digest } => Came::Given { target, artifact, digest },
            _ => return None,
        })
    }

    /// What comes on record of it.
    pub(super) fn comes(&mut self, came: Came) -> Vec<RolloutEvent> {
        let now = Now { elapsed_ms: self.now, date_ms: self.now as i64 };
        let mut events = Vec::new();
        self.sent.clear();
        for action in decide(&self.state, &self.waves, &Input { now, came }) {
            match action {
                Action::Record(event) => {
                    let taken = matches!(event, RolloutEvent::Started { .. } | RolloutEvent::TakenOver { .. });
                    let epoch = self.state.epoch + u64::from(taken);
                    let seq = self.state.seq + 1;
                    let record = RolloutRecord { seq, at: 0, elapsed_ms: self.now, epoch, event: event.clone() };
                    self.state.apply(&record).unwrap();
                    self.records.push(record);
                    events.push(event);
                }
                Action::Send(order) => self.sent.push(order),
                Action::Leave(why) => self.left = Some(why),
            }
        }
        events
    }

    /// The time goes on, and each deadline is looked at as it comes.
    pub(super) fn waits(&mut self, ms: u64) -> Vec<RolloutEvent> {
        let (until, mut events, mut sent) = (self.now + ms, Vec::new(), Vec::new());
        let now = |of: &Self| Now { elapsed_ms: of.now, date_ms: of.now as i64 };
        while let Some(at) = wakes(&self.state, &self.waves, now(self)).filter(|at| *at <= until) {
            self.now = at;
            events.extend(self.comes(Came::Tick));
            sent.append(&mut self.sent);
        }
        (self.now, self.sent) = (until, sent);
        events
    }

    pub(super) fn ends(&mut self, of: &Target, verdict: TargetVerdict) -> Vec<RolloutEvent> {
        self.comes(Came::Ended { target: of.clone(), verdict, gives: Vec::new() })
    }

    /// What is asked of hosts as it stands.
    pub(super) fn asked(&self) -> BTreeSet<Order> {
        orders(&self.state, &self.waves)
    }

    pub(super) fn has_begun(&self, of: &Target) -> bool {
        self.state.target(of).run.is_some()
    }

    pub(super) fn is_kept_asked(&self, host: &HostName) -> bool {
        self.sent.iter().any(|order| matches!(order, Order::Reserve { host: of, .. } if of == host))
    }
}
