//! `paths` and `capture` as plans write them.

use runbook_host::Command;
use runbook_model::{Code, Diagnostic, Diagnostics, Node, Resource, Span, Value};
use runbook_step::{Args, ELSEWHERE, FromArg, Mistake, only_parts, refuse_secrets, unfit_variable, wrong};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// When a rollback puts a path back, besides what the steps that wrote it put back themselves; in order of strength.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Restore {
    /// Only by hand.
    Never,
    /// When the verification after a rollback stays red, or a person asks.
    IfNeeded,
    /// In every rollback.
    Always,
}

impl Restore {
    /// As plans write it.
    fn word(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::IfNeeded => "if-needed",
            Self::Always => "always",
        }
    }
}

/// One item of `paths`.
pub(super) struct Covered {
    /// `None` until a step ran.
    pub(super) paths: Option<Vec<PathBuf>>,
    pub(super) restore: Restore,
    pub(super) span: Span,
}

/// One entry of `capture`.
pub(super) struct Capture {
    pub(super) name: String,
    /// With the words that are known.
    pub(super) command: Command,
}

impl Covered {
    /// What it covers, for the order of steps.
    pub(super) fn resources(self) -> Vec<Resource> {
        match self.paths {
            Some(paths) => paths.into_iter().map(Resource::Path).collect(),
            None => vec![Resource::UnknownPath],
        }
    }
}

/// The items of `paths`; faults go to `found`.
pub(super) fn read_paths(args: &Args<'_>, found: &mut Diagnostics) -> Vec<Covered> {
    let Some(node) = args.given("paths") else { return Vec::new() };
    refuse_secrets(node, "`paths`", ELSEWHERE, found);
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    if items.is_empty() {
        found.push(wrong("paths", node.span, "at least one path"));
    }
    let covered: Vec<Covered> = items.iter().filter_map(|item| read_path(item, args, found)).collect();
    refuse_weaker_inside(&covered, found);
    covered
}

/// A path is put back with everything below it, so a weaker policy below could not be kept. Of a path that is named twice
/// the stronger counts, unless the other one is a `never`.
fn refuse_weaker_inside(covered: &[Covered], found: &mut Diagnostics) {
    let each = || covered.iter().flat_map(|one| one.paths.iter().flatten().map(move |path| (path, one)));
    for (inside, weaker) in each() {
        let beats = |path: &PathBuf, one: &Covered| {
            weaker.restore < one.restore && (path != inside || weaker.restore == Restore::Never)
        };
        let over = each().find(|(path, one)| inside.starts_with(path) && beats(path, one));
        let Some((path, stronger)) = over else { continue };
        let (weak, strong) = (weaker.restore.word(), stronger.restore.word());
        let message = format!(
            "`restore: {weak}` of {} cannot be kept: it comes back with {}, which has `restore: {strong}`",
            inside.display(),
            path.display()
        );
        found.push(
            Diagnostic::error(Code::WRONG_PARAMETER, weaker.span, message)
                .label(format!("`restore: {weak}`"))
                .related(stronger.span, format!("`restore: {strong}`, with everything below"))
                .help("give both the same `restore`, or name the paths beside it one by one instead of the one above"),
        );
    }
}

fn read_path(item: &Node, args: &Args<'_>, found: &mut Diagnostics) -> Option<Covered> {
    let Value::Map(entries) = &item.value else {
        return covered(item, Restore::IfNeeded, args, found);
    };
    only_parts(item, "a path of a backup", &["path", "restore"], "it has `path` and `restore`", found);
    let restore = item.get("restore").map(|entry| &entry.value);
    let Ok(restore) = restore.map_or(Ok(Restore::IfNeeded), |node| serde_json::from_value(node.to_json())) else {
        let span = restore.map_or(item.span, |node| node.span);
        found.push(wrong("restore", span, "one of always, if-needed, never"));
        return None;
    };
    match item.get("path") {
        Some(entry) => covered(&entry.value, restore, args, found),
        None if entries.iter().any(|entry| entry.key != "restore") => None,
        None => {
            found.push(wrong("paths", item.span, "paths, or maps such as { path: ~/.openclaw, restore: always }"));
            None
        }
    }
}

fn covered(node: &Node, restore: Restore, args: &Args<'_>, found: &mut Diagnostics) -> Option<Covered> {
    match Vec::<PathBuf>::from_arg(node, args.context) {
        Ok(paths) => Some(Covered { paths: Some(paths), restore, span: node.span }),
        Err(Mistake::Later) => Some(Covered { paths: None, restore, span: node.span }),
        Err(Mistake::Wrong(span, wanted)) => {
            found.push(wrong("paths", span, &wanted));
            None
        }
    }
}

/// The entries of `capture`; faults go to `found`.
pub(super) fn read_captures(args: &Args<'_>, found: &mut Diagnostics) -> Vec<Capture> {
    let Some(node) = args.given("capture") else { return Vec::new() };
    if !matches!(node.value, Value::Map(_)) {
        found.push(wrong("capture", node.span, "a map such as { plugins: [openclaw, plugins, list] }"));
    }
    let mut captures = Vec::new();
    for entry in node.entries() {
        if !is_file_name(&entry.key) {
            found.push(wrong("capture", entry.key_span, "a map whose names are letters, digits, `.`, `-` and `_`"));
        }
        let Some((run, env)) = parts(&entry.value, args, found) else { continue };
        refuse_secrets(run, "`capture`", ELSEWHERE, found);
        let Value::List(words) = &run.value else {
            found.push(wrong("capture", run.span, "a map of argument vectors, the program first"));
            continue;
        };
        let mut argv = Vec::new();
        for word in words {
            match String::from_arg(word, args.context) {
                Ok(word) => argv.push(word),
                Err(Mistake::Later) => {}
                Err(Mistake::Wrong(span, wanted)) => found.push(wrong("capture", span, &wanted)),
            }
        }
        if words.is_empty() || argv.first().is_some_and(String::is_empty) {
            found.push(wrong("capture", run.span, "a map of argument vectors, the program first"));
        }
        let command = args.context.command(argv.clone(), None).unwrap_or_else(|wanted| {
            found.push(wrong("capture", run.span, &wanted));
            Command::new(argv)
        });
        captures.push(Capture { name: entry.key.clone(), command: Command { env, ..command } });
    }
    captures
}

/// The argument vectors of the captures.
pub(super) fn argument_vectors<'a>(args: &Args<'a>) -> Vec<&'a Node> {
    let entries = args.given("capture").map(Node::entries).unwrap_or_default();
    entries.iter().map(|entry| entry.value.get("run").map_or(&entry.value, |run| &run.value)).collect()
}

/// The argument vector of a capture, and what is added to its environment.
fn parts<'n>(node: &'n Node, args: &Args<'_>, found: &mut Diagnostics) -> Option<(&'n Node, BTreeMap<String, String>)> {
    if !matches!(node.value, Value::Map(_)) {
        return Some((node, BTreeMap::new()));
    }
    only_parts(node, "a capture", &["run", "env"], "it has `run` and `env`", found);
    let env = match node.get("env").map(|entry| (entry, BTreeMap::from_arg(&entry.value, args.context))) {
        Some((entry, Ok(env))) => {
            if let Some(name) = unfit_variable(&env) {
                let wanted = format!("a map of environment variables; `{name}` cannot be the name of one");
                found.push(wrong("env", entry.value.span, &wanted));
            }
            env
        }
        Some((_, Err(Mistake::Wrong(span, wanted)))) => {
            found.push(wrong("env", span, &wanted));
            BTreeMap::new()
        }
        Some((_, Err(Mistake::Later))) | None => BTreeMap::new(),
    };
    let Some(run) = node.get("run") else {
        found.push(wrong("capture", node.span, "an argument vector, or a map with `run` and `env`"));
        return None;
    };
    Some((&run.value, env))
}

fn is_file_name(name: &str) -> bool {
    !name.starts_with('.')
        && !name.is_empty()
        && name.len() <= 100
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}
