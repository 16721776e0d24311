//! The npm kinds under the laws that every kind obeys, and what they say of parameters.

#![expect(clippy::unwrap_used, reason = "what the tests share runs outside of test functions")]

mod parameters;

use conformance::World;
use runbook_npm::KINDS;

conformance::table! {
    KINDS;
    npm,
    staged,
}

fn world() -> World {
    World::of(&[KINDS])
}
