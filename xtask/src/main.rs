//! `cargo xtask tidy`: the sentences of ARCHITECTURE.md and CONTRIBUTING.md that no compiler checks.
//!
//! Each check is one file in `tidy/`. All of them also run as a test, so the test command finds what this command finds.

mod tidy;

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let (command, rest) = (words.next(), words.next());
    let said = match (command.as_deref(), rest) {
        (Some("tidy"), None) => tidy::report(),
        _ => Err("usage: cargo xtask tidy".to_owned()),
    };
    let (text, code) = match said {
        Ok(text) => (text, ExitCode::SUCCESS),
        Err(text) => (text, ExitCode::FAILURE),
    };
    // Nothing is left to do if standard error is closed.
    let _ = writeln!(std::io::stderr(), "{text}");
    code
}
