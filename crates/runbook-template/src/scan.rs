//! Reads the outside of templates: where expressions and statements begin and end, and what each of them reads.
//!
//! minijinja knows this too, but gives no places. It still judges the syntax of every text.

use crate::engine;
use crate::error::TemplateError;
use crate::names::{Names, Use, end_of_string, names};
use crate::rules::Dialect;
use std::borrow::Cow;
use std::ops::Range;

/// Whether `text` is a template at all. Texts without any of the marks are never looked at again.
pub fn has_template(text: &str) -> bool {
    text.as_bytes().windows(2).any(|pair| matches!(pair, b"{{" | b"{%" | b"{#"))
}

/// What the template `text` reads, in order of appearance.
///
/// # Errors
/// The text is not well-formed, or it uses a filter, test, function or statement that scalars do not have.
pub fn uses(text: &str) -> Result<Vec<Use>, TemplateError> {
    let checked = Checked::text(text, Dialect::Scalar)?;
    match checked.whole.clone() {
        Some(inner) => drop(engine::expression(&checked.rewritten_part(inner))?),
        None => drop(engine::template(&checked.rewritten())?),
    }
    Ok(checked.names.uses)
}

/// What the expression `text` reads, as in `if:`. It may be written inside `{{ }}`.
///
/// # Errors
/// As [`uses`].
pub fn expression_uses(text: &str) -> Result<Vec<Use>, TemplateError> {
    let checked = Checked::expression(text)?;
    let inner = checked.whole.clone().unwrap_or(0..text.len());
    engine::expression(&checked.rewritten_part(inner))?;
    Ok(checked.names.uses)
}

/// Whether `text` is exactly one `{{ expression }}`, so that its value keeps its type.
pub fn is_expression(text: &str) -> bool {
    text.starts_with("{{") && segments(text).is_ok_and(|segments| whole(text, &segments).is_some())
}

/// A text of which every name is known.
pub(crate) struct Checked<'t> {
    text: &'t str,
    pub(crate) names: Names,
    /// The inside, where the text is exactly one expression.
    pub(crate) whole: Option<Range<usize>>,
}

impl<'t> Checked<'t> {
    pub(crate) fn text(text: &'t str, dialect: Dialect) -> Result<Self, TemplateError> {
        let segments = segments(text)?;
        let mut found = Names::default();
        for segment in &segments {
            match segment.kind {
                Kind::Expression => names(text, segment.inner.clone(), dialect, &mut found)?,
                Kind::Statement => statement(text, segment, dialect, &mut found)?,
                Kind::Comment => {}
            }
        }
        Ok(Self { text, names: found, whole: whole(text, &segments) })
    }

    pub(crate) fn expression(text: &'t str) -> Result<Self, TemplateError> {
        let trimmed = text.trim();
        let start = text.len() - text.trim_start().len();
        let found = segments(trimmed).ok().filter(|_| trimmed.starts_with("{{"));
        let inner = match found.and_then(|segments| whole(trimmed, &segments)) {
            Some(inner) => start + inner.start..start + inner.end,
            None => start..start + trimmed.len(),
        };
        if inner.is_empty() {
            return Err(TemplateError::syntax("the expression is empty", 0..text.len()));
        }
        let mut found = Names::default();
        names(text, inner.clone(), Dialect::Scalar, &mut found)?;
        Ok(Self { text, names: found, whole: Some(inner) })
    }

    /// The text as minijinja has to see it: ids with a `-` in brackets.
    pub(crate) fn rewritten(&self) -> Cow<'t, str> {
        self.rewritten_part(0..self.text.len())
    }

    pub(crate) fn rewritten_part(&self, part: Range<usize>) -> Cow<'t, str> {
        let source = self.text.get(part.clone()).unwrap_or("");
        let mut rewritten = String::new();
        let mut done = part.start;
        for id in self.names.dashed.iter().filter(|id| part.contains(&id.start)) {
            rewritten.push_str(self.text.get(done..id.start).unwrap_or("").trim_end_matches([' ', '.']));
            rewritten.push_str("[\"");
            rewritten.push_str(self.text.get(id.clone()).unwrap_or(""));
            rewritten.push_str("\"]");
            done = id.end;
        }
        if rewritten.is_empty() {
            return Cow::Borrowed(source);
        }
        rewritten.push_str(self.text.get(done..part.end).unwrap_or(""));
        Cow::Owned(rewritten)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Expression,
    Statement,
    Comment,
}

struct Segment {
    kind: Kind,
    outer: Range<usize>,
    inner: Range<usize>,
}

fn whole(text: &str, segments: &[Segment]) -> Option<Range<usize>> {
    match segments {
        [Segment { kind: Kind::Expression, outer, inner }] if *outer == (0..text.len()) => Some(inner.clone()),
        _ => None,
    }
}

fn segments(text: &str) -> Result<Vec<Segment>, TemplateError> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = text.get(at..).and_then(|rest| rest.find('{')).map(|offset| at + offset) {
        let kind = match text.as_bytes().get(open + 1) {
            Some(b'{') => Kind::Expression,
            Some(b'%') => Kind::Statement,
            Some(b'#') => Kind::Comment,
            _ => {
                at = open + 1;
                continue;
            }
        };
        let close = closing(text, open, kind)?;
        let trim = |c: char| c == '-' || c == '+';
        let body = text.get(open + 2..close).unwrap_or("");
        let start = open + 2 + (body.len() - body.strip_prefix(trim).unwrap_or(body).len());
        let end = close - usize::from(kind != Kind::Comment && body.len() > 1 && body.ends_with('-'));
        let segment = Segment { kind, outer: open..close + 2, inner: start.min(end)..end };
        at = close + 2;
        if kind == Kind::Statement && word(text, &segment.inner).0 == "raw" {
            at = end_of_raw(text, at)
                .ok_or_else(|| TemplateError::syntax("`{% raw %}` has no `{% endraw %}`", open..at))?;
        } else {
            found.push(segment);
        }
    }
    Ok(found)
}

/// The byte at which the closing mark of the segment that opens at `open` begins.
fn closing(text: &str, open: usize, kind: Kind) -> Result<usize, TemplateError> {
    let (mark, name) = match kind {
        Kind::Expression => ("}}", "{{"),
        Kind::Statement => ("%}", "{%"),
        Kind::Comment => ("#}", "{#"),
    };
    let missing = || TemplateError::syntax(format!("`{name}` is not closed by `{mark}`"), open..open + 2);
    if kind == Kind::Comment {
        return text.get(open + 2..).and_then(|rest| rest.find(mark)).map(|at| open + 2 + at).ok_or_else(missing);
    }
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (open + 2, 0usize);
    while let Some(&byte) = bytes.get(at) {
        if depth == 0 && bytes.get(at..at + 2) == Some(mark.as_bytes()) {
            return Ok(at);
        }
        match byte {
            b'"' | b'\'' => at = end_of_string(bytes, at).ok_or_else(|| unclosed_quote(at))? - 1,
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    Err(missing())
}

fn unclosed_quote(at: usize) -> TemplateError {
    TemplateError::syntax("this quote is not closed", at..at + 1)
}

/// One past the `{% endraw %}` that comes next.
fn end_of_raw(text: &str, from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let open = at + text.get(at..)?.find("{%")?;
        let close = open + text.get(open..)?.find("%}")?;
        if text.get(open + 2..close)?.trim_matches(['-', '+', ' ', '\t', '\n', '\r']) == "endraw" {
            return Some(close + 2);
        }
        at = open + 2;
    }
}

fn word<'t>(text: &'t str, range: &Range<usize>) -> (&'t str, usize) {
    let inner = text.get(range.clone()).unwrap_or("");
    let body = inner.trim_start();
    let end = body.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(body.len());
    (body.get(..end).unwrap_or(""), range.start + (inner.len() - body.len()) + end)
}

fn statement(text: &str, segment: &Segment, dialect: Dialect, found: &mut Names) -> Result<(), TemplateError> {
    let (name, rest) = word(text, &segment.inner);
    if !dialect.has_statement(name) {
        let message = match name {
            "include" | "import" | "from" | "extends" | "block" => {
                format!("`{name}` is not part of the plan language: a template reads no other file")
            }
            "for" | "set" | "with" => format!("`{name}` is not part of a value; only `if` is. Use a filter"),
            _ => format!("there is no statement `{name}`"),
        };
        return Err(TemplateError::syntax(message, segment.outer.clone()));
    }
    match name {
        "if" | "elif" | "for" | "set" | "with" => names(text, rest..segment.inner.end, dialect, found),
        _ => Ok(()),
    }
}
