//! Scenarios that need `launchctl`: each has a stand-in for launchd of its own on its PATH.

use crate::{Scenario, World, reexec};
use std::process::Command;
use test_launchd::{StandIn, Style};

/// Set for the program that was started again.
const INSIDE: &str = "RUNBOOK_BESIDE_A_STAND_IN";

/// Tries the laws on a scenario whose test is called `name`.
///
/// # Panics
///
/// Where a law is broken.
pub fn tried(name: &str, scenario: fn() -> Scenario, world: fn() -> World) {
    if std::env::var_os(INSIDE).is_some() {
        return scenario().obeys_the_laws(world);
    }
    let launchd = StandIn::new(Style::Recent).unwrap();
    let mut command = Command::new(reexec::own_program());
    command.env("PATH", launchd.path()).env(INSIDE, "1");
    reexec::passes(command, reexec::in_program(name));
}

/// Like [`scenarios`](crate::scenarios), with a stand-in for launchd for each.
#[macro_export]
#[expect(clippy::crate_in_macro_def, reason = "each crate of kinds says what its world is")]
macro_rules! stand_in_scenarios {
    ($($name:ident),* $(,)?) => {
        pub(crate) const ALL: &[fn() -> $crate::Scenario] = &[$($name),*];

        mod laws {
            $(#[test] fn $name() {
                $crate::stand_in::tried(concat!(module_path!(), "::", stringify!($name)), super::$name, crate::world);
            })*
        }
    };
}
