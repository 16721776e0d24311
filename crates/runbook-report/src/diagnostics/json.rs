//! Diagnostics as JSON; the names of the fields are stable (docs/output.md).

use super::frame::Index;
use crate::text;
use runbook_model::{Diagnostic, Label, Severity, SourceMap};
use serde_json::{Value, json as object};

/// One document with all of `diagnostics` and their counts.
pub fn json(diagnostics: &[Diagnostic], sources: &SourceMap) -> Value {
    let count = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    object!({
        "diagnostics": diagnostics.iter().map(|diagnostic| one(diagnostic, sources)).collect::<Vec<_>>(),
        "errors": count(Severity::Error),
        "warnings": count(Severity::Warning),
    })
}

/// One diagnostic a line.
pub fn ndjson(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    let line = |diagnostic| text::safe_json(&one(diagnostic, sources).to_string()) + "\n";
    diagnostics.iter().map(line).collect()
}

fn one(diagnostic: &Diagnostic, sources: &SourceMap) -> Value {
    object!({
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "primary": place(&diagnostic.primary, sources),
        "related": diagnostic.related.iter().map(|label| place(label, sources)).collect::<Vec<_>>(),
        "help": diagnostic.help,
    })
}

/// `file`, `start` and `end` are null where the span has no text.
fn place(label: &Label, sources: &SourceMap) -> Value {
    let Some(source) = sources.get(label.span.source) else {
        return object!({ "file": null, "start": null, "end": null, "text": label.text });
    };
    let index = Index::new(source);
    let position = |offset| {
        let (line, column) = index.position(offset);
        object!({ "line": line, "column": column })
    };
    object!({
        "file": source.name,
        "start": position(label.span.start),
        "end": position(label.span.end.max(label.span.start)),
        "text": label.text,
    })
}
