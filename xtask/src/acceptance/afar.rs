//! `cargo xtask acceptance afar`: every test that runs `runbook` on a host, on the host itself and then from afar, and how each run ended.

use super::Result;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The runs of each test, in order: how they ended, as the tests write it.
type Ends = BTreeMap<String, Vec<String>>;

/// Runs the tests whose names hold `filter` both ways, and compares.
pub(super) fn run(filter: Option<&str>) -> Result<String> {
    let (there, afar) = (ends("there", filter)?, ends("afar", filter)?);
    let (mut same, mut runs, mut differ) = (0, 0, String::new());
    for (test, on_host) in &there {
        let from_afar = afar.get(test);
        if from_afar == Some(on_host) {
            same += 1;
            runs += on_host.len();
        } else {
            differ += &format!("{test}:\n  on the host {on_host:#?}\n  from afar {from_afar:#?}\n");
        }
    }
    let said =
        format!("{same} of {} tests, with {runs} runs, ended the same on the host itself and from afar", there.len());
    if differ.is_empty() && !there.is_empty() { Ok(said) } else { Err(format!("{differ}{said}").into()) }
}

/// Runs the tests with the controller at this place; those that are from afar anyway are not among them.
fn ends(way: &str, filter: Option<&str>) -> Result<Ends> {
    let dir = tempfile::tempdir()?;
    let tests =
        filter.map_or_else(|| "not test(/^(afar|hangs|unreached)::/)".to_owned(), |filter| format!("test({filter})"));
    let mut cargo = Command::new("cargo");
    cargo.args(["nextest", "run", "-p", "runbook", "--test", "hosts", "-E", &tests]);
    // A host that cannot be had is a failure, and a second try would note its runs beside those of the first.
    let status = cargo.env("CI", "true").env("RUNBOOK_WAY", way).env("RUNBOOK_ENDS", dir.path()).status()?;
    if !status.success() {
        return Err(format!("not every test passed where RUNBOOK_WAY={way}").into());
    }
    read(dir.path())
}

fn read(dir: &Path) -> Result<Ends> {
    let mut ends = Ends::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let lines = fs::read_to_string(entry.path())?.lines().map(str::to_owned).collect();
        ends.insert(entry.file_name().to_string_lossy().into_owned(), lines);
    }
    Ok(ends)
}
