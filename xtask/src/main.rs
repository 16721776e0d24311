//! `cargo xtask tidy`: the sentences of ARCHITECTURE.md and CONTRIBUTING.md that no compiler checks.
//!
//! Each check is one file in `tidy/`. All of them also run as a test, so the test command finds what this command finds.
//!
//! `cargo xtask acceptance openclaw`: the playbook on the real package; `acceptance afar`: tests on hosts, from afar as well; see `acceptance/`.
//!
//! `cargo xtask bench afar`: what a hundred steps on another host cost, beside ssh and pyinfra; see `bench/`.
//!
//! `cargo xtask claims`: random faults, and whether what is claimed of the host is so; see `claims/`.
//!
//! `cargo xtask dist`: the one static file that is shipped; see `dist/`.

mod acceptance;
mod bench;
mod claims;
mod dist;
mod tidy;

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let said = match words.split_first() {
        Some((command, [])) if command == "tidy" => tidy::report(),
        Some((command, rest)) if command == "acceptance" => acceptance::run(rest),
        Some((command, rest)) if command == "bench" => bench::run(rest),
        Some((command, rest)) if command == "claims" => claims::run(rest),
        Some((command, rest)) if command == "dist" => dist::run(rest),
        _ => Err(format!(
            "usage: cargo xtask tidy\n       {}",
            [acceptance::USAGE, bench::USAGE, claims::USAGE, dist::USAGE].join("\n       ")
        )),
    };
    let (text, code) = match said {
        Ok(text) => (text, ExitCode::SUCCESS),
        Err(text) => (text, ExitCode::FAILURE),
    };
    // Nothing is left to do if standard error is closed.
    let _ = writeln!(std::io::stderr(), "{text}");
    code
}
