//! `runbook` on real hosts, one file a subject. What a host is, and how to look into one by hand: docs/test-hosts.md.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its stage fails")]

mod power;
mod signals;
mod stage;
