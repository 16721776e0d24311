//! The kinds of this crate under the laws that every kind obeys: one file a group of kinds, one function a case.
//!
//! A group ends with `scenarios!`, which makes a test of each case. A kind without a scenario fails `every_kind_has_a_scenario`.

#![expect(clippy::unwrap_used, reason = "what the tests share runs outside of test functions")]

mod parameters;
mod permissions;

use conformance::World;
use runbook_kinds::KINDS;

conformance::table! {
    KINDS;
    artifacts,
    backups,
    commands,
    files,
    gates,
    json,
    ports,
    units,
}

fn world() -> World {
    World::of(&[KINDS])
}
