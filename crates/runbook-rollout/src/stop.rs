//! When a rollout stops.

use crate::{HostStatus, RolloutState, StopCause, Target, TargetVerdict, Wave, Waves};
use runbook_model::HostName;
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
        // After the last wave there is nothing left to stop.
        if failed.is_empty() || self.has_passed(waves) {
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
}
