//! Reads the inside of an expression: which names it reads, and that every filter, test and function exists.

use crate::error::TemplateError;
use crate::rules::{Dialect, FILTERS, TESTS};
use runbook_model::did_you_mean;
use std::ops::Range;

/// The longest expression. What reads it recurses, for every operator in the worst case.
const MAX_EXPRESSION: usize = 1024;
/// The deepest nesting of brackets.
const MAX_DEPTH: usize = 32;

/// Something that a template reads: `vars.target`, `steps.install.path`, `host.os`, `environment`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The name, from the outermost part: `["steps", "install", "path"]`.
    pub path: Vec<String>,
    /// Its bytes in the text that was given.
    pub range: Range<usize>,
}

/// What was found in the expressions of one text.
#[derive(Default)]
pub(crate) struct Names {
    pub(crate) uses: Vec<Use>,
    /// Ids with a `-` after `steps.` and `artifacts.`, which minijinja would take for a subtraction.
    pub(crate) dashed: Vec<Range<usize>>,
}

/// What stands before a name and decides what it means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Other,
    Dot,
    Pipe,
    Is,
}

/// Adds what the expression `text[range]` reads to `found`.
pub(crate) fn names(text: &str, range: Range<usize>, dialect: Dialect, found: &mut Names) -> Result<(), TemplateError> {
    let mut cursor = Cursor { text, bytes: text.as_bytes(), at: range.start, end: range.end };
    if range.len() > MAX_EXPRESSION {
        return Err(TemplateError::syntax(format!("an expression is longer than {MAX_EXPRESSION} bytes"), range));
    }
    let mut depth = 0usize;
    let mut before = Before::Other;
    while let Some(byte) = cursor.peek() {
        let start = cursor.at;
        if byte.is_ascii_whitespace() {
            cursor.at += 1;
            continue;
        }
        before = match byte {
            b'"' | b'\'' => {
                cursor.at = end_of_string(cursor.bytes, start)
                    .filter(|end| *end <= cursor.end)
                    .ok_or_else(|| TemplateError::syntax("this quote is not closed", start..start + 1))?;
                Before::Other
            }
            b'0'..=b'9' => {
                cursor.number();
                Before::Other
            }
            b'.' => cursor.step(Before::Dot),
            b'|' => cursor.step(Before::Pipe),
            b'(' | b'[' | b'{' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    let message = format!("an expression is nested more than {MAX_DEPTH} deep");
                    return Err(TemplateError::syntax(message, start..start + 1));
                }
                cursor.step(Before::Other)
            }
            b')' | b']' | b'}' => {
                depth = depth.saturating_sub(1);
                cursor.step(Before::Other)
            }
            b'*' => {
                let message = "`*` is not part of the plan language; write `| times(n)`";
                return Err(TemplateError::syntax(message, start..start + 1));
            }
            _ if is_start(byte) => name(&mut cursor, before, dialect, found)?,
            _ => cursor.step(Before::Other),
        };
    }
    Ok(())
}

fn name(cursor: &mut Cursor<'_>, before: Before, dialect: Dialect, found: &mut Names) -> Result<Before, TemplateError> {
    let start = cursor.at;
    let word = cursor.word();
    let range = start..cursor.at;
    match before {
        Before::Dot => return Ok(Before::Other),
        Before::Pipe => known("filter", word, FILTERS, range)?,
        Before::Is if word == "not" => return Ok(Before::Is),
        Before::Is => known("test", word, TESTS, range)?,
        Before::Other => match word {
            "is" => return Ok(Before::Is),
            "and" | "or" | "not" | "in" | "if" | "else" | "true" | "false" | "none" | "True" | "False" | "None" => {}
            _ if cursor.after_space() == Some(b'(') => known("function", word, dialect.functions(), range)?,
            _ if cursor.is_argument_name() => {}
            _ => path(cursor, word, start, found)?,
        },
    }
    Ok(Before::Other)
}

/// Reads on from the first word of a path: `.name`, `["name"]`.
fn path(cursor: &mut Cursor<'_>, root: &str, start: usize, found: &mut Names) -> Result<(), TemplateError> {
    let mut parts = vec![root.to_owned()];
    let mut end = cursor.at;
    loop {
        let back = cursor.at;
        match cursor.skip_space() {
            Some(b'.') => {
                cursor.at += 1;
                cursor.skip_space();
                let part = cursor.at;
                let word =
                    if matches!(root, "steps" | "artifacts") && parts.len() == 1 { cursor.id() } else { cursor.word() };
                if word.contains('-') {
                    found.dashed.push(part..cursor.at);
                }
                parts.push(word.to_owned());
            }
            Some(b'[') => match cursor.key() {
                Some(key) => parts.push(key),
                None => {
                    cursor.at = back;
                    break;
                }
            },
            Some(b'(') if parts.len() > 1 => {
                let message = "values have no functions of their own; use a filter, as in `x | length`";
                return Err(TemplateError::syntax(message, start..end));
            }
            _ => {
                cursor.at = back;
                break;
            }
        }
        end = cursor.at;
    }
    found.uses.push(Use { path: parts, range: start..end });
    Ok(())
}

/// One past the closing quote of the string that opens at `open`.
pub(crate) fn end_of_string(bytes: &[u8], open: usize) -> Option<usize> {
    let quote = *bytes.get(open)?;
    let mut at = open + 1;
    loop {
        match *bytes.get(at)? {
            b'\\' => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

fn known(
    what: &'static str,
    name: &str,
    all: &'static [&'static str],
    range: Range<usize>,
) -> Result<(), TemplateError> {
    if all.contains(&name) {
        return Ok(());
    }
    let suggestion = did_you_mean(name, all.iter().copied());
    Err(TemplateError::UnknownName { what, name: name.to_owned(), suggestion, range })
}

fn is_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || !byte.is_ascii()
}

fn is_inner(byte: u8) -> bool {
    is_start(byte) || byte.is_ascii_digit()
}

struct Cursor<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    end: usize,
}

impl<'t> Cursor<'t> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied().filter(|_| self.at < self.end)
    }

    fn step(&mut self, before: Before) -> Before {
        self.at += 1;
        before
    }

    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'t str {
        let start = self.at;
        while self.peek().is_some_and(&wanted) {
            self.at += 1;
        }
        self.text.get(start..self.at).unwrap_or("")
    }

    fn word(&mut self) -> &'t str {
        self.take_while(is_inner)
    }

    /// A step's id, or an artifact's. A `-` belongs to it if another part of the path follows; else it is a minus.
    fn id(&mut self) -> &'t str {
        let start = self.at;
        let long = self.take_while(|byte| is_inner(byte) || byte == b'-');
        if long.contains('-') && !matches!(self.peek(), Some(b'.' | b'[')) {
            self.at = start;
            return self.word();
        }
        long
    }

    fn number(&mut self) {
        self.word();
        if self.peek() == Some(b'.') && self.bytes.get(self.at + 1).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
            self.word();
        }
    }

    fn skip_space(&mut self) -> Option<u8> {
        self.take_while(|byte| byte.is_ascii_whitespace());
        self.peek()
    }

    fn after_space(&self) -> Option<u8> {
        let rest = self.bytes.get(self.at..self.end)?;
        rest.iter().copied().find(|byte| !byte.is_ascii_whitespace())
    }

    /// Whether a single `=` follows, as in `default(value=1)`.
    fn is_argument_name(&self) -> bool {
        let rest = self.text.get(self.at..self.end).unwrap_or("").trim_start();
        rest.starts_with('=') && !rest.starts_with("==")
    }

    /// `["key"]` at the cursor, which stays where it is if that is something else.
    fn key(&mut self) -> Option<String> {
        let back = self.at;
        self.at += 1;
        let quoted = matches!(self.skip_space(), Some(b'"' | b'\''));
        let start = self.at;
        let end = end_of_string(self.bytes, start).filter(|end| quoted && *end <= self.end);
        if let Some(end) = end {
            self.at = end;
            if self.skip_space() == Some(b']') {
                self.at += 1;
                return self.text.get(start + 1..end - 1).map(str::to_owned);
            }
        }
        self.at = back;
        None
    }
}
