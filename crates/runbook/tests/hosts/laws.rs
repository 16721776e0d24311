//! The laws of the conformance suite, tried inside a host on the kinds that need one: this program copies itself there.

use crate::units;
use std::path::Path;
use test_hosts::Host;

/// Set for the copy inside the host.
const INSIDE: &str = "RUNBOOK_INSIDE_A_HOST";

/// Tries every scenario inside `host`: the test called `name` there, which has to call [`are_obeyed_here`].
pub(crate) fn are_obeyed_on(host: &Host, name: &str) {
    // They make units for disks and consoles, and take most of the time whenever systemd reads its files.
    host.run(["rm", "-r", "/usr/lib/systemd/system-generators"]).unwrap().ok().unwrap();
    host.copy_in(std::env::current_exe().unwrap(), "/usr/local/bin/laws", 0o755).unwrap();
    let run = ["env", &format!("{INSIDE}=1"), "/usr/local/bin/laws", "--exact", name, "--nocapture"];
    let said = host.run(run).unwrap();
    assert!(said.code == 0 && said.stdout.contains("1 passed"), "{}\n{}", said.stdout, said.stderr);
}

/// Tries the scenarios if this is the copy inside a host, and says whether it is.
pub(crate) fn are_obeyed_here() -> bool {
    let inside = std::env::var_os(INSIDE).is_some() && Path::new("/run/systemd/system").exists();
    if inside {
        for scenario in units::ON_A_HOST {
            let scenario = scenario();
            let begun = std::time::Instant::now();
            scenario.obeys_the_laws();
            println!("{} {:.1}s", scenario.kind, begun.elapsed().as_secs_f64());
        }
    }
    inside
}
