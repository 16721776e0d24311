//! `cargo xtask acceptance openclaw`: the project's own playbook on the real package, on a host with systemd. It takes minutes,
//! gigabytes and, the first time, the network, so it is for a person and no test runs it. docs/acceptance.md tells what it proves.
//!
//! `cargo xtask acceptance afar`: all tests on hosts, there and from afar; docs/test-hosts.md.

mod afar;
mod clock;
mod downtime;
mod front;
mod openclaw;
mod options;
mod provision;
mod room;
mod runs;
mod story;
mod trees;

use std::error::Error;

/// What went wrong, for the person at the terminal.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How `acceptance` is called.
pub(crate) const USAGE: &str = "cargo xtask acceptance openclaw [--cache DIR] [--runbook FILE] [--pause]\n       cargo xtask acceptance afar [TEST]";

/// Runs what `words` ask for.
pub(crate) fn run(words: &[String]) -> std::result::Result<String, String> {
    if let Some(("afar", rest)) = words.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return afar::run(rest.first().map(String::as_str)).map_err(|error| format!("acceptance: {error}"));
    }
    let options = options::Options::read(words).map_err(|wrong| format!("{wrong}\nusage: {USAGE}"))?;
    openclaw::run(&options).map_err(|error| format!("acceptance: {error}"))
}
