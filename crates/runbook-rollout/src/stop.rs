//! When a rollout stops, and what is taken back then.

use crate::{HostStatus, RolloutState, StopCause, Target, TargetStatus, TargetVerdict, Wave, Waves};
use runbook_model::{HostName, RollbackScope};
use std::collections::BTreeSet;

impl RolloutState {
    /// The targets of a wave, or of all, that failed.
    pub(crate) fn failed<'a>(&'a self, waves: &'a Waves, wave: Option<usize>) -> impl Iterator<Item = Target> + 'a {
        let targets = waves.targets().filter(move |(at, _)| wave.is_none_or(|wave| wave == *at));
        targets.map(|(_, target)| target).filter(|target| self.verdict(target).is_some_and(TargetVerdict::is_failure))
    }

    /// How many distinct hosts failed.
    pub(crate) fn failed_hosts(&self, waves: &Waves, wave: Option<usize>) -> usize {
        self.failed(waves, wave).map(|target| target.host).collect::<BTreeSet<HostName>>().len()
    }

    /// Why nothing more may begin.
    pub(crate) fn must_stop(&self, waves: &Waves) -> Option<StopCause> {
        if self.back_asked {
            return Some(StopCause::TakenBack);
        }
        if self.cancelling {
            return Some(StopCause::Cancelled);
        }
        let failed: Vec<Target> = self.failed(waves, None).collect();
        if failed.is_empty() {
            return None;
        }
        let stuck = failed.iter().find(|target| self.verdict(target) == Some(TargetVerdict::Stuck));
        if let Some(target) = stuck {
            return Some(StopCause::Stuck { target: target.clone() });
        }
        // Somebody else's host; nothing was changed yet, so all or nothing.
        let kept = self.hosts.iter().find(|(_, host)| matches!(host.status, HostStatus::Kept { .. }));
        if let Some((host, _)) = kept.filter(|_| !self.has_begun()) {
            return Some(StopCause::Kept { host: host.clone() });
        }
        let canaries = waves.waves.iter().filter(|wave| wave.canary).flat_map(Wave::targets);
        if let Some(target) = canaries.into_iter().find(|target| failed.contains(target)) {
            return Some(StopCause::Canary { target });
        }
        for (at, wave) in waves.waves.iter().enumerate() {
            let failed = self.failed_hosts(waves, Some(at));
            if failed > wave.max_failed {
                return Some(StopCause::Wave { wave: at, failed });
            }
        }
        let failed = self.failed_hosts(waves, None);
        (failed > waves.max_failed).then_some(StopCause::Rollout { failed })
    }

    /// Whether `target` is taken back as the rollout stands: what is committed of the scope, and whatever was lost and turns out to be
    /// changed.
    pub(crate) fn is_covered(&self, waves: &Waves, target: &Target) -> bool {
        match self.status(target) {
            TargetStatus::Late(TargetVerdict::Ok) => return true,
            TargetStatus::Ended(TargetVerdict::Ok) | TargetStatus::Held => {}
            _ => return false,
        }
        match (&self.stopped, self.back_asked) {
            (None, _) => false,
            (Some(_), true) => true,
            (Some(StopCause::NotApproved { .. } | StopCause::Kept { .. }), _) => false,
            (Some(_), false) => match waves.on_failure {
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

    /// What is taken back next: the newest commit, past failures.
    pub(crate) fn next_back(&self, waves: &Waves) -> Option<Target> {
        let covered = waves
            .targets()
            .map(|(_, target)| target)
            .filter(|target| self.status(target) != TargetStatus::Held && self.is_covered(waves, target));
        covered.max_by_key(|target| self.target(target).ended_seq)
    }
}
