//! Report 1, told again: an upgrade that breaks both channels goes back by itself, the next one is kept.

use super::Result;
use super::clock::{Clock, seconds};
use super::downtime::Prober;
use super::provision::{PORT, VERSION};
use super::runs::{Run, upgrade};
use super::trees::Trees;
use test_hosts::Host;

/// The release whose plugins cannot find their host.
const BROKEN: &str = "2026.4.22";
/// The next one, which can.
const MENDED: &str = "2026.4.23";
/// What the broken release logs.
const FAULT: &str = "Cannot find package 'openclaw'";
/// The signal that the fault makes red: the log says why both channels are dead, long before their time to connect is up.
const RED: [&str; 1] = ["known-errors"];
/// `runbook`: failed and rolled back.
const ROLLED_BACK: i32 = 3;

/// Both runs; an account of them if everything was as it should be.
pub(super) fn tell(host: &Host, clock: &Clock) -> Result<String> {
    version_is(host, VERSION)?;
    clock.say("every file of the host is read");
    let before = Trees::of(host)?;
    let prober = Prober::start(host, PORT)?;
    clock.say(&format!("{VERSION} runs; runbook upgrades it to {BROKEN}"));
    let broken = upgrade(host, &prober, BROKEN)?;
    went_back(&broken)?;
    clock.say("rolled back; every file of the host is read again");
    same(&before, &Trees::of(host)?)?;
    version_is(host, VERSION)?;
    clock.say(&format!("{VERSION} runs as before; runbook upgrades it to {MENDED}"));
    let kept = upgrade(host, &prober, MENDED)?;
    expect(kept.code == 0, || format!("the upgrade to {MENDED} ended with {}, not 0", kept.code))?;
    version_is(host, MENDED)?;
    let told = [(BROKEN, "rolled back", &broken), (MENDED, "kept", &kept)];
    let lines = told.map(|(version, end, run)| {
        let (took, down, noted) = (seconds(run.took), &run.down, &run.down_by_journal);
        format!("{VERSION} -> {version}: {end} after {took}; the port was {down} (measured; by the journal of runbook {noted})")
    });
    Ok(format!("{}\n{} files and directories as before the rolled back upgrade", lines.join("\n"), before.len()))
}

/// The run ended as a rollback, and for the reason that report 1 gives.
fn went_back(run: &Run) -> Result<()> {
    expect(run.code == ROLLED_BACK, || format!("the upgrade to {BROKEN} ended with {}, not {ROLLED_BACK}", run.code))?;
    for signal in RED {
        let is_red = run.red.iter().any(|(red, _)| red == signal);
        expect(is_red, || format!("`{signal}` was not red; red are {:?}", run.red))?;
    }
    let told = run.red.iter().any(|(_, read)| read.contains(FAULT));
    expect(told, || format!("no red signal has read `{FAULT}`; red are {:?}", run.red))
}

/// The host has no other files than before, and no file is another one.
fn same(before: &Trees, after: &Trees) -> Result<()> {
    let differences = before.differences(after);
    let some: Vec<&str> = differences.iter().take(10).map(String::as_str).collect();
    expect(differences.is_empty(), || {
        format!("{} files or directories are not as before:\n  {}", differences.len(), some.join("\n  "))
    })
}

/// The unit is active, and what it runs says this version.
fn version_is(host: &Host, version: &str) -> Result<()> {
    host.run(["systemctl", "is-active", "--quiet", "openclaw.service"])?.ok()?;
    let said = host.run(["runuser", "-u", "openclaw", "--", "/usr/local/bin/openclaw", "--version"])?.ok()?;
    expect(said.contains(&format!("OpenClaw {version} ")), || format!("openclaw says `{said}`, not {version}"))
}

fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(otherwise().into()) }
}
