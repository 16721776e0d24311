//! The ordering rules: one file each, one line of [`RULES`] each.

mod collect;
mod step_set;
mod wish;

pub(crate) use collect::{Wishes, wishes};
use wish::{Scene, Wish};

use runbook_model::OrderingRule;

/// A named reason for edges.
struct Rule {
    name: OrderingRule,
    wishes: fn(&Scene<'_>) -> Vec<Wish>,
}

rules! {
    /// All ordering rules, in the order of a maintenance.
    RULES:
    inspect_before_change,
    backup_before_change,
    prepare_before_stop,
    stop_before_replace,
    clear_cache_while_stopped,
    free_port_before_start,
    start_before_verify,
    verify_before_promote,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_the_vocabulary_is_in_the_table_once() {
        let names: Vec<OrderingRule> = RULES.iter().map(|rule| rule.name).collect();
        assert_eq!(names, OrderingRule::ALL);
    }
}
