//! The short way through a document in which nothing is unusual: no fault, no anchor, no tag, no directive.
//!
//! It builds the tree from the parser's events, which costs half of what the general way costs. Whatever it does not
//! know ends it without a word; `document` then reads the same text again, and reports. Both give the same tree.

use super::limits::{FEW_KEYS, MAX_DEPTH, MAX_NODES};
use super::places::{container, trimmed};
use runbook_model::{Entry, Node, SourceId, Span, Value};
use serde_saphyr::granit_parser::{self, Event, Options, Parser, ScalarStyle, StrInput};
use std::borrow::Cow;
use std::collections::HashSet;

/// The tree of `text`; `None` if the general way has to decide.
pub(super) fn read(source: SourceId, text: &str) -> Option<Node> {
    let mut options = Options::default();
    options.emit_comments = false;
    let parser = Parser::new_from_str_with_options(text, options);
    let mut reader = Reader { source, text, parser, nodes_left: MAX_NODES };
    reader.expect(&Event::StreamStart)?;
    let Event::DocumentStart(_, None) = reader.next()?.0 else { return None };
    let (first, span) = reader.next()?;
    // At the very limit the general way decides.
    let root = reader.node(first, span, MAX_DEPTH - 1)?;
    reader.expect(&Event::DocumentEnd)?;
    reader.expect(&Event::StreamEnd)?;
    Some(root)
}

struct Reader<'t> {
    source: SourceId,
    text: &'t str,
    parser: Parser<'t, StrInput<'t>>,
    nodes_left: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Option<(Event<'t>, granit_parser::Span)> {
        self.parser.next_event()?.ok()
    }

    fn expect(&mut self, wanted: &Event<'_>) -> Option<()> {
        (self.next()?.0 == *wanted).then_some(())
    }

    fn node(&mut self, event: Event<'t>, span: granit_parser::Span, depth_left: usize) -> Option<Node> {
        self.nodes_left = self.nodes_left.checked_sub(1)?;
        let place = self.place(span)?;
        match event {
            Event::Scalar(text, style, 0, None) => Some(Node::new(place, scalar(text, style)?)),
            Event::SequenceStart(_, 0, None) => self.list(place, depth_left.checked_sub(1)?),
            Event::MappingStart(_, 0, None) => self.map(place, depth_left.checked_sub(1)?),
            _ => None,
        }
    }

    fn list(&mut self, place: Span, depth_left: usize) -> Option<Node> {
        let mut items: Vec<Node> = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => break,
                (event, span) => items.push(self.node(event, span, depth_left)?),
            }
        }
        let span = container(self.text, place, items.last().map(|item| item.span));
        Some(Node::new(span, Value::List(items)))
    }

    fn map(&mut self, place: Span, depth_left: usize) -> Option<Node> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let key = self.node(event, span, 0)?;
            let Value::String(name) = key.value else { return None };
            let (event, span) = self.next()?;
            entries.push(Entry { key: name, key_span: key.span, value: self.node(event, span, depth_left)? });
        }
        let span = container(self.text, place, entries.last().map(|entry| entry.value.span));
        is_sound(&entries).then(|| Node::new(span, Value::Map(entries)))
    }

    fn place(&self, span: granit_parser::Span) -> Option<Span> {
        let bytes = span.byte_range()?;
        Some(trimmed(self.source, self.text, bytes.start, bytes.end))
    }
}

/// Whether no key stands twice and none is a merge key.
fn is_sound(entries: &[Entry]) -> bool {
    if entries.iter().any(|entry| entry.key == "<<") {
        return false;
    }
    if entries.len() > FEW_KEYS {
        let mut seen = HashSet::with_capacity(entries.len());
        return entries.iter().all(|entry| seen.insert(&entry.key));
    }
    let stood_before = |(at, entry): (usize, &Entry)| entries.iter().take(at).any(|earlier| earlier.key == entry.key);
    !entries.iter().enumerate().any(stood_before)
}

/// The value of a scalar without a tag; `None` for numbers that are written in an unusual way.
fn scalar(text: Cow<'_, str>, style: ScalarStyle) -> Option<Value> {
    if style != ScalarStyle::Plain {
        return Some(Value::String(text.into_owned()));
    }
    let value = match text.as_bytes() {
        [] | b"~" => Value::Null,
        [b'0'..=b'9' | b'+' | b'-' | b'.', ..] => return number(text),
        word if word.eq_ignore_ascii_case(b"null") => Value::Null,
        word if word.eq_ignore_ascii_case(b"true") => Value::Bool(true),
        word if word.eq_ignore_ascii_case(b"false") => Value::Bool(false),
        _ => Value::String(text.into_owned()),
    };
    Some(value)
}

/// A number, or text that begins like one, as paths and versions do.
fn number(text: Cow<'_, str>) -> Option<Value> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(&text);
    let is_decimal = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.is_empty();
    if is_decimal && (digits == "0" || !digits.starts_with('0')) {
        return text.parse().ok().map(Value::Int);
    }
    let names_its_base = matches!(digits.as_bytes(), [b'0', b'x' | b'X' | b'o' | b'O' | b'b' | b'B', ..]);
    let is_special = matches!(digits.as_bytes(), [b'.', b'a'..=b'z' | b'A'..=b'Z', ..]);
    if names_its_base || is_special || digits.contains('_') {
        return None;
    }
    match text.parse::<f64>() {
        Ok(number) => number.is_finite().then_some(Value::Float(number)),
        Err(_) => Some(Value::String(text.into_owned())),
    }
}

#[cfg(test)]
#[path = "plain_tests.rs"]
mod tests;
