//! A rollout as its file says it: which hosts take which plan, in which stages, behind which gates. Nothing here runs.

use crate::{Allow, Entry, HostName, Span, StepId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

/// Which hosts take which plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rollout {
    /// `name:`; a later apply of the same name is the next attempt.
    pub name: String,
    /// The inventory's file, as written; relative to the rollout's own directory.
    pub inventory: String,
    /// `environment:`, as `--env` has it.
    pub environment: Option<String>,
    /// `vars:`, for the plans of all stages.
    pub vars: Vec<Entry>,
    /// How many hosts are at work at the same time.
    pub concurrency: Concurrency,
    /// A host whose run is done and proven goes back by itself after that long without a commit; `None` commits without a hold.
    pub confirm_within: Option<Duration>,
    /// How long a host may take from its begin to its end.
    pub host_deadline: Duration,
    /// How many hosts may fail before the rollout stops.
    pub max_failed: MaxFailed,
    /// What is taken back when the rollout stops.
    pub on_failure: RollbackScope,
    /// `stages:` in the order of the file.
    pub stages: Vec<Stage>,
}

/// How many hosts are at work at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concurrency {
    /// In all.
    pub estate: NonZeroU32,
    /// Behind one jump host.
    pub per_jump: Option<NonZeroU32>,
}

/// How many targeted hosts may fail; a host that cannot be reached has failed. Of a canary none may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaxFailed {
    /// Of one wave.
    pub wave: Amount,
    /// Of the whole rollout.
    pub rollout: Amount,
}

/// A number of hosts, or a share of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Amount {
    /// So many.
    Count(u32),
    /// So many of a hundred: 0 to 100.
    Percent(u8),
}

impl Default for Amount {
    fn default() -> Self {
        Self::Count(0)
    }
}

impl Amount {
    /// Of `all`, where a part of a host is none: for what may fail.
    pub fn rounded_down(self, all: usize) -> usize {
        match self {
            Self::Count(count) => (count as usize).min(all),
            Self::Percent(percent) => all * usize::from(percent) / 100,
        }
    }

    /// Of `all`, where a part of a host is a whole one: for a batch.
    pub fn rounded_up(self, all: usize) -> usize {
        match self {
            Self::Count(count) => (count as usize).min(all),
            Self::Percent(percent) => (all * usize::from(percent)).div_ceil(100),
        }
    }
}

/// What is taken back when a rollout stops; newest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RollbackScope {
    /// The host that failed, which its own run does.
    #[default]
    Host,
    /// Every host of its wave as well.
    Wave,
    /// Every host that this attempt changed.
    Promoted,
}

impl RollbackScope {
    /// All names as rollouts write them.
    pub const NAMES: [&'static str; 3] = ["host", "wave", "promoted"];
}

/// Hosts that take one plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Its id.
    pub id: StepId,
    /// Where the id stands.
    pub span: Span,
    /// Whether its hosts prove the change before any other takes it.
    pub canary: bool,
    /// Stages that must be done before, each with the place that says so.
    pub needs: Vec<(StepId, Span)>,
    /// Which hosts of the inventory.
    pub hosts: StageHosts,
    /// The plan's file, as written; relative to the rollout's own directory.
    pub plan: String,
    /// Where that stands.
    pub plan_span: Span,
    /// `vars:` of the stage, which win over those of the rollout; `artifacts.NAME.path` and `artifacts.NAME.digest` stay templates.
    pub vars: Vec<Entry>,
    /// What a proven host of the stage gives to later ones: ids of steps of its plan that promote, each with its place.
    pub artifacts: Vec<(StepId, Span)>,
    /// What its hosts take of what stages above it give.
    pub promote: Vec<Promotion>,
    /// How long it is watched after the commit.
    pub soak: Option<Duration>,
    /// Who has to approve before it begins.
    pub approve: Option<ApproveGate>,
    /// The sizes of its waves, at least one; the last repeats.
    pub batches: Vec<Amount>,
    /// Exceptions from refusals, each with its reason.
    pub allow: Vec<Allow>,
}

impl Stage {
    /// Its hosts, wave by wave; a host is in one.
    pub fn waves(&self) -> Vec<&[HostName]> {
        let (mut waves, mut left) = (Vec::new(), self.hosts.names.as_slice());
        let mut batches = self.batches.iter();
        let mut batch = Amount::Percent(100);
        while !left.is_empty() {
            batch = batches.next().copied().unwrap_or(batch);
            let size = batch.rounded_up(self.hosts.names.len()).clamp(1, left.len());
            let (wave, rest) = left.split_at(size);
            waves.push(wave);
            left = rest;
        }
        waves
    }
}

impl Rollout {
    /// The stage called `id`.
    pub fn stage(&self, id: &StepId) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.id == *id)
    }

    /// The stages that have to be done before `stage` begins, directly or through others, in the order of the file.
    pub fn above(&self, stage: &Stage) -> Vec<&Stage> {
        let mut above: BTreeSet<&StepId> = BTreeSet::new();
        let mut open = vec![stage];
        while let Some(stage) = open.pop() {
            let new = stage.needs.iter().map(|(id, _)| id).filter(|id| above.insert(id));
            open.extend(new.filter_map(|id| self.stage(id)).collect::<Vec<_>>());
        }
        self.stages.iter().filter(|stage| above.contains(&stage.id)).collect()
    }
}

/// An artifact that the hosts of a stage take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotion {
    /// The step of an earlier stage's plan that made it.
    pub artifact: StepId,
    /// Where the stage says so.
    pub span: Span,
    /// Where it may go.
    pub to: Promote,
}

/// Which hosts a stage takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageHosts {
    /// Their names in the order of the inventory; at least one.
    pub names: Vec<HostName>,
    /// Where the rollout says which.
    pub span: Span,
}

/// Where an artifact may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Promote {
    /// To hosts of the platform that it was proven on.
    SamePlatform,
    /// To any host: it has nothing of a platform in it.
    Any,
}

impl Promote {
    /// All names as rollouts write them.
    pub const NAMES: [&'static str; 2] = ["same-platform", "any"];
}

/// A gate that a person opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApproveGate {
    /// Who may; anybody if empty.
    pub by: Vec<String>,
    /// How long it is waited for, and how long an approval counts.
    pub within: Duration,
}

#[cfg(test)]
mod tests {
    use super::Amount;

    #[test]
    fn a_share_of_a_batch_is_rounded_up_and_one_of_what_may_fail_down() {
        let of = |amount: Amount, all| (amount.rounded_up(all), amount.rounded_down(all));
        assert_eq!(of(Amount::Percent(25), 5), (2, 1));
        assert_eq!(of(Amount::Percent(100), 5), (5, 5));
        assert_eq!(of(Amount::Count(9), 5), (5, 5));
    }
}
