//! What a rollout asks of which hosts, with limits and budgets as numbers. Made once, and kept with the attempt.

use crate::{Proven, Target};
use runbook_model::{ApproveGate, HostName, MaxFailed, Promote, RollbackScope, Rollout, RunId, Stage, StepId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What an attempt at a rollout does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Waves {
    /// The name of the rollout.
    pub rollout: String,
    /// The digest of the rollout and of all that it was made from.
    pub digest: String,
    /// Which apply of that name this is, from 1.
    pub attempt: u32,
    /// Drawn at random for the attempt: what the ids of its runs are derived from.
    pub seed: u64,
    /// How many hosts are at work at the same time.
    pub limits: Limits,
    /// Within what time a run that holds is to be committed; `None` commits without a hold.
    pub confirm_within: Option<Duration>,
    /// How long a host may take from its begin to its end.
    pub host_deadline: Duration,
    /// How much may fail, as the file says it; a part of the rollout has a part of it.
    pub budget: MaxFailed,
    /// How many distinct hosts may fail.
    pub max_failed: usize,
    /// What is taken back when it stops.
    pub on_failure: RollbackScope,
    /// In the order of the file, those of a stage one after the other.
    pub waves: Vec<Wave>,
    /// The jump host of each host that has one.
    pub jumps: BTreeMap<HostName, String>,
    /// The digest of the plan of each target, with all that it was made from; also of targets that are left out.
    pub plans: Vec<(Target, String)>,
    /// What earlier attempts proved, those of each artifact in the order in which they are asked; see [`Waves::after`].
    pub proven: Vec<Proven>,
}

/// How many hosts are at work at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// In all.
    pub estate: usize,
    /// Behind one jump host.
    pub per_jump: Option<usize>,
}

/// Hosts of a stage that begin together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wave {
    /// Its stage.
    pub stage: StepId,
    /// Which of the stage it is, from 0.
    pub number: usize,
    /// Whether its hosts prove the change before any other takes it.
    pub canary: bool,
    /// The waves that have to be passed before, by their place in the list.
    pub after: BTreeSet<usize>,
    /// Its hosts.
    pub hosts: Vec<HostName>,
    /// How many of them may fail.
    pub max_failed: usize,
    /// How long it is watched after its last commit.
    pub soak: Option<Duration>,
    /// Who has to approve before the first wave of the stage opens that has a host with something to do.
    pub approve: Option<ApproveGate>,
    /// What a host of its stage gives to later ones.
    pub gives: Vec<StepId>,
    /// What its hosts take.
    pub takes: BTreeMap<StepId, Promote>,
}

/// What the file of a rollout does not say.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// The digest of the rollout and of all that it was made from.
    pub digest: String,
    /// Which apply of that name this is, from 1.
    pub attempt: u32,
    /// Drawn at random for the attempt, see [`Waves::run_id`].
    pub seed: u64,
    /// The jump host of each host that has one, by ssh's own reading.
    pub jumps: BTreeMap<HostName, String>,
    /// The digest of the plan of each target, with all that it was made from.
    pub plans: Vec<(Target, String)>,
}

/// Why a rollout has no waves.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WavesError {
    /// Stages wait for one another.
    #[error("stage {0} waits for itself")]
    Cycle(StepId),
    /// A stage waits for one that is not there.
    #[error("stage {stage} waits for {needs}, which is not there")]
    NoSuchStage {
        /// Who waits.
        stage: StepId,
        /// For what.
        needs: StepId,
    },
}

impl Waves {
    /// What `rollout` asks for.
    ///
    /// # Errors
    /// Its stages wait for one another, or for one that is not there.
    pub fn of(rollout: &Rollout, given: Given) -> Result<Self, WavesError> {
        let above = above(rollout)?;
        let mut waves: Vec<Wave> = Vec::new();
        let mut places: BTreeMap<&StepId, Vec<usize>> = BTreeMap::new();
        for stage in &rollout.stages {
            for (number, hosts) in stage.waves().into_iter().enumerate() {
                places.entry(&stage.id).or_default().push(waves.len());
                waves.push(wave(stage, number, hosts.to_vec()));
            }
        }
        let last = |stage: &StepId| places.get(stage).and_then(|all| all.last()).copied();
        let before = before(&rollout.stages, above);
        for stage in &rollout.stages {
            let own = places.get(&stage.id).cloned().unwrap_or_default();
            let before: BTreeSet<usize> =
                before.get(&stage.id).into_iter().flatten().filter_map(|id| last(id)).collect();
            for (number, at) in own.iter().enumerate() {
                let previous = number.checked_sub(1).and_then(|previous| own.get(previous)).copied();
                if let Some(wave) = waves.get_mut(*at) {
                    wave.after = previous.map_or_else(|| before.clone(), |one| BTreeSet::from([one]));
                }
            }
        }
        let all = Self {
            rollout: rollout.name.clone(),
            digest: given.digest,
            attempt: given.attempt,
            seed: given.seed,
            limits: Limits {
                estate: rollout.concurrency.estate.get() as usize,
                per_jump: rollout.concurrency.per_jump.map(|limit| limit.get() as usize),
            },
            confirm_within: rollout.confirm_within,
            host_deadline: rollout.host_deadline,
            budget: rollout.max_failed,
            max_failed: 0,
            on_failure: rollout.on_failure,
            waves,
            jumps: given.jumps,
            plans: given.plans,
            proven: Vec::new(),
        };
        Ok(all.counted())
    }

    /// The same, with the budgets of the hosts that it has.
    pub(crate) fn counted(mut self) -> Self {
        self.max_failed = self.budget.rollout.rounded_down(self.hosts().len());
        for wave in &mut self.waves {
            let most = self.budget.wave.rounded_down(wave.hosts.len());
            wave.max_failed = if wave.canary { 0 } else { most };
        }
        self
    }

    /// All targets, in the order in which they may begin.
    pub fn targets(&self) -> impl Iterator<Item = (usize, Target)> {
        let all = self.waves.iter().enumerate();
        all.flat_map(|(at, wave)| wave.targets().map(move |target| (at, target)))
    }

    /// The hosts, by name.
    pub fn hosts(&self) -> BTreeSet<&HostName> {
        self.waves.iter().flat_map(|wave| &wave.hosts).collect()
    }

    /// All hosts that something is asked of: those, and such as only give what an earlier attempt proved there.
    pub fn asked_hosts(&self) -> BTreeSet<&HostName> {
        let giving = self.proven.iter().map(|one| &one.from.host);
        self.hosts().into_iter().chain(giving).collect()
    }

    /// The wave that `target` is in, and its place.
    pub fn wave_of(&self, target: &Target) -> Option<(usize, &Wave)> {
        let holds = |wave: &Wave| wave.stage == target.stage && wave.hosts.contains(&target.host);
        self.waves.iter().enumerate().find(|(_, wave)| holds(wave))
    }

    /// The id of the run of `target`. Whoever goes on with the attempt comes to the same one, so that a begin that nobody answered is
    /// asked for, and made at most once; a controller of another machine, or one whose journal was lost, comes to others.
    pub fn run_id(&self, target: &Target) -> RunId {
        let mut hash = blake3::Hasher::new();
        hash.update(&self.seed.to_le_bytes());
        for part in [&self.rollout, target.stage.as_str(), target.host.as_str(), &self.attempt.to_string()] {
            hash.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
        let mut bytes = [0; 10];
        bytes.iter_mut().zip(hash.finalize().as_bytes()).for_each(|(to, from)| *to = *from);
        RunId::from_entropy(bytes)
    }

    /// The waves that come before the one at `at`, however far above.
    pub fn above(&self, at: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut open: Vec<usize> = vec![at];
        while let Some(wave) = open.pop().and_then(|at| self.waves.get(at)) {
            open.extend(wave.after.iter().filter(|above| found.insert(**above)));
        }
        found
    }
}

impl Wave {
    /// Its hosts as targets.
    pub fn targets(&self) -> impl Iterator<Item = Target> {
        self.hosts.iter().map(|host| Target { stage: self.stage.clone(), host: host.clone() })
    }
}

fn wave(stage: &Stage, number: usize, hosts: Vec<HostName>) -> Wave {
    Wave {
        stage: stage.id.clone(),
        number,
        canary: stage.canary,
        after: BTreeSet::new(),
        max_failed: 0,
        hosts,
        soak: stage.soak,
        approve: stage.approve.clone(),
        gives: stage.artifacts.iter().map(|(id, _)| id.clone()).collect(),
        takes: stage.promote.iter().map(|one| (one.artifact.clone(), one.to)).collect(),
    }
}

/// All stages above each one.
fn above(rollout: &Rollout) -> Result<BTreeMap<&StepId, BTreeSet<&StepId>>, WavesError> {
    let mut all = BTreeMap::new();
    for stage in &rollout.stages {
        if let Some((needs, _)) = stage.needs.iter().find(|(id, _)| rollout.stage(id).is_none()) {
            return Err(WavesError::NoSuchStage { stage: stage.id.clone(), needs: needs.clone() });
        }
        let above: BTreeSet<&StepId> = rollout.above(stage).into_iter().map(|above| &above.id).collect();
        if above.contains(&stage.id) {
            return Err(WavesError::Cycle(stage.id.clone()));
        }
        all.insert(&stage.id, above);
    }
    Ok(all)
}

/// What stages wait for: what they need; and with no canary above, which only an exception allows, each canary that does not wait for
/// them by then, so that nothing waits for itself.
fn before<'a>(
    stages: &'a [Stage],
    mut above: BTreeMap<&'a StepId, BTreeSet<&'a StepId>>,
) -> BTreeMap<&'a StepId, BTreeSet<&'a StepId>> {
    let of = |stage: &'a Stage| (&stage.id, stage.needs.iter().map(|(id, _)| id).collect());
    let mut before: BTreeMap<&StepId, BTreeSet<&StepId>> = stages.iter().map(of).collect();
    let canaries: Vec<&StepId> = stages.iter().filter(|stage| stage.canary).map(|stage| &stage.id).collect();
    let under = |stage: &&Stage| {
        let above = above.get(&stage.id);
        !stage.canary && !canaries.iter().any(|canary| above.is_some_and(|above| above.contains(canary)))
    };
    for stage in stages.iter().filter(under).collect::<Vec<_>>() {
        for canary in &canaries {
            if above.get(canary).is_some_and(|above| above.contains(&stage.id)) {
                continue;
            }
            before.entry(&stage.id).or_default().insert(canary);
            let more: BTreeSet<&StepId> = above.get(canary).into_iter().flatten().copied().chain([*canary]).collect();
            let below = above.iter_mut().filter(|(id, above)| **id == &stage.id || above.contains(&stage.id));
            below.for_each(|(_, above)| above.extend(&more));
        }
    }
    before
}
