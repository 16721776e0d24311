//! `runbook` on real hosts, one file a subject. What a host is, and how to look into one by hand: docs/test-hosts.md.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test that cannot set its stage fails, and what tests share runs outside of test functions"
)]

mod first_report;
#[expect(dead_code, unused_macros, unused_imports, reason = "these scenarios need a part of it")]
#[path = "../conformance/harness.rs"]
mod harness;
mod inspect;
mod jiti;
mod kept_down;
mod laws;
mod node;
mod orphans;
mod others_start;
mod power;
mod signals;
mod stage;
mod starts;
mod systemd;
mod told;
#[path = "../conformance/scenarios/systemd.rs"]
mod units;
mod user_signals;
#[expect(dead_code, reason = "these scenarios need a part of it")]
#[path = "../conformance/world.rs"]
mod world;
