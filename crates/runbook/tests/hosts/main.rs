//! `runbook` on real hosts, one file a subject. What a host is, and how to look into one by hand: docs/test-hosts.md.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot set its stage fails, and what tests share runs outside of test functions"
)]

mod afar;
mod first_report;
mod hangs;
mod inspect;
mod jiti;
mod kept_down;
mod node;
mod orphans;
mod others_start;
mod power;
mod second_report;
mod signals;
mod stage;
mod starts;
mod systemd;
mod told;
mod unreached;
mod user_signals;
mod ways;
