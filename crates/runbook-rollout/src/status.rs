//! Where a target stands: one match from event to event; everything else is an illegal transition.

use crate::{How, Judged, RolloutEvent, TargetVerdict};
use serde::Serialize;

/// Where a target stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetStatus {
    /// Nothing is known.
    #[default]
    New,
    /// It has something to do.
    Judged,
    /// It is judged again once its artifacts are there.
    Later,
    /// It is told to begin.
    Intended,
    /// Its run is at work.
    Begun,
    /// Its run waits for a commit.
    Held,
    /// It is told to commit.
    Committing,
    /// It is told to go back before its commit.
    Cancelling,
    /// Its run is over, or none is needed.
    Ended(TargetVerdict),
    /// Nothing is heard of it.
    Lost,
    /// It was lost, and this is how its run ended.
    Late(TargetVerdict),
    /// It is told to go back after its commit; holds how it was counted.
    GoingBack(TargetVerdict),
    /// The same, and nobody answers.
    BackOwed(TargetVerdict),
    /// It is as it was.
    TakenBack(TargetVerdict),
    /// Something could not be taken back.
    BackStuck,
}

use TargetStatus as S;

impl TargetStatus {
    /// Whether a run of it may be at work on its host before the commit.
    pub fn in_flight(self) -> bool {
        matches!(self, S::Intended | S::Begun | S::Held | S::Committing | S::Cancelling)
    }

    /// Whether it could still begin, going by itself alone.
    pub fn may_begin(self) -> bool {
        matches!(self, S::New | S::Judged | S::Later)
    }

    /// Whether it is on its way back after its commit.
    pub(crate) fn goes_back(self) -> bool {
        matches!(self, S::GoingBack(_))
    }

    /// Whether its host has something to do for it.
    pub(crate) fn is_busy(self) -> bool {
        self.in_flight() || self.goes_back()
    }

    /// Whether something has to be asked of its host once that is back.
    pub fn is_owed(self) -> bool {
        matches!(self, S::Lost | S::BackOwed(_))
    }

    /// How it counts, going by itself alone.
    pub fn verdict(self) -> Option<TargetVerdict> {
        match self {
            S::Ended(verdict) => Some(verdict),
            S::Lost | S::Late(_) => Some(TargetVerdict::Lost),
            S::GoingBack(TargetVerdict::Ok) | S::BackOwed(TargetVerdict::Ok) => Some(TargetVerdict::BackOwed),
            S::GoingBack(was) | S::BackOwed(was) => Some(was),
            // What was counted stays counted.
            S::TakenBack(TargetVerdict::Ok) => Some(TargetVerdict::TakenBack),
            S::TakenBack(was) => Some(was),
            S::BackStuck => Some(TargetVerdict::Stuck),
            _ => None,
        }
    }

    /// Where it stands after `event`, which is one of it.
    pub(crate) fn after(self, event: &RolloutEvent) -> Option<Self> {
        let refused = S::Ended(TargetVerdict::Failed(How::Refused));
        Some(match (self, event) {
            (S::New, RolloutEvent::Judged { judged: Judged::Later, .. }) => S::Later,
            (S::New | S::Later, RolloutEvent::Judged { judged, .. }) => match judged {
                Judged::Change => S::Judged,
                Judged::NothingToDo => S::Ended(TargetVerdict::NothingToDo),
                Judged::Refused(_) => refused,
                Judged::Later => return None,
            },
            (S::New | S::Judged | S::Later, RolloutEvent::Refused { .. }) => refused,
            (S::Judged, RolloutEvent::BeginIntended { .. }) => S::Intended,
            (S::Intended, RolloutEvent::Begun { .. }) => S::Begun,
            (S::Intended | S::Begun, RolloutEvent::Held { .. }) => S::Held,
            (S::Held, RolloutEvent::CommitIntended { .. }) => S::Committing,
            (S::Intended | S::Begun | S::Held, RolloutEvent::CancelIntended { .. }) => S::Cancelling,
            (_, RolloutEvent::Ended { verdict, .. }) if !verdict.is_of_a_run() => return None,
            (now, RolloutEvent::Ended { verdict, .. }) if now.in_flight() => S::Ended(*verdict),
            (now, RolloutEvent::Lost { .. }) if now.in_flight() => S::Lost,
            (S::Lost, RolloutEvent::Ended { verdict: TargetVerdict::Stuck, .. }) => S::BackStuck,
            (S::Lost, RolloutEvent::Ended { verdict, .. }) => S::Late(*verdict),
            (S::Ended(was), RolloutEvent::BackIntended { .. }) if was.is_changed() => S::GoingBack(was),
            (S::Late(was), RolloutEvent::BackIntended { .. }) if was.is_changed() => S::GoingBack(TargetVerdict::Lost),
            (S::GoingBack(was), RolloutEvent::BackOwed { .. }) => S::BackOwed(was),
            (S::Ended(was), RolloutEvent::BackOwed { .. }) if was.is_changed() => S::BackOwed(was),
            (S::Late(was), RolloutEvent::BackOwed { .. }) if was.is_changed() => S::BackOwed(TargetVerdict::Lost),
            (S::GoingBack(was) | S::BackOwed(was), RolloutEvent::TookBack { whole: true, .. }) => S::TakenBack(was),
            (S::GoingBack(_) | S::BackOwed(_), RolloutEvent::TookBack { whole: false, .. }) => S::BackStuck,
            _ => return None,
        })
    }
}
