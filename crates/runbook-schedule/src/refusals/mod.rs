//! The refusals: one file each, one line of [`REFUSALS`] each. What an `allow` of the step excepts is not reported.

mod case;
mod verification;

use case::Case;
pub(crate) use case::{Scene, check, parameter};

use runbook_model::Refusal;

/// A rule that refuses plans.
struct Rule {
    name: Refusal,
    cases: fn(&Scene<'_>) -> Vec<Case>,
}

rules! {
    /// The refusals that concern a plan. `canary-first` and `same-platform` concern rollouts.
    REFUSALS:
    change_needs_backup,
    change_needs_undo,
    undo_needs_no_network,
    verify_is_functional,
    verify_is_negative,
    exact_version,
    exact_target,
    narrow_kill,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_of_the_vocabulary_is_in_the_table_or_concerns_rollouts() {
        let mut names: Vec<Refusal> = REFUSALS.iter().map(|rule| rule.name).collect();
        names.extend([Refusal::CanaryFirst, Refusal::SamePlatform]);
        assert_eq!(names, Refusal::ALL);
    }
}
