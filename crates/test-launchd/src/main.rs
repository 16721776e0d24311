//! `launchctl-stand-in`: the server, and what stands as `launchctl` on PATH.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use test_launchd::{Style, ask, serve};

const USAGE: &str = "usage: launchctl-stand-in serve DIR recent|old, or launchctl-stand-in at DIR SUBCOMMAND...";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve", dir, "recent"] => ended(serve(Path::new(dir), Style::Recent)),
        ["serve", dir, "old"] => ended(serve(Path::new(dir), Style::Old)),
        ["at", dir, words @ ..] => match ask(Path::new(dir), words) {
            Ok(answer) => {
                let _ = std::io::stdout().write_all(answer.out.as_bytes());
                let _ = std::io::stderr().write_all(answer.err.as_bytes());
                ExitCode::from(answer.code)
            }
            Err(error) => ended(Err(error)),
        },
        _ => ended(Err(std::io::Error::other(USAGE))),
    }
}

fn ended(result: std::io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "launchctl-stand-in: {error}");
            // No exit status of the real one, so that no test takes it for an answer.
            ExitCode::from(99)
        }
    }
}
