//! `cargo xtask bench afar`: what a hundred steps cost on a host that is reached by ssh, beside the same as a script over ssh and with pyinfra.
//! It builds a release, boots a [test host](test_hosts), and is for a person; docs/performance.md has the bar.

mod cost;
mod rivals;

use cost::{Cost, measured};
use rivals::Rivals;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use test_hosts::Lab;

/// What went wrong, for the person at the terminal.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How `bench` is called.
pub(crate) const USAGE: &str = "cargo xtask bench afar [--runbook FILE] [--pyinfra FILE]";

/// So many steps, or lines of the script.
const STEPS: usize = 100;
/// How often each is measured, one after the other, so that what else the machine does hits all alike.
const ROUNDS: usize = 9;
/// How many times as long as the script the steps may take.
const BAR: f64 = 1.5;

/// Measures, and says whether the bar is kept.
pub(crate) fn run(words: &[String]) -> std::result::Result<String, String> {
    options(words).and_then(|options| afar(&options)).map_err(|error| format!("bench: {error}\nusage: {USAGE}"))
}

/// What was asked for.
#[derive(Debug, Default)]
struct Options {
    runbook: Option<PathBuf>,
    pyinfra: Option<PathBuf>,
}

fn options(words: &[String]) -> Result<Options> {
    let mut words = words.iter().map(String::as_str);
    if words.next() != Some("afar") {
        return Err("there is one bench here: afar".into());
    }
    let mut options = Options::default();
    while let Some(word) = words.next() {
        let path = words.next().map(PathBuf::from).ok_or_else(|| format!("`{word}` needs a path"))?;
        match word {
            "--runbook" => options.runbook = Some(path),
            "--pyinfra" => options.pyinfra = Some(path),
            other => return Err(format!("there is no option `{other}`").into()),
        }
    }
    Ok(options)
}

fn afar(options: &Options) -> Result<String> {
    let runbook = match &options.runbook {
        Some(runbook) => std::path::absolute(runbook)?,
        None => release()?,
    };
    let lab = Lab::open()?;
    let host = lab.boot("far")?;
    let rivals = Rivals::new(&lab, &host, &runbook, options.pyinfra.as_deref())?;
    let names = rivals.names();
    let mut costs = vec![Vec::new(); names.len()];
    for round in 0..=ROUNDS {
        for (nth, costs) in costs.iter_mut().enumerate() {
            rivals.prepare()?;
            let cost = measured(rivals.command(nth)?, &host)?;
            rivals.check(nth)?;
            // The first time the agent is put in place, and caches are cold for all.
            if round > 0 {
                costs.push(cost);
            }
        }
    }
    told(&names, &costs)
}

/// A table of the medians, and the bar.
fn told(names: &[&str], costs: &[Vec<Cost>]) -> Result<String> {
    let mut said =
        format!("{STEPS} commands over ssh, medians of {ROUNDS} rounds; CPU of this side and of the host\n\n");
    let medians: Vec<Cost> = costs.iter().map(|costs| Cost::median(costs)).collect();
    let floor = medians.first().ok_or("nothing was measured")?;
    for (name, cost) in names.iter().zip(&medians) {
        said += &format!("{name:<28} {cost}  {:.2} ×\n", cost.wall.as_secs_f64() / floor.wall.as_secs_f64());
    }
    let steps = medians.get(1).ok_or("the steps were not measured")?;
    let ratio = steps.wall.as_secs_f64() / floor.wall.as_secs_f64();
    if ratio <= BAR {
        Ok(said + "\nthe bar is kept")
    } else {
        Err(format!("{said}\n{ratio:.2} is over the bar of {BAR}").into())
    }
}

/// A release of this repository.
fn release() -> Result<PathBuf> {
    let status = Command::new("cargo").args(["build", "--release", "-p", "runbook"]).status()?;
    if !status.success() {
        return Err("the release does not build".into());
    }
    Ok(Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/runbook").canonicalize()?)
}
