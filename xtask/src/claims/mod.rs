//! `cargo xtask claims`: random plans, faults and kills against the real binary, and what it claims held against the host.
//!
//! `scene.rs` makes a scratch host and a plan, `fault.rs` what goes wrong, `session.rs` runs the binary, `tree.rs` reads the host,
//! `judge.rs` compares. A case is its seed: `--seed N --cases 1` plays it again.

mod fault;
mod judge;
mod options;
mod scene;
mod session;
mod tree;

pub(crate) use options::USAGE;

use options::Options;
use session::Session;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Seeds of cases that once found a false claim: they are always played first.
const FOUND: &str = include_str!("found.txt");

/// What all cases came to.
#[derive(Debug, Default)]
struct Tally {
    /// Cases by fault and ending.
    counts: BTreeMap<String, u64>,
    /// What was claimed and is false, with the seed.
    wrong: Vec<String>,
}

/// Plays the cases; an account of them, as an error if a claim was false.
pub(crate) fn run(words: &[String]) -> Result<String, String> {
    let options = Options::parse(words)?;
    play(&options)
}

fn play(options: &Options) -> Result<String, String> {
    if !options.binary.is_file() {
        return Err(format!("there is no {}; run `cargo build -p runbook` first", options.binary.display()));
    }
    let found = FOUND.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok());
    let seeds: Vec<u64> = match options.seed {
        Some(first) => (first..first + options.cases).collect(),
        None => found.chain(1..=options.cases).collect(),
    };
    let (next, tally) = (AtomicU64::new(0), Mutex::new(Tally::default()));
    std::thread::scope(|scope| {
        for _ in 0..options.jobs {
            scope.spawn(|| {
                while let Some(seed) =
                    usize::try_from(next.fetch_add(1, Ordering::Relaxed)).ok().and_then(|at| seeds.get(at))
                {
                    let played = case(&options.binary, *seed);
                    if let Ok(mut tally) = tally.lock() {
                        tally.add(*seed, played);
                    }
                }
            });
        }
    });
    let tally = tally.into_inner().map_err(|_| "a case ended early".to_owned())?;
    tally.told(seeds.len())
}

/// One case: its sort, and what was false in it.
fn case(binary: &Path, seed: u64) -> Result<(String, Vec<String>), String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let scene = scene::Scene::make(&mut random)?;
    let fault = fault::Fault::draw(&mut random);
    let mut session = Session::new(binary, &scene, seed);
    let wrong = session.play(&fault, &mut random)?;
    let wrong = wrong.into_iter().map(|what| format!("{fault:?}: {what}")).collect();
    Ok((format!("{}, {}", fault.name(), session.ending()), wrong))
}

impl Tally {
    fn add(&mut self, seed: u64, played: Result<(String, Vec<String>), String>) {
        match played {
            Ok((sort, wrong)) => {
                *self.counts.entry(sort).or_default() += 1;
                self.wrong.extend(wrong.into_iter().map(|what| format!("seed {seed}: {what}")));
            }
            Err(error) => self.wrong.push(format!("seed {seed} could not be played: {error}")),
        }
    }

    fn told(self, cases: usize) -> Result<String, String> {
        let rows: Vec<String> = self.counts.iter().map(|(sort, count)| format!("{count:6}  {sort}")).collect();
        let table = rows.join("\n");
        match self.wrong.len() {
            0 => Ok(format!("{table}\nclaims: {cases} cases, no false claim")),
            wrong => Err(format!("{table}\n{}\nclaims: {cases} cases, {wrong} false claims", self.wrong.join("\n"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The short form, of which the command is the long one.
    #[test]
    fn no_closing_line_is_false() {
        let binary = std::env::current_exe().unwrap();
        let binary = binary.parent().and_then(Path::parent).unwrap().join("runbook");
        let options = Options { cases: 40, seed: None, jobs: 2, binary };
        if let Err(account) = play(&options) {
            panic!("{account}");
        }
    }
}
