//! The words after `cargo xtask claims`.

use std::path::PathBuf;

pub(crate) const USAGE: &str = "cargo xtask claims [--cases N] [--seed N] [--jobs N] [--binary PATH]";

/// What was asked for.
#[derive(Debug)]
pub(super) struct Options {
    /// How many cases.
    pub(super) cases: u64,
    /// The first seed; without one, the cases that once failed and then 1, 2, 3, …
    pub(super) seed: Option<u64>,
    /// How many at the same time.
    pub(super) jobs: usize,
    /// A debug build of `runbook`: only that has fault points.
    pub(super) binary: PathBuf,
}

impl Options {
    pub(super) fn parse(words: &[String]) -> Result<Self, String> {
        let mut options = Self {
            cases: 500,
            seed: None,
            jobs: 2,
            // Beside this program, wherever Cargo builds to.
            binary: std::env::current_exe().unwrap_or_default().with_file_name("runbook"),
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let value = words.next().ok_or_else(|| format!("`{word}` needs a value\nusage: {USAGE}"))?;
            let number = || value.parse::<u64>().map_err(|_| format!("`{word}` takes a number\nusage: {USAGE}"));
            match word.as_str() {
                "--cases" => options.cases = number()?,
                "--seed" => options.seed = Some(number()?),
                "--jobs" => options.jobs = usize::try_from(number()?.max(1)).unwrap_or(1),
                // Cases run in directories of their own.
                "--binary" => options.binary = std::path::absolute(value).map_err(|error| error.to_string())?,
                _ => return Err(format!("unknown: {word}\nusage: {USAGE}")),
            }
        }
        Ok(options)
    }
}
