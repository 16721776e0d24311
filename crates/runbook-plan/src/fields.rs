//! Reading the fields of a map one by one. Each reading reports its own fault and goes on.

use runbook_model::{Code, Diagnostic, Diagnostics, Entry, Node, Reference, Span, Value, did_you_mean, parse_duration};
use std::time::Duration;

/// A map whose field names have been checked.
pub(crate) struct Fields<'n> {
    what: &'static str,
    head: Span,
    entries: &'n [Entry],
    known: &'static [&'static str],
}

impl<'n> Fields<'n> {
    /// Opens `node`, which is `what` ("a step"), and reports every field that is not in `known`.
    pub(crate) fn open(
        node: &'n Node,
        what: &'static str,
        known: &'static [&'static str],
        faults: &mut Diagnostics,
    ) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            if matches!(node.value, Value::Later(_)) {
                return None;
            }
            let message = format!("{what} has to be a map, and this is {}", node.type_name());
            let help = format!("its fields are {}", listed(known));
            faults.push(Diagnostic::error(Code::WRONG_TYPE, node.span, message).help(help));
            return None;
        };
        for entry in entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let help = match near(entries, known, &entry.key) {
                Some(near) => format!("did you mean `{near}`?"),
                None if known.contains(&"with") => {
                    format!("the fields are {}; parameters of the kind stand under `with`", listed(known))
                }
                None => format!("the fields are {}", listed(known)),
            };
            let message = format!("{what} has no field `{}`", entry.key);
            faults.push(Diagnostic::error(Code::UNKNOWN_FIELD, entry.key_span, message).help(help));
        }
        let head = entries.first().map_or(node.span, |entry| entry.key_span);
        Some(Self { what, head, entries, known })
    }

    /// The place that stands for the whole map in a message.
    pub(crate) fn head(&self) -> Span {
        self.head
    }

    /// The field `name`; a field without a value counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&'n Node> {
        let found = self.entries.iter().find(|entry| entry.key == name).map(|entry| &entry.value);
        found.filter(|node| node.value != Value::Null)
    }

    /// Whether an unknown field was reported with the question whether `name` was meant.
    pub(crate) fn is_mistyped(&self, name: &str) -> bool {
        let unknown = self.entries.iter().filter(|entry| !self.known.contains(&entry.key.as_str()));
        unknown.into_iter().any(|entry| near(self.entries, self.known, &entry.key) == Some(name))
    }

    /// The field `name`, or a report that it is missing.
    pub(crate) fn required(&self, name: &str, faults: &mut Diagnostics) -> Option<&'n Node> {
        let found = self.get(name);
        if found.is_none() && !self.is_mistyped(name) {
            let place = self.entries.iter().find(|entry| entry.key == name).map_or(self.head, |entry| entry.key_span);
            let message = format!("{} needs a field `{name}`", self.what);
            faults.push(Diagnostic::error(Code::MISSING_FIELD, place, message));
        }
        found
    }
}

/// The field that `word` may stand for; one that is there already is not meant.
fn near<'a>(entries: &[Entry], known: &[&'a str], word: &str) -> Option<&'a str> {
    let free = known.iter().copied().filter(|name| !entries.iter().any(|entry| entry.key == *name));
    did_you_mean(word, free)
}

/// `a`, `b` and `c`, each in backquotes.
pub(crate) fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// Reports that the field `name` at `node` should be `wanted`. A value that waits says what it waits for instead.
pub(crate) fn wrong_type(node: &Node, name: &str, wanted: &str, faults: &mut Diagnostics) {
    if let Value::Later(later) = &node.value {
        match later.waits_for.first() {
            Some(Reference::Secret(secret)) => {
                let message = format!("`{name}` would write down the secret `{secret}`");
                let help = "secrets may be used in `env`, in file contents and in templates";
                faults.push(Diagnostic::error(Code::SECRET_EXPOSED, node.span, message).help(help));
            }
            Some(Reference::Output { step, .. }) => {
                let message = format!("`{name}` has to be known before the run, and this waits for step `{step}`");
                let help = "outputs of steps may be used in `with` and `if`";
                faults.push(Diagnostic::error(Code::WRONG_TYPE, node.span, message).help(help));
            }
            None => {}
        }
        return;
    }
    let message = format!("`{name}` has to be {wanted}, and this is {}", node.type_name());
    let help = match &node.value {
        Value::Int(_) | Value::Float(_) | Value::Bool(_) if wanted.contains("text") => Some("quote it".to_owned()),
        Value::String(text) if wanted.contains("number") && text.parse::<i64>().is_ok() => {
            Some("write it without quotes".to_owned())
        }
        Value::Map(_) if wanted == "a list" => Some("begin each item with `- `".to_owned()),
        Value::String(text) if wanted == "a list" && name != "allow" && !text.contains(['\n', ' ', ',']) => {
            Some(format!("write `[{text}]`"))
        }
        _ => None,
    };
    faults.push(Diagnostic::error(Code::WRONG_TYPE, node.span, message).maybe_help(help));
}

/// The text at `node`.
pub(crate) fn text<'n>(node: &'n Node, name: &str, faults: &mut Diagnostics) -> Option<&'n str> {
    match &node.value {
        Value::String(text) => Some(text),
        _ => {
            wrong_type(node, name, "text", faults);
            None
        }
    }
}

/// The text at `node`, which may not be empty.
pub(crate) fn some_text<'n>(node: &'n Node, name: &str, faults: &mut Diagnostics) -> Option<&'n str> {
    let text = text(node, name, faults)?;
    if text.trim().is_empty() {
        faults.push(Diagnostic::error(Code::NOT_ALLOWED, node.span, format!("`{name}` may not be empty")));
        return None;
    }
    Some(text)
}

/// The one of `allowed` that is written at `node`.
pub(crate) fn one_of<'a>(
    node: &Node,
    name: &str,
    allowed: &[&'a str],
    code: Code,
    faults: &mut Diagnostics,
) -> Option<&'a str> {
    let text = text(node, name, faults)?;
    let found = allowed.iter().copied().find(|word| *word == text);
    if found.is_none() {
        let help = match did_you_mean(text, allowed.iter().copied()) {
            Some(near) => format!("did you mean `{near}`? Allowed are {}", listed(allowed)),
            None => format!("allowed are {}", listed(allowed)),
        };
        let message = format!("`{name}` cannot be `{text}`");
        faults.push(Diagnostic::error(code, node.span, message).help(help));
    }
    found
}

/// The whole number at `node`, between `least` and `most`.
pub(crate) fn number(node: &Node, name: &str, least: u32, most: u32, faults: &mut Diagnostics) -> Option<u32> {
    let Value::Int(value) = node.value else {
        wrong_type(node, name, "a whole number", faults);
        return None;
    };
    let found = u32::try_from(value).ok().filter(|value| (least..=most).contains(value));
    if found.is_none() {
        let message = format!("`{name}` is {value}; it has to be from {least} to {most}");
        faults.push(Diagnostic::error(Code::OUT_OF_RANGE, node.span, message));
    }
    found
}

/// The duration at `node`, which may not be nothing.
pub(crate) fn duration(node: &Node, name: &str, faults: &mut Diagnostics) -> Option<Duration> {
    let message = match &node.value {
        Value::String(text) => match parse_duration(text) {
            Some(Duration::ZERO) => {
                let message = format!("`{name}` has to be longer than nothing");
                faults.push(Diagnostic::error(Code::BAD_DURATION, node.span, message));
                return None;
            }
            Some(duration) => return Some(duration),
            None => format!("`{name}` is `{text}`, which is not a duration"),
        },
        Value::Int(number) => format!("`{name}` is {number} without a unit"),
        _ => {
            wrong_type(node, name, "a duration", faults);
            return None;
        }
    };
    let help = "write numbers with units, largest first: `500ms`, `90s`, `1m30s`, `12h`, `7d`";
    faults.push(Diagnostic::error(Code::BAD_DURATION, node.span, message).help(help));
    None
}

/// The items at `node`, which is a list or one value that stands for a list of one.
pub(crate) fn items<'n>(node: &'n Node, name: &str, faults: &mut Diagnostics) -> &'n [Node] {
    match &node.value {
        Value::List(items) => items,
        _ => {
            wrong_type(node, name, "a list", faults);
            &[]
        }
    }
}
