//! The ordering rules: one file each, one line of [`RULES`] each.

mod backup_before_change;
mod clear_cache_while_stopped;
mod collect;
mod crowd;
mod free_port_before_start;
mod inspect_before_change;
mod start_before_verify;
mod stop_before_replace;
mod verify_before_promote;
mod wish;

pub(crate) use collect::{Wishes, wishes};
use wish::{Scene, Wish};

use runbook_model::OrderingRule;

/// A named reason for edges.
struct Rule {
    name: OrderingRule,
    wishes: fn(&Scene<'_>) -> Vec<Wish>,
}

/// All ordering rules, in the order of a maintenance.
const RULES: &[Rule] = &[
    inspect_before_change::RULE,
    backup_before_change::RULE,
    stop_before_replace::RULE,
    clear_cache_while_stopped::RULE,
    free_port_before_start::RULE,
    start_before_verify::RULE,
    verify_before_promote::RULE,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_the_vocabulary_is_in_the_table_once() {
        let names: Vec<OrderingRule> = RULES.iter().map(|rule| rule.name).collect();
        assert_eq!(names, OrderingRule::ALL);
    }
}
