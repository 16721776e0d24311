//! The check that every kind gets from its table of parameters.

use crate::args::wrong;
use crate::{Args, FileSource, FromArg, Mistake, Mode, Names, Need, Param, ParamType};
use runbook_model::{Code, Diagnostic, Diagnostics, Node, Reference, Value, Version, did_you_mean};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Judges names, presence, types and secrets of the parameters. Values that wait for a step are judged when they are
/// known. Returns whether nothing was found.
pub fn check_parameters(args: &Args<'_>, found: &mut Diagnostics) -> bool {
    let before = found.len();
    if !matches!(args.node.value, Value::Map(_)) {
        found.push(wrong("with", args.node.span, "a map of parameters"));
        return false;
    }
    for entry in args.node.entries() {
        match args.doc.params.iter().find(|param| param.name == entry.key) {
            Some(param) => check_one(args, param, found),
            None => found.push(unknown(args, &entry.key, entry.key_span)),
        }
    }
    for param in args.doc.params.iter().filter(|param| param.need == Need::Required) {
        if args.given(param.name).is_none() && !is_mistyped(args, param.name) {
            // A name without a value is the place to go to.
            let place = args.node.get(param.name).map_or(args.step_span, |entry| entry.key_span);
            let message = format!("`{}` needs the parameter `{}`", args.doc.name, param.name);
            found.push(
                Diagnostic::error(Code::MISSING_PARAMETER, place, message)
                    .help(format!("`{}`: {}", param.name, param.help)),
            );
        }
    }
    found.len() == before
}

/// Whether an unknown name is told with the question whether `name` was meant.
fn is_mistyped(args: &Args<'_>, name: &str) -> bool {
    let mut unknown =
        args.node.entries().iter().filter(|entry| !args.doc.params.iter().any(|param| param.name == entry.key));
    unknown.any(|entry| near(args, &entry.key) == Some(name))
}

/// The parameter that `word` may stand for; one that is given already is not meant.
fn near<'a>(args: &Args<'a>, word: &str) -> Option<&'a str> {
    let free = args.doc.params.iter().map(|param| param.name).filter(|name| args.given(name).is_none());
    did_you_mean(word, free)
}

fn unknown(args: &Args<'_>, name: &str, span: runbook_model::Span) -> Diagnostic {
    let names: Vec<&str> = args.doc.params.iter().map(|param| param.name).collect();
    let help = match near(args, name) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => "it takes no parameters".to_owned(),
        None => format!("it takes {}", names.join(", ")),
    };
    Diagnostic::error(Code::UNKNOWN_PARAMETER, span, format!("`{}` has no parameter `{name}`", args.doc.name))
        .help(help)
}

fn check_one(args: &Args<'_>, param: &Param, found: &mut Diagnostics) {
    let Some(node) = args.given(param.name) else { return };
    if !matches!(param.ty, ParamType::Content | ParamType::Env | ParamType::Any) {
        let help = if matches!(param.ty, ParamType::Argv | ParamType::Command) {
            "every user of the host can read the arguments of a process; pass it in `env`"
        } else {
            ELSEWHERE
        };
        refuse_secrets(node, &format!("`{}`", param.name), help, found);
    }
    if let Err(Mistake::Wrong(span, wanted)) = judge(param.ty, node, args) {
        found.push(wrong(param.name, span, &wanted).maybe_help(next_action(param.ty, node)));
    }
}

/// Where most parameters may hold secrets.
pub const ELSEWHERE: &str = "secrets may stand in `env` and in file contents only";

/// Refuses secrets in what is shown, kept, or seen by others; `by` is what would write them down, `help` where they may stand.
pub fn refuse_secrets(node: &Node, by: &str, help: &str, found: &mut Diagnostics) {
    for reference in node.waits_for() {
        if let Reference::Secret(name) = reference {
            let message = format!("the secret `{name}` would be written down by {by}");
            found.push(Diagnostic::error(Code::SECRET_EXPOSED, node.span, message).help(help));
        }
    }
}

/// Refuses what a map has besides these parts; `what` has them.
pub fn only_parts(node: &Node, what: &str, parts: &[&str], help: &str, found: &mut Diagnostics) {
    for entry in node.entries().iter().filter(|entry| !parts.contains(&entry.key.as_str())) {
        let message = format!("{what} has no part `{}`", entry.key);
        let near = did_you_mean(&entry.key, parts.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        let fault = Diagnostic::error(Code::UNKNOWN_PARAMETER, entry.key_span, message).help(help);
        found.push(fault.maybe_help(near));
    }
}

fn next_action(ty: ParamType, node: &Node) -> Option<String> {
    match (ty, &node.value) {
        (ParamType::Choice(words), Value::String(text)) => {
            did_you_mean(text, words.iter().copied()).map(|near| format!("did you mean `{near}`?"))
        }
        (ParamType::Argv | ParamType::Command, Value::String(text)) => Some(as_vector(text)),
        (ParamType::Strings, Value::String(text)) => Some(format!("write `[{text}]`")),
        (
            ParamType::String | ParamType::Content | ParamType::Version | ParamType::Mode,
            Value::Float(_) | Value::Int(_),
        ) => Some("quote it".to_owned()),
        (ParamType::Bool, Value::String(text)) if ["yes", "no", "on", "off"].contains(&text.as_str()) => {
            Some("only `true` and `false` are booleans".to_owned())
        }
        _ => None,
    }
}

/// What to write instead of a command line.
pub fn as_vector(line: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=@+ ".contains(c);
    if line.is_empty() || !line.chars().all(plain) || line.contains(" @") || line.contains(" =") {
        return "no shell splits it: write the program and each argument as items of a list".to_owned();
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    format!("no shell splits it: write `[{}]`", words.join(", "))
}

fn judge(ty: ParamType, node: &Node, args: &Args<'_>) -> Result<(), Mistake> {
    let cx = args.context;
    match ty {
        ParamType::String => one_line(node, args),
        ParamType::Name(names) => one_line(node, args).and_then(|()| fits(node, args, names)),
        ParamType::Content => String::from_arg(node, cx).map(drop),
        ParamType::File => FileSource::from_arg(node, cx).map(drop),
        ParamType::Path => PathBuf::from_arg(node, cx).map(drop),
        ParamType::Paths => Vec::<PathBuf>::from_arg(node, cx).and_then(|paths| not_empty(node, &paths)),
        ParamType::Bool => bool::from_arg(node, cx).map(drop),
        ParamType::Count => u64::from_arg(node, cx).map(drop),
        ParamType::Port => u16::from_arg(node, cx).map(drop),
        ParamType::Duration => Duration::from_arg(node, cx).map(drop),
        ParamType::Mode => Mode::from_arg(node, cx).map(drop),
        ParamType::Version => exact_version(node, args),
        ParamType::Argv | ParamType::Command => Vec::<String>::from_arg(node, cx).and_then(|argv| program(node, &argv)),
        ParamType::Strings => Vec::<String>::from_arg(node, cx).map(drop),
        ParamType::Env => BTreeMap::<String, String>::from_arg(node, cx).and_then(|env| names(node, &env)),
        ParamType::Choice(words) => String::from_arg(node, cx).and_then(|word| one_of(node, words, &word)),
        ParamType::Pointer => String::from_arg(node, cx).and_then(|text| pointer(node, &text)),
        ParamType::Any => Ok(()),
    }
}

fn fits(node: &Node, args: &Args<'_>, names: Names) -> Result<(), Mistake> {
    if (names.fit)(&String::from_arg(node, args.context)?) { Ok(()) } else { wrong_here(node, names.wanted) }
}

fn wrong_here(node: &Node, wanted: impl Into<String>) -> Result<(), Mistake> {
    Err(Mistake::Wrong(node.span, wanted.into()))
}

fn one_line(node: &Node, args: &Args<'_>) -> Result<(), Mistake> {
    let text = String::from_arg(node, args.context)?;
    if text.contains(['\n', '\0']) { wrong_here(node, "one line of text") } else { Ok(()) }
}

/// A tag or a range is left to the refusal `exact-version`, which a plan may allow with a reason.
fn exact_version(node: &Node, args: &Args<'_>) -> Result<(), Mistake> {
    match Version::from_arg(node, args.context) {
        Err(Mistake::Wrong(..)) if String::from_arg(node, args.context).is_ok() => Ok(()),
        other => other.map(drop),
    }
}

fn not_empty(node: &Node, paths: &[PathBuf]) -> Result<(), Mistake> {
    if paths.is_empty() { wrong_here(node, "at least one path") } else { Ok(()) }
}

fn program(node: &Node, argv: &[String]) -> Result<(), Mistake> {
    match argv.first() {
        None => wrong_here(node, "an argument vector with the program first"),
        Some(program) if program.is_empty() => wrong_here(node, "an argument vector whose program has a name"),
        Some(_) if argv.iter().any(|arg| arg.contains('\0')) => wrong_here(node, "arguments without a NUL character"),
        Some(_) => Ok(()),
    }
}

/// A name in `env` that no environment variable can have.
pub fn unfit_variable(env: &BTreeMap<String, String>) -> Option<&str> {
    env.keys().map(String::as_str).find(|name| name.is_empty() || name.contains(['=', '\0']))
}

fn names(node: &Node, env: &BTreeMap<String, String>) -> Result<(), Mistake> {
    match unfit_variable(env) {
        Some(name) => wrong_here(node, format!("a map of environment variables; `{name}` cannot be the name of one")),
        None => Ok(()),
    }
}

fn one_of(node: &Node, words: &[&str], word: &str) -> Result<(), Mistake> {
    if words.contains(&word) {
        return Ok(());
    }
    wrong_here(node, format!("one of {}, not `{word}`", words.join(", ")))
}

fn pointer(node: &Node, text: &str) -> Result<(), Mistake> {
    let escapes_are_right = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    if (text.is_empty() || text.starts_with('/')) && escapes_are_right {
        return Ok(());
    }
    wrong_here(node, "a JSON Pointer such as /channels/slack/enabled")
}
