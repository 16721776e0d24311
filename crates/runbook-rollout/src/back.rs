//! The way back of a rollout: what its scope names, and in which order. On one host nothing goes back under what is newer there.

use crate::{RolloutState, StopCause, Target, TargetStatus, TargetVerdict, Waves};
use runbook_model::RollbackScope;

impl StopCause {
    /// Whether nothing failed, so that there is nothing to take back.
    pub(crate) fn is_harmless(&self) -> bool {
        matches!(self, Self::NotApproved { .. } | Self::Kept { .. })
    }
}

impl RolloutState {
    /// Whether `target` is taken back as the rollout stands: what its run left changed and the scope names, and whatever was lost and
    /// turns out to be committed.
    pub(crate) fn is_covered(&self, waves: &Waves, target: &Target) -> bool {
        match self.status(target) {
            TargetStatus::Late(TargetVerdict::Ok) => return true,
            TargetStatus::Ended(was) | TargetStatus::Late(was) if was.is_changed() => {}
            TargetStatus::Held => {}
            _ => return false,
        }
        match &self.stopped {
            None => false,
            Some(_) if self.back_asked => true,
            // What was lost by then goes back alone.
            Some(because) if because.is_harmless() || self.has_passed(waves) => false,
            Some(_) => match waves.on_failure {
                RollbackScope::Host => self.cancelling && self.status(target) == TargetStatus::Held,
                RollbackScope::Wave => waves.wave_of(target).is_some_and(|(at, _)| self.wave_failed(waves, at)),
                RollbackScope::Promoted => true,
            },
        }
    }

    /// Whether a wave that is not passed has a host that failed.
    fn wave_failed(&self, waves: &Waves, at: usize) -> bool {
        let passed = self.waves.get(&at).is_some_and(|wave| wave.passed);
        !passed && self.failed(waves, Some(at)).next().is_some()
    }

    /// Whether all waves are passed.
    pub(crate) fn has_passed(&self, waves: &Waves) -> bool {
        (0..waves.waves.len()).all(|at| self.waves.get(&at).is_some_and(|wave| wave.passed))
    }

    /// What is taken back next: the newest, past failures; nothing as long as something lies upon it.
    pub(crate) fn next_back(&self, waves: &Waves) -> Option<Target> {
        let newest = self.to_go_back(waves).max_by_key(|target| self.target(target).ended_seq)?;
        let is_free = self.upon(waves, &newest).next().is_none();
        is_free.then_some(newest)
    }

    /// What cannot be taken back before something newer on its host is, and nobody knows when that will be.
    pub(crate) fn next_owed(&self, waves: &Waves) -> Option<Target> {
        use TargetStatus as S;
        let waits = |status| matches!(status, S::Lost | S::BackOwed(_) | S::BackStuck | S::Ended(TargetVerdict::Stuck));
        self.to_go_back(waves).find(|target| self.upon(waves, target).any(|upon| waits(self.status(upon))))
    }

    fn to_go_back<'a>(&'a self, waves: &'a Waves) -> impl Iterator<Item = Target> + 'a {
        let covered = |target: &Target| self.status(target) != TargetStatus::Held && self.is_covered(waves, target);
        waves.targets().map(|(_, target)| target).filter(covered)
    }

    /// What is newer on the host of `target`, and neither back nor to stay.
    pub(crate) fn upon<'a>(&'a self, waves: &'a Waves, target: &'a Target) -> impl Iterator<Item = &'a Target> {
        use TargetStatus as S;
        let own = self.target(target).ended_seq;
        let others = self.of_host(&target.host).filter(move |(other, _)| *other != target);
        let upon = others.filter(move |(other, known)| match known.status {
            // A host has one run at a time, and after one that is lost none.
            S::Lost => true,
            status if status.in_flight() => true,
            S::GoingBack(_) | S::BackOwed(_) | S::BackStuck | S::Ended(TargetVerdict::Stuck) => known.ended_seq > own,
            _ => known.ended_seq > own && self.is_covered(waves, other),
        });
        upon.map(|(other, _)| other)
    }
}
