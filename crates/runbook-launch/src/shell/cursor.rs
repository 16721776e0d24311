//! Where a reader is in a script: characters, blanks and the words that stand ahead, and how what cannot be read is told.

use crate::Unclear;

/// How deep commands and words may nest.
const DEEPEST: usize = 40;
/// What ends a word.
pub(super) const META: &str = " \t\n|&;()<>";

pub(super) type Parsed<T> = Result<T, Unclear>;

/// Reads one line after the other.
pub(super) struct Parser {
    pub(super) chars: Vec<char>,
    pub(super) at: usize,
    pub(super) line: usize,
    pub(super) depth: usize,
}

impl Parser {
    /// `line` is the number of the first line.
    pub(super) fn new(text: &str, line: usize) -> Self {
        Self { chars: text.chars().collect(), at: 0, line, depth: 0 }
    }

    pub(super) fn fault<T>(&self, why: impl std::fmt::Display) -> Parsed<T> {
        Err(Unclear(format!("line {}: {why}", self.line)))
    }

    pub(super) fn unknown<T>(&self, construct: &str) -> Parsed<T> {
        self.fault(format_args!("{construct} is not followed by reading"))
    }

    pub(super) fn broken<T>(&self) -> Parsed<T> {
        self.fault("cannot be read")
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    pub(super) fn looks_at(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(nth, c)| self.chars.get(self.at + nth) == Some(&c))
    }

    pub(super) fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        self.line += usize::from(c == '\n');
        Some(c)
    }

    pub(super) fn takes(&mut self, text: &str) -> bool {
        let found = self.looks_at(text);
        if found {
            self.at += text.chars().count();
            self.line += text.matches('\n').count();
        }
        found
    }

    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let mut text = String::new();
        while let Some(c) = self.peek().filter(|c| wanted(*c)) {
            text.push(c);
            self.take();
        }
        text
    }

    /// Blanks and a comment.
    pub(super) fn skip_blanks(&mut self) {
        while self.takes(" ") || self.takes("\t") || self.takes("\\\n") {}
        if self.peek() == Some('#') {
            self.take_while(|c| c != '\n');
        }
    }

    pub(super) fn skip_lines(&mut self) {
        self.skip_blanks();
        while self.takes("\n") {
            self.skip_blanks();
        }
    }

    /// The text up to what ends a word, quotes and all.
    pub(super) fn ahead(&self) -> String {
        self.chars.iter().skip(self.at).take_while(|c| !META.contains(**c)).collect()
    }

    pub(super) fn expect(&mut self, word: &str) -> Parsed<()> {
        self.skip_lines();
        if self.ahead() != word {
            return self.broken();
        }
        self.takes(word);
        Ok(())
    }

    /// Takes what stands between two commands; false if the list is over.
    pub(super) fn separator(&mut self) -> Parsed<bool> {
        if self.looks_at("&") {
            return self.unknown("a program in the background (`&`)");
        }
        if self.looks_at(";;") || self.looks_at(";&") {
            return Ok(false);
        }
        let found = self.takes(";") || self.takes("\n");
        self.skip_blanks();
        Ok(found)
    }

    pub(super) fn end(&self) -> Parsed<()> {
        if self.peek().is_some() { self.broken() } else { Ok(()) }
    }

    pub(super) fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEEPEST {
            return self.fault(format_args!("commands and words nest deeper than {DEEPEST}"));
        }
        self.depth += 1;
        let read = read(self)?;
        self.depth -= 1;
        Ok(read)
    }
}
