//! Where a piece of text stands: sources, spans, and positions derived from them.

use serde::{Deserialize, Serialize};

/// Which text a span points into; an index of [`SourceMap`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceId(pub u16);

/// A half-open range of bytes in one source. Lines and columns are derived with [`Source::position`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// The text.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The range `start..end` of `source`.
    pub fn new(source: SourceId, start: usize, end: usize) -> Self {
        let clamp = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { source, start: clamp(start), end: clamp(end.max(start)) }
    }

    /// The part `from..to` of this span, in bytes from its start.
    pub fn slice(self, from: usize, to: usize) -> Self {
        let at = |offset: usize| (self.start as usize + offset).min(self.end as usize);
        Self::new(self.source, at(from), at(to))
    }
}

/// A place as people read it: both numbers start at 1, columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// One text with its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// A file name as the operator wrote it, or `--var target`.
    pub name: String,
    /// The whole text.
    pub text: String,
}

impl Source {
    /// The position of byte `offset`; past the end it is the end.
    pub fn position(&self, offset: u32) -> Position {
        let mut offset = (offset as usize).min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &self.text[..offset];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Position {
            line: before.bytes().filter(|b| *b == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// The text of line `line` (from 1) without its line end.
    pub fn line(&self, line: usize) -> &str {
        self.text.lines().nth(line.saturating_sub(1)).unwrap_or("")
    }
}

/// All texts that a plan was read from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceMap {
    sources: Vec<Source>,
}

impl SourceMap {
    /// Adds a text and returns its id.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> SourceId {
        let id = SourceId(u16::try_from(self.sources.len()).unwrap_or(u16::MAX));
        self.sources.push(Source { name: name.into(), text: text.into() });
        id
    }

    /// The text behind `id`.
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.sources.get(usize::from(id.0))
    }

    /// All of them, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter()
    }

    /// `plan.yaml:31:13`, or nothing where the span has no text.
    pub fn place(&self, span: Span) -> Option<String> {
        let source = self.get(span.source)?;
        let at = source.position(span.start);
        Some(format!("{}:{}:{}", source.name, at.line, at.column))
    }
}
