//! A part of a rollout: `--limit`, and `--retry-failed`.

use crate::{RolloutState, Target, Waves};
use runbook_model::StepId;

/// Why a part of a rollout cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NarrowError {
    /// A canary would be left out that nobody proved.
    #[error(
        "stage {stage} would begin without {target}, which is a canary above it and was not ok in the attempt before"
    )]
    WithoutCanary {
        /// What would begin.
        stage: StepId,
        /// The canary.
        target: Target,
    },
    /// Nothing would be left.
    #[error("no host is left")]
    Nothing,
}

impl Waves {
    /// Only the targets that `wanted` names. A canary may be left out if the attempt `before` at the same rollout proved it; what its
    /// host gave is then [taken from there](Self::after). Budgets are those of the hosts that are left.
    ///
    /// # Errors
    /// A canary that nobody proved would be left out, or nothing is left.
    pub fn only(
        mut self,
        wanted: impl Fn(&Target) -> bool,
        before: Option<(&Self, &RolloutState)>,
    ) -> Result<Self, NarrowError> {
        let proved = |target: &Target| {
            before.is_some_and(|(waves, state)| {
                self.has_the_plan_of(waves, target) && state.verdict(target).is_some_and(|verdict| verdict.is_good())
            })
        };
        for (at, wave) in self.waves.iter().enumerate().filter(|(_, wave)| wave.targets().any(|target| wanted(&target)))
        {
            let canaries =
                self.above(at).into_iter().filter_map(|above| self.waves.get(above)).filter(|above| above.canary);
            let left_out = canaries.flat_map(|canary| canary.targets().collect::<Vec<_>>());
            if let Some(target) = left_out.into_iter().find(|target| !wanted(target) && !proved(target)) {
                return Err(NarrowError::WithoutCanary { stage: wave.stage.clone(), target });
            }
        }
        if let Some(before) = before {
            self = self.after(before);
        }
        for wave in &mut self.waves {
            let stage = wave.stage.clone();
            wave.hosts.retain(|host| wanted(&Target { stage: stage.clone(), host: host.clone() }));
        }
        if self.waves.iter().all(|wave| wave.hosts.is_empty()) {
            return Err(NarrowError::Nothing);
        }
        Ok(self.counted())
    }
}
