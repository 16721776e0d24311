//! What is said of a command line that makes no sense, and of one that asks for help.

use crate::cli::Cli;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// The command line, or the exit code of help and usage errors. Usage errors are refusals: exit code 1.
pub(crate) fn parse() -> Result<Cli, ExitCode> {
    Cli::try_parse_from(plain(std::env::args_os())).map_err(|error| {
        let error = told(error, std::env::args().skip(1));
        let refused = error.use_stderr();
        // A closed pipe behind `--help` is not an error.
        let _ = match asked_for_json(std::env::args()) {
            true if refused => writeln!(std::io::stdout(), "{}", as_json(&error)),
            _ => error.print(),
        };
        ExitCode::from(u8::from(refused))
    })
}

/// The words of the command line; `help --help` is `help`.
fn plain(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.collect();
    if args.iter().skip(1).take(2).any(|word| word == "help") {
        args.retain(|word| word != "--help" && word != "-h");
    }
    args
}

/// The error as it is shown: the usage is that of the command as its help has it, not of what was typed so far, and no
/// command is named that its help does not name.
fn told(mut error: clap::Error, args: impl Iterator<Item = String>) -> clap::Error {
    let mut at = Cli::command();
    at.build();
    for word in args {
        match at.find_subcommand(&word).cloned() {
            Some(below) if !below.is_hide_set() => at = below,
            _ => {}
        }
    }
    if error.get(ContextKind::ValidSubcommand).is_some() {
        let shown = at.get_subcommands().filter(|below| !below.is_hide_set()).map(|below| below.get_name().to_owned());
        error.insert(ContextKind::ValidSubcommand, ContextValue::Strings(shown.collect()));
    }
    if error.get(ContextKind::Usage).is_some() {
        error.insert(ContextKind::Usage, ContextValue::StyledStr(at.render_usage()));
    }
    error
}

/// Whether the answer is for a program, as far as a command line that makes no sense can tell.
fn asked_for_json(args: impl Iterator<Item = String>) -> bool {
    let args: Vec<String> = args.collect();
    let is_json = |word: &str| matches!(word, "json" | "ndjson");
    args.windows(2).any(|pair| matches!(pair, [flag, value] if flag == "--format" && is_json(value)))
        || args.iter().any(|arg| arg.strip_prefix("--format=").is_some_and(is_json))
}

/// The first paragraph of a usage error is the error, the second one the hint: a suggestion, or the usage.
fn as_json(error: &clap::Error) -> serde_json::Value {
    let text = error.render().to_string();
    let mut paragraphs = text.trim().split("\n\n").map(str::trim);
    let (said, hint) = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => (Some("no command was given"), Some("see `--help`")),
        _ => (paragraphs.next(), paragraphs.next()),
    };
    let said = said.unwrap_or_default();
    serde_json::json!({ "error": said.strip_prefix("error: ").unwrap_or(said), "hint": hint, "exit": 1 })
}
