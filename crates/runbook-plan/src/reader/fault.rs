//! What the YAML reader's errors say to the author of a plan.

use super::limits::{MAX_BYTES, MAX_DEPTH};
use super::places::span_of;
use runbook_model::{Code, Diagnostic, SourceId, Span};
use serde_saphyr::Error;

pub(super) fn too_large(source: SourceId) -> Diagnostic {
    let message = format!("the file is larger than {} MiB", MAX_BYTES >> 20);
    Diagnostic::error(Code::BUDGET, Span::new(source, 0, 0), message)
}

/// The diagnostic of an error that ended the reading.
pub(super) fn diagnostic(source: SourceId, text: &str, error: &Error) -> Diagnostic {
    let error = error.without_snippet();
    let span = error.location().map_or_else(|| Span::new(source, 0, 0), |at| span_of(source, text, &at));
    match error {
        Error::AliasError { error, .. } => Diagnostic {
            primary: runbook_model::Label { span, text: String::new() },
            ..diagnostic(source, text, error)
        },
        Error::MultipleDocuments { .. } => {
            Diagnostic::error(Code::WRONG_DOCUMENT, span, "a second document begins here; a file holds one")
                .help("write each document to a file of its own")
        }
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. } => Diagnostic::error(Code::BUDGET, span, budget(error)),
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            Diagnostic::error(Code::BUDGET, span, "this alias stands inside the value that it names")
        }
        Error::UnknownAnchor { .. } => Diagnostic::error(Code::SYNTAX, span, "there is no anchor of this name")
            .help("quote the text if it is meant to start with `*`"),
        Error::UnsupportedTag { tag, .. } => {
            // The place that the reader gives is that of the value.
            let written = text.get(..span.start as usize).and_then(|before| before.rfind(&**tag));
            let span = written.map_or(span, |at| Span::new(source, at, at + tag.len()));
            Diagnostic::error(Code::SYNTAX, span, format!("the tag `{tag}` is not part of the plan language"))
                .help("remove it, or quote the text if it is meant to start with `!`")
        }
        other => syntax(source, text, span, &plain(other)),
    }
}

fn budget(error: &Error) -> String {
    use serde_saphyr::budget::BudgetBreach;
    match error {
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => {
            format!("lists and maps are nested more than {MAX_DEPTH} deep")
        }
        Error::Budget { breach: BudgetBreach::Documents { .. }, .. } => "there are too many documents".to_owned(),
        Error::Budget { .. } => "the file holds more values than a plan may".to_owned(),
        _ => "the aliases multiply to more values than a plan may hold".to_owned(),
    }
}

fn syntax(source: SourceId, text: &str, span: Span, message: &str) -> Diagnostic {
    if message.contains("nest") || message.contains("recursion") {
        let message = format!("lists and maps are nested more than {MAX_DEPTH} deep");
        return Diagnostic::error(Code::BUDGET, span, message);
    }
    if message.contains("quoted scalar") {
        let before = text.get(..span.start as usize).unwrap_or("");
        // Where the reader stops at the quote itself, it says so.
        let Some(open) = before.rfind(['"', '\'']) else {
            return Diagnostic::error(Code::SYNTAX, span, message.to_owned());
        };
        return Diagnostic::error(Code::SYNTAX, Span::new(source, open, open + 1), "this quote is not closed")
            .related(span, format!("the reader stopped here: {message}"));
    }
    if message.contains("found a tab")
        && let Some(tab) = indenting_tab(text, span.start as usize)
    {
        let place = Span::new(source, tab, tab + 1);
        return Diagnostic::error(Code::SYNTAX, place, "a tab indents this line").help("indent with spaces");
    }
    let (span, help) = hint(source, text, span);
    Diagnostic::error(Code::SYNTAX, span, message.to_owned()).maybe_help(help)
}

/// The message without the place, which the span tells.
fn plain(error: &Error) -> String {
    let message = match error {
        Error::ExternalMessage { msg, .. } | Error::Message { msg, .. } => msg.clone(),
        Error::Eof { .. } => "the file ends too early".to_owned(),
        other => other.to_string(),
    };
    let message = message.lines().next().unwrap_or("").trim();
    let message = message.split(" at line ").next().unwrap_or(message);
    message.trim_end_matches('.').to_owned()
}

/// The first tab in the indentation of a line that begins after `from`.
fn indenting_tab(text: &str, from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    let mut start = from + rest.find('\n')? + 1;
    for line in text.get(start..)?.split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = line.get(..indent)?.find('\t') {
            return Some(start + tab);
        }
        start += line.len();
    }
    None
}

/// Looks at the line of the fault for the usual causes.
fn hint(source: SourceId, text: &str, span: Span) -> (Span, Option<String>) {
    let at = (span.start as usize).min(text.len());
    let before = text.get(..at).unwrap_or("");
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let line_end = text.get(at..).and_then(|rest| rest.find('\n')).map_or(text.len(), |end| at + end);
    let line = text.get(line_start..line_end).unwrap_or("");
    let indent = line.len() - line.trim_start().len();
    if let Some(tab) = line.get(..indent).and_then(|indent| indent.find('\t')) {
        let place = Span::new(source, line_start + tab, line_start + tab + 1);
        return (place, Some("indent with spaces; YAML takes no tabs".to_owned()));
    }
    let unquoted = [": {{", "- {{", ": {%", "- {%"].iter().find_map(|mark| line.find(mark));
    if let Some(at) = unquoted {
        let place = Span::new(source, line_start + at + 2, line_start + at + 4);
        return (place, Some("a value that starts with `{{` has to be quoted: \"{{ vars.x }}\"".to_owned()));
    }
    let here = text.get(at..line_end).unwrap_or("");
    if here.starts_with(['@', '`', '%']) {
        return (span, Some("quote a text that starts like this".to_owned()));
    }
    if let Some((place, help)) = colon(source, text, at, line_start) {
        return (place, Some(help));
    }
    if at <= line_start + indent {
        return (span, Some("the line is indented neither as the one above nor as its list or map".to_owned()));
    }
    (span, None)
}

/// A colon where YAML expects none, at byte `at`: what stands before it tells why.
fn colon(source: SourceId, text: &str, at: usize, line_start: usize) -> Option<(Span, String)> {
    text.get(at..)?.starts_with(':').then_some(())?;
    let before = text.get(line_start..at)?;
    if before.contains(": ") {
        return Some((Span::new(source, at, at + 1), "quote a text that holds `: `".to_owned()));
    }
    let above = text.get(..line_start)?.trim_end();
    let above_start = above.rfind('\n').map_or(0, |end| end + 1);
    let line = above.get(above_start..)?;
    let colon =
        line.find(':').filter(|colon| !line.get(*colon..).is_some_and(|rest| rest.contains(": ") || rest == ":"));
    if let Some(colon) = colon {
        let place = Span::new(source, above_start + colon, above_start + colon + 1);
        return Some((place, "write a space after this colon".to_owned()));
    }
    let open = line.rfind(['[', '{']).filter(|open| !line.get(*open..).is_some_and(|rest| rest.contains([']', '}'])));
    open.map(|open| (Span::new(source, above_start + open, above_start + open + 1), "close this bracket".to_owned()))
}
