//! The kinds of all managers under the laws that every kind obeys.

#![expect(clippy::unwrap_used, reason = "what the tests share runs outside of test functions")]

use conformance::World;
use runbook_services::KINDS;

conformance::table! {
    KINDS;
    launchd,
    process,
    systemd,
}

fn world() -> World {
    World::of(&[KINDS]).supervised_by(conformance::own_program())
}

conformance::supervisor!(runbook_services::process::supervise);
