//! The refusals: one file each, one line of [`REFUSALS`] each. What an `allow` of the step excepts is not reported.

mod case;
mod change_needs_backup;
mod change_needs_undo;
mod exact_target;
mod exact_version;
mod narrow_kill;
mod undo_needs_no_network;
mod verification;
mod verify_is_functional;
mod verify_is_negative;

use case::Case;
pub(crate) use case::{Scene, check, parameter};

use runbook_model::Refusal;

/// A rule that refuses plans.
struct Rule {
    name: Refusal,
    cases: fn(&Scene<'_>) -> Vec<Case>,
}

/// The refusals that concern a plan. `canary-first` and `same-platform` concern rollouts.
const REFUSALS: &[Rule] = &[
    change_needs_backup::RULE,
    change_needs_undo::RULE,
    undo_needs_no_network::RULE,
    verify_is_functional::RULE,
    verify_is_negative::RULE,
    exact_version::RULE,
    exact_target::RULE,
    narrow_kill::RULE,
];

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
