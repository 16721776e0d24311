//! What was found in files that were judged, and the variables of a plan as they are shown.

use runbook_model::{Diagnostic, Node, Resolved, SourceMap};
use runbook_plan::shown;
use serde_json::{Value, json};

/// What came of one file.
pub(super) struct Checked {
    /// What was found, each with the texts that it is in.
    pub(super) found: Vec<(Vec<Diagnostic>, SourceMap)>,
    /// What it is, if nothing is wrong.
    pub(super) sound: Option<String>,
}

/// `1 step`, `2 steps`.
pub(super) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// A row a variable: its name, its value, the layer that won and the place.
pub(super) fn table(vars: &[Resolved], sources: &SourceMap) -> String {
    let row = |var: &Resolved| {
        let layer = serde_json::to_value(var.layer).ok().and_then(|name| name.as_str().map(str::to_owned));
        let place = sources.place(var.span).unwrap_or_default();
        [var.name.clone(), shown(var), layer.unwrap_or_default(), place]
    };
    let rows: Vec<[String; 4]> = vars.iter().map(row).collect();
    let width =
        |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let (a, b, c) = (width(0), width(1), width(2));
    let line = |[name, value, layer, place]: &[String; 4]| format!("{name:a$}  {value:b$}  {layer:c$}  {place}\n");
    rows.iter().map(line).collect()
}

/// A variable with its value as it is; of a secret only where it comes from.
pub(super) fn variable(var: &Resolved, sources: &SourceMap) -> Value {
    let value = var.value.as_ref().filter(|_| var.secret.is_none()).map(Node::to_json);
    json!({
        "name": var.name,
        "type": var.ty,
        "value": value,
        "secret": var.secret.as_ref().map(|_| shown(var).trim_start_matches("secret from ").to_owned()),
        "layer": var.layer,
        "place": sources.place(var.span).unwrap_or_default(),
    })
}
