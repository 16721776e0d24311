//! The fields of a plan that are not steps: name, window, retention, reviews.

use crate::fields::{Fields, duration, items, number, one_of, some_text, text, wrong_type};
use runbook_model::{Code, Diagnostic, Diagnostics, Node, Retention, Review, Value, Window};

/// The days as plans write them.
pub(crate) const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Reports that the document at `root` is empty or says that it is something else than a `kind`, about which nothing else is
/// then worth saying. `what` is a document of that kind in words: "a plan". A `kind` that is only mistyped is told with everything
/// else.
pub(crate) fn is_another_document(root: &Node, kind: &str, what: &str, faults: &mut Diagnostics) -> bool {
    if root.value == Value::Null {
        let message = format!("the file is empty; {what} begins with `kind: {kind}`");
        faults.push(Diagnostic::error(Code::WRONG_DOCUMENT, root.span, message));
        return true;
    }
    let Some(node) = root.get("kind").map(|entry| &entry.value) else { return false };
    let Value::String(text) = &node.value else { return false };
    let other =
        ["Plan", "Environment", "Rollout", "Inventory"].into_iter().find(|word| word.eq_ignore_ascii_case(text));
    if other.is_none_or(|word| word == kind) {
        return false;
    }
    let message = format!("the file is of kind `{text}`, and one of kind `{kind}` is wanted here");
    let help = match other {
        Some("Environment") => "name a plan, and the environment with `--env NAME`".to_owned(),
        _ => format!("name a file with `kind: {kind}`"),
    };
    faults.push(Diagnostic::error(Code::WRONG_DOCUMENT, node.span, message).help(help));
    true
}

/// Checks `kind` and `version` of a document that should be a `kind`.
pub(crate) fn document_kind(fields: &Fields<'_>, kind: &'static str, faults: &mut Diagnostics) {
    if let Some(node) = fields.required("kind", faults) {
        match &node.value {
            Value::String(text) if text == kind => {}
            Value::String(text) => {
                let message = format!("`kind` is `{text}`, and `{kind}` is wanted");
                let help = format!("write `kind: {kind}`");
                faults.push(Diagnostic::error(Code::WRONG_DOCUMENT, node.span, message).help(help));
            }
            _ => wrong_type(node, "kind", "text", faults),
        }
    }
    if let Some(node) = fields.required("version", faults)
        && node.value != Value::Int(1)
    {
        let message = "`version` is the version of the format, and only 1 is known";
        let help = "write `version: 1`; what a plan installs is a variable";
        faults.push(Diagnostic::error(Code::WRONG_DOCUMENT, node.span, message).help(help));
    }
}

/// `name:`; it also names files.
pub(crate) fn name(node: &Node, faults: &mut Diagnostics) -> Option<String> {
    let name = some_text(node, "name", faults)?;
    let first = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if first && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) {
        return Some(name.to_owned());
    }
    let message = format!("`{name}` cannot be the name of a plan");
    let help = "a name is a letter or digit, then letters, digits, `-`, `_` and `.`; the sentence goes into `summary`";
    faults.push(Diagnostic::error(Code::BAD_ID, node.span, message).help(help));
    None
}

/// `retention:`
pub(crate) fn retention(node: &Node, faults: &mut Diagnostics) -> Retention {
    let default = Retention::default();
    let Some(fields) = Fields::open(node, "`retention`", &["keep_for", "keep_last"], faults) else { return default };
    let keep_for = fields.get("keep_for").and_then(|node| duration(node, "keep_for", faults));
    let keep_last = fields.get("keep_last").and_then(|node| number(node, "keep_last", 1, 10_000, faults));
    Retention { keep_for: keep_for.unwrap_or(default.keep_for), keep_last: keep_last.unwrap_or(default.keep_last) }
}

/// `window:`. That the zone exists is checked where the window is opened.
pub(crate) fn window(node: &Node, faults: &mut Diagnostics) -> Option<Window> {
    let fields = Fields::open(node, "`window`", &["zone", "days", "from", "to"], faults)?;
    let zone = fields.required("zone", faults).and_then(|node| zone(node, faults));
    let days = fields.get("days").map_or(Vec::new(), |node| days(node, faults));
    let from = fields.required("from", faults).and_then(|node| time_of_day(node, "from", faults));
    let to_node = fields.required("to", faults);
    let to = to_node.and_then(|node| time_of_day(node, "to", faults));
    let (zone, from, to) = (zone?, from?, to?);
    if from == to {
        let message = "the window ends when it begins";
        let help = "leave `window` out if the plan may run at any time";
        faults.push(Diagnostic::error(Code::BAD_WINDOW, to_node?.span, message).help(help));
        return None;
    }
    let zone_span = fields.get("zone").map_or(node.span, |node| node.span);
    Some(Window { zone, zone_span, days, from, to })
}

fn zone(node: &Node, faults: &mut Diagnostics) -> Option<String> {
    let zone = some_text(node, "zone", faults)?;
    let well_formed = zone.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-' | b'+'));
    if !well_formed || zone.starts_with('/') {
        let message = format!("`{zone}` is not the name of a time zone");
        let help = "write an IANA name such as `Europe/Madrid`";
        faults.push(Diagnostic::error(Code::BAD_WINDOW, node.span, message).help(help));
        return None;
    }
    Some(zone.to_owned())
}

fn days(node: &Node, faults: &mut Diagnostics) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for item in items(node, "days", faults) {
        if let Some(day) = one_of(item, "days", &DAYS, Code::BAD_WINDOW, faults) {
            if found.iter().any(|other| other == day) {
                let message = format!("`{day}` is listed twice");
                faults.push(Diagnostic::error(Code::BAD_WINDOW, item.span, message));
            }
            found.push(day.to_owned());
        }
    }
    found
}

fn time_of_day(node: &Node, name: &str, faults: &mut Diagnostics) -> Option<u16> {
    let text = match &node.value {
        Value::String(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        _ => {
            wrong_type(node, name, "text such as \"02:00\"", faults);
            return None;
        }
    };
    let found = minutes(&text);
    if found.is_none() {
        let message = format!("`{name}` is `{text}`, which is not a time of day");
        let help = "write hours and minutes in quotes: \"02:00\"";
        faults.push(Diagnostic::error(Code::BAD_WINDOW, node.span, message).help(help));
    }
    found
}

fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    if !two_digits(hours) || !two_digits(minutes) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

/// `review:`
pub(crate) fn reviews(node: &Node, faults: &mut Diagnostics) -> Vec<Review> {
    items(node, "review", faults).iter().filter_map(|item| review(item, faults)).collect()
}

fn review(node: &Node, faults: &mut Diagnostics) -> Option<Review> {
    let fields = Fields::open(node, "a review", &["what", "for", "by", "link"], faults)?;
    let mut required = |name: &str| -> Option<String> {
        let node = fields.required(name, faults)?;
        some_text(node, name, faults).map(str::to_owned)
    };
    let (what, version, by) = (required("what"), required("for"), required("by"));
    let link = fields.get("link").and_then(|node| text(node, "link", faults)).map(str::to_owned);
    let span = fields.get("for").map_or(node.span, |node| node.span);
    Some(Review { what: what?, version: version?, by: by?, link, span })
}
