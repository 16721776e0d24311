//! What proven hosts give to others: what the current attempt verified, or an earlier one on hosts that this one leaves as they are; and
//! only where it fits.

use crate::{Artifact, HostStatus, RolloutState, Target, TargetStatus, TargetVerdict, Wave, Waves};
use runbook_model::{Promote, RunId, StepId};
use std::collections::{BTreeMap, BTreeSet};

/// Who gives an artifact.
#[derive(Clone, Debug)]
pub(crate) struct Giver<'a> {
    pub(crate) target: &'a Target,
    /// The run that proved it.
    pub(crate) run: &'a RunId,
    pub(crate) what: &'a Artifact,
}

impl RolloutState {
    /// Who gives an artifact: of those that proved it, the first that did not fail to.
    pub(crate) fn giver<'a>(&'a self, waves: &'a Waves, artifact: &StepId) -> Option<Giver<'a>> {
        self.givers(waves, artifact).into_iter().next()
    }

    /// All that proved an artifact, those of this attempt first. What came from one is here, whatever it says later.
    pub(crate) fn givers<'a>(&'a self, waves: &'a Waves, artifact: &StepId) -> Vec<Giver<'a>> {
        let ok = self.targets.iter().filter(|(_, known)| known.status == TargetStatus::Ended(TargetVerdict::Ok));
        let own = ok.filter_map(|(target, known)| {
            let (run, what) = (known.run.as_ref()?, known.gives.get(artifact)?);
            Some((known.ended_seq, Giver { target, run, what }))
        });
        let mut own: Vec<(u64, Giver<'a>)> = own.collect();
        own.sort_by_key(|(seq, _)| *seq);
        let left = waves.proven.iter().filter(|one| one.artifact == *artifact && self.is_left(waves, &one.from));
        let before = left.map(|one| Giver { target: &one.from, run: &one.run, what: &one.what });
        let gives = |giver: &Giver<'_>| {
            let refuses = self.not_given_by.contains_key(&(artifact.clone(), giver.target.clone()));
            !refuses || self.fetched.contains(&giver.what.digest)
        };
        own.into_iter().map(|(_, giver)| giver).chain(before).filter(gives).collect()
    }

    /// Whether this attempt leaves `target` as an earlier one proved it.
    fn is_left(&self, waves: &Waves, target: &Target) -> bool {
        waves.wave_of(target).is_none() || self.status(target) == TargetStatus::Ended(TargetVerdict::NothingToDo)
    }

    /// What is given to whoever takes `artifact`.
    pub fn artifact<'a>(&'a self, waves: &'a Waves, artifact: &StepId) -> Option<&'a Artifact> {
        self.giver(waves, artifact).map(|giver| giver.what)
    }

    /// All that can be given now: proven, and with its bytes here.
    pub(crate) fn promoted<'a>(&'a self, waves: &'a Waves) -> BTreeMap<&'a StepId, &'a Artifact> {
        let ids: BTreeSet<&StepId> = waves.waves.iter().flat_map(|wave| wave.takes.keys()).collect();
        let all = ids.into_iter().filter_map(|id| Some((id, self.artifact(waves, id)?)));
        all.filter(|(_, artifact)| self.fetched.contains(&artifact.digest)).collect()
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
                return Some(format!("no host proved and gave the artifact {id}"));
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

    /// Artifacts that somebody proved and whose bytes are not here yet.
    pub(crate) fn to_fetch<'a>(&'a self, waves: &'a Waves) -> Vec<(&'a StepId, Giver<'a>)> {
        let ids: BTreeSet<&StepId> = waves.waves.iter().flat_map(|wave| &wave.gives).collect();
        let first = ids.into_iter().filter_map(|id| Some((id, self.giver(waves, id)?)));
        first.filter(|(_, giver)| !self.fetched.contains(&giver.what.digest)).collect()
    }
}
