//! What proven hosts give to others: only what the current attempt verified, or an earlier one on hosts that this one leaves as they
//! are, and only where it fits.

use crate::{Artifact, HostStatus, RolloutState, Target, Waves};
use runbook_model::{Promote, StepId};

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
        givers.flat_map(|wave| wave.targets().collect::<Vec<_>>()).any(|target| self.target(&target).run.is_some())
    }

    /// Whether the bytes of `artifact` are here.
    pub(crate) fn is_here(&self, waves: &Waves, artifact: &StepId) -> bool {
        self.fetched.contains(artifact) || (self.giver(artifact).is_none() && waves.proven.contains_key(artifact))
    }

    /// Why `target` cannot have what it takes, once the stages that give it are done.
    pub(crate) fn lacks(&self, waves: &Waves, target: &Target) -> Option<String> {
        let (_, wave) = waves.wave_of(target)?;
        wave.takes.iter().find_map(|(id, promote)| self.misfit(waves, target, id, *promote))
    }

    fn misfit(&self, waves: &Waves, target: &Target, id: &StepId, promote: Promote) -> Option<String> {
        let Some(artifact) = self.artifact(waves, id).filter(|_| self.is_here(waves, id)) else {
            return Some(format!("no host of this attempt proved and gave the artifact {id}"));
        };
        let HostStatus::There(own) = self.host(&target.host).status else { return None };
        let other = artifact.platform.as_ref().filter(|platform| **platform != own);
        let other = other.filter(|_| promote == Promote::SamePlatform)?;
        Some(format!("the artifact {id} was proven on {other}, and {} is {own}", target.host))
    }

    /// Whether `target` was given all that it takes.
    pub(crate) fn has_its_artifacts(&self, waves: &Waves, target: &Target) -> bool {
        let given = self.target(target).given;
        waves.wave_of(target).is_some_and(|(_, wave)| wave.takes.keys().all(|id| given.contains(id)))
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
