//! What an attempt takes from the one before it: stop, mend, go on as the next attempt.

use crate::artifacts::Giver;
use crate::{Proven, RolloutState, Target, Waves};

impl Waves {
    /// The same, with what the attempt `before` proved, or had from one before it. A host hands on what its own last ok run packed if its
    /// plan is the same now, and this attempt finds nothing to do there or leaves it out.
    #[must_use]
    pub fn after(mut self, before: (&Self, &RolloutState)) -> Self {
        let (waves, state) = before;
        let all = waves.waves.iter().flat_map(|wave| &wave.gives).flat_map(|id| {
            let of = |giver: Giver<'_>| Proven {
                artifact: id.clone(),
                from: giver.target.clone(),
                run: giver.run.clone(),
                what: giver.what.clone(),
            };
            state.givers(waves, id).into_iter().map(of).collect::<Vec<_>>()
        });
        let mut proven: Vec<Proven> = Vec::new();
        for one in all.filter(|one| self.has_the_plan_of(waves, &one.from)) {
            if !proven.contains(&one) {
                proven.push(one);
            }
        }
        self.proven = proven;
        self
    }

    /// Whether `target` has the same plan as in `other`.
    pub(crate) fn has_the_plan_of(&self, other: &Self, target: &Target) -> bool {
        let plan = |waves: &Self| waves.plans.iter().find(|(of, _)| of == target).map(|(_, digest)| digest.clone());
        let own = plan(self);
        self.digest == other.digest || (own.is_some() && own == plan(other))
    }
}
