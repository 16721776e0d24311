//! Scenarios that need `launchctl`: this program starts itself again with a stand-in for launchd on its PATH, which
//! belongs to that one scenario.

use crate::harness::Scenario;
use std::process::{Command, Stdio};
use test_launchd::{StandIn, Style};

/// Set for the program that was started again.
const INSIDE: &str = "RUNBOOK_BESIDE_A_STAND_IN";

/// Tries the laws on a scenario whose test is called `name`.
pub(crate) fn tried(name: &str, scenario: fn() -> Scenario) {
    if std::env::var_os(INSIDE).is_some() {
        return scenario().obeys_the_laws();
    }
    let launchd = StandIn::beside(env!("CARGO_BIN_EXE_runbook"), Style::Recent).unwrap();
    // What is before the first separator is the name of this program.
    let name = name.split_once("::").unwrap().1;
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env("PATH", launchd.path())
        .env(INSIDE, "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let printed = said(&run.stdout);
    assert!(run.status.success() && printed.contains("1 passed"), "{printed}\n{}", said(&run.stderr));
}

/// Lists the scenarios of a group, and makes a test of each with a stand-in of its own.
macro_rules! stand_in_scenarios {
    ($($name:ident),* $(,)?) => {
        pub(crate) const ALL: &[fn() -> $crate::harness::Scenario] = &[$($name),*];

        mod laws {
            $(#[test] fn $name() {
                $crate::stand_in::tried(concat!(module_path!(), "::", stringify!($name)), super::$name);
            })*
        }
    };
}
pub(crate) use stand_in_scenarios;
