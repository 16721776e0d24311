//! Scenarios that need a host of their own, with systemd: one is booted, and this program copies itself there.

use crate::{Scenario, World, reexec};
use std::path::Path;
use test_hosts::Lab;

/// Set for the copy inside the host.
const INSIDE: &str = "RUNBOOK_INSIDE_A_HOST";

/// Tries the laws on all of them, one after another on one host. The test that calls this is called `name`.
///
/// # Panics
///
/// Where a law is broken.
#[expect(clippy::print_stdout, reason = "a test that takes long tells where it is")]
pub fn tried(name: &str, scenarios: &[fn() -> Scenario], world: fn() -> World) {
    if std::env::var_os(INSIDE).is_some() && Path::new("/run/systemd/system").exists() {
        for scenario in scenarios {
            let (scenario, begun) = (scenario(), std::time::Instant::now());
            scenario.obeys_the_laws(world);
            println!("{} {:.1}s", scenario.kind, begun.elapsed().as_secs_f64());
        }
        return;
    }
    let Some(lab) = Lab::for_test() else { return };
    let host = lab.boot("laws").unwrap();
    // They make units for disks and consoles, and take most of the time whenever systemd reads its files.
    host.run(["rm", "-r", "/usr/lib/systemd/system-generators"]).unwrap().ok().unwrap();
    host.copy_in(reexec::own_program(), "/usr/local/bin/laws", 0o755).unwrap();
    let inside = format!("{INSIDE}=1");
    let words = ["env", &inside, "/usr/local/bin/laws"].into_iter().chain(reexec::alone(reexec::in_program(name)));
    let said = host.run(words).unwrap();
    assert!(said.code == 0 && said.stdout.contains("1 passed"), "{}\n{}", said.stdout, said.stderr);
}

/// Like [`scenarios`](crate::scenarios), for cases that need systemd: one test tries them all, on a host of its own.
#[macro_export]
#[expect(clippy::crate_in_macro_def, reason = "each crate of kinds says what its world is")]
macro_rules! host_scenarios {
    ($($name:ident),* $(,)?) => {
        pub(crate) const ALL: &[fn() -> $crate::Scenario] = &[$($name),*];

        mod on_a_host {
            #[test]
            fn units_obey_the_laws() {
                $crate::on_a_host::tried(concat!(module_path!(), "::units_obey_the_laws"), super::ALL, crate::world);
            }
        }
    };
}
