//! The page about the rules names every rule that there is.

use runbook_model::{OrderingRule, Refusal};

#[test]
fn every_rule_has_its_heading() {
    let page = include_str!("../../../../docs/rules.md");
    let names = OrderingRule::ALL.iter().map(|rule| rule.name()).chain(Refusal::ALL.iter().map(|rule| rule.name()));
    for name in names {
        assert!(page.lines().any(|line| line == format!("### {name}")), "docs/rules.md lacks a heading for {name}");
    }
    for refusal in Refusal::ALL {
        assert!(page.contains(refusal.code().as_str()), "docs/rules.md does not name the code of {refusal}");
    }
}
