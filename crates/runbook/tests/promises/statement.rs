//! The last lines are true of the host, not only of the steps.

use crate::bench::{Bench, SIMPLE};

#[test]
fn a_plan_that_changed_nothing_says_so() {
    let bench = Bench::new();
    let plan = bench.plan("simple", SIMPLE);
    bench.expect(0, &["apply", &plan, "--yes"]);
    bench.expect(0, &["apply", &plan, "--yes"]).says(&["Nothing to do"]);
}
