//! What proven hosts give to others: only what the current attempt verified, or an earlier one on hosts that this one leaves as they
//! are, and only where it fits.

use crate::{Artifact, HostStatus, RolloutState, Target, Wave, Waves};
use runbook_model::{Promote, StepId};
use std::collections::{BTreeMap, BTreeSet};

impl RolloutState {
    /// Who gives an artifact: of those that proved it, the first that did not fail to.
    pub(crate) fn giver(&self, artifact: &StepId) -> Option<Target> {
        let gives = self.targets.iter().filter(|(target, known)| {
            known.status == crate::TargetStatus::Ended(crate::TargetVerdict::Ok)
                && known.gives.contains_key(artifact)
                && !self.not_given_by.contains(&(artifact.clone(), (*target).clone()))
        });
        gives.min_by_key(|(_, known)| known.ended_seq).map(|(target, _)| target.clone())
    }

    /// What is given to whoever takes `artifact`.
    pub fn artifact<'a>(&'a self, waves: &'a Waves, artifact: &StepId) -> Option<&'a Artifact> {
        match self.giver(artifact) {
            Some(from) => self.targets.get(&from).and_then(|known| known.gives.get(artifact)),
            // Whatever this attempt changed where it came from, it is not that any more.
            None if self.was_changed(waves, artifact) => None,
            None => waves.proven.get(artifact),
        }
    }

    fn was_changed(&self, waves: &Waves, artifact: &StepId) -> bool {
        let givers = waves.waves.iter().filter(|wave| wave.gives.contains(artifact));
        givers.flat_map(Wave::targets).any(|target| self.known(&target).is_some_and(|known| known.run.is_some()))
    }

    /// All that can be given now: proven, and with its bytes here.
    pub(crate) fn promoted<'a>(&'a self, waves: &'a Waves) -> BTreeMap<&'a StepId, &'a Artifact> {
        let ids: BTreeSet<&StepId> = waves.waves.iter().flat_map(|wave| wave.takes.keys()).collect();
        let here = |id: &StepId| self.fetched.contains(id) || self.giver(id).is_none();
        ids.into_iter().filter(|id| here(id)).filter_map(|id| Some((id, self.artifact(waves, id)?))).collect()
    }

    /// Why `target` of `wave` cannot have what it takes, once the stages that give it are done.
    pub(crate) fn lacks(
        &self,
        promoted: &BTreeMap<&StepId, &Artifact>,
        wave: &Wave,
        target: &Target,
    ) -> Option<String> {
        wave.takes.iter().find_map(|(id, promote)| {
            let Some(artifact) = promoted.get(id) else {
                return Some(format!("no host of this attempt proved and gave the artifact {id}"));
            };
            let Some(HostStatus::There(own)) = self.hosts.get(&target.host).map(|host| &host.status) else {
                return None;
            };
            let other = artifact.platform.as_ref().filter(|platform| *platform != own);
            let other = other.filter(|_| *promote == Promote::SamePlatform)?;
            Some(format!("the artifact {id} was proven on {other}, and {} is {own}", target.host))
        })
    }

    /// Whether `target` of `wave` was given all that it takes.
    pub(crate) fn has_its_artifacts(&self, wave: &Wave, target: &Target) -> bool {
        let given = self.known(target).map(|known| &known.given);
        wave.takes.keys().all(|id| given.is_some_and(|given| given.contains(id)))
    }

    /// Artifacts that a host of the wave's stage proved and whose bytes are not here yet.
    pub(crate) fn to_fetch(&self, waves: &Waves) -> Vec<(StepId, Target)> {
        let mut found: Vec<(StepId, Target)> = Vec::new();
        for id in waves.waves.iter().flat_map(|wave| &wave.gives) {
            if let Some(from) = self.giver(id).filter(|_| !self.fetched.contains(id)) {
                found.push((id.clone(), from));
            }
        }
        found.dedup();
        found
    }
}
