//! From the text of a script to words and operators. Quotes are understood, nothing is expanded.

use super::syntax::{Part, Word};

/// Operators, the longer before those that they begin with.
const OPERATORS: &[&str] = &[";;&", ";;", ";&", "&&", "||", "|&", "\n", ";", "&", "|", "(", ")"];
/// Redirections, likewise.
const REDIRECTIONS: &[&str] = &["<<<", "<<-", "<<", "&>>", "&>", ">>", ">|", ">&", "<&", "<>", ">", "<"];

/// A piece of the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A word.
    Word(Word),
    /// `;`, `&&`, a line end, …
    Operator(&'static str),
    /// `>`, `2>`, …: a word follows.
    Redirection,
    /// `<<`: the word that ends it follows.
    Here { indented: bool },
    /// The script is over.
    End,
}

/// Reads one token after the other.
pub(super) struct Lexer {
    chars: Vec<char>,
    at: usize,
    /// The line of the next character.
    reached: usize,
    /// The line on which the last token begins.
    line: usize,
    /// Documents that begin behind the next line end.
    documents: Vec<(String, bool)>,
}

impl Lexer {
    pub(super) fn new(text: &str) -> Self {
        Self { chars: text.chars().collect(), at: 0, reached: 1, line: 1, documents: Vec::new() }
    }

    /// The line on which the last token begins.
    pub(super) fn line(&self) -> usize {
        self.line
    }

    /// Text that ends with the line `end` begins behind the next line end.
    pub(super) fn expect_document(&mut self, end: String, indented: bool) {
        self.documents.push((end, indented));
    }

    pub(super) fn next(&mut self) -> Token {
        self.skip_blanks();
        self.line = self.reached;
        if self.peek().is_none() {
            return Token::End;
        }
        self.skip_descriptor();
        if let Some(found) = REDIRECTIONS.iter().find(|text| self.looks_at(text)) {
            // A substitution such as `<(…)` is a word.
            self.skip(found.len());
            return match *found {
                "<<" => Token::Here { indented: false },
                "<<-" => Token::Here { indented: true },
                _ => Token::Redirection,
            };
        }
        if let Some(found) = OPERATORS.iter().find(|text| self.looks_at(text)) {
            self.skip(found.len());
            if *found == "\n" {
                self.skip_documents();
            }
            return Token::Operator(found);
        }
        Token::Word(self.word())
    }

    /// Takes `text`, if it comes next.
    pub(super) fn takes(&mut self, text: &str) -> bool {
        let found = self.looks_at(text);
        if found {
            self.skip(text.len());
        }
        found
    }

    /// The text inside a parenthesis that is open already.
    pub(super) fn enclosed(&mut self, open: char, close: char) -> String {
        let (mut depth, mut text, mut quote) = (1_usize, String::new(), None);
        while let Some(c) = self.take() {
            match (quote, c) {
                (_, '\\') if quote != Some('\'') => {
                    text.push(c);
                    text.extend(self.take());
                    continue;
                }
                (Some(mark), _) if mark == c => quote = None,
                (None, '\'' | '"') => quote = Some(c),
                // Inside of double quotes a substitution nests all the same.
                (None | Some('"'), _) if c == open => depth += 1,
                (None | Some('"'), _) if c == close => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            text.push(c);
        }
        text
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn looks_at(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(nth, c)| self.chars.get(self.at + nth) == Some(&c))
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        self.reached += usize::from(c == '\n');
        Some(c)
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.take();
        }
    }

    fn skip_blanks(&mut self) {
        loop {
            match self.peek() {
                Some('#') => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.skip(1);
                    }
                }
                Some('\\') if self.looks_at("\\\n") => self.skip(2),
                Some(c) if c != '\n' && c.is_whitespace() => self.skip(1),
                _ => return,
            }
        }
    }

    /// The number in front of a redirection.
    fn skip_descriptor(&mut self) {
        let digits = self.chars.iter().skip(self.at).take_while(|c| c.is_ascii_digit()).count();
        if digits > 0 && matches!(self.chars.get(self.at + digits), Some('<' | '>')) {
            self.skip(digits);
        }
    }

    fn skip_documents(&mut self) {
        for (end, indented) in std::mem::take(&mut self.documents) {
            while self.peek().is_some() {
                let mut line = String::new();
                while let Some(c) = self.take().filter(|c| *c != '\n') {
                    line.push(c);
                }
                if (if indented { line.trim_start_matches('\t') } else { &line }) == end {
                    break;
                }
            }
        }
    }

    fn word(&mut self) -> Word {
        let mut parts = Vec::new();
        let mut text = String::new();
        while let Some(c) = self.peek() {
            if c.is_whitespace() || "|&;()<>".contains(c) {
                break;
            }
            self.skip(1);
            match c {
                '\\' => match self.take() {
                    Some('\n') | None => {}
                    Some(escaped) => {
                        flush(&mut parts, &mut text, false);
                        parts.push(Part::Text { text: escaped.into(), quoted: true });
                    }
                },
                '\'' => {
                    flush(&mut parts, &mut text, false);
                    let quoted = std::iter::from_fn(|| self.take().filter(|c| *c != '\'')).collect();
                    parts.push(Part::Text { text: quoted, quoted: true });
                }
                '"' => {
                    flush(&mut parts, &mut text, false);
                    self.in_quotes(&mut parts);
                }
                '$' | '`' => {
                    flush(&mut parts, &mut text, false);
                    parts.push(self.expansion(c, false));
                }
                _ => text.push(c),
            }
        }
        flush(&mut parts, &mut text, false);
        Word(parts)
    }

    fn in_quotes(&mut self, parts: &mut Vec<Part>) {
        let mut text = String::new();
        let before = parts.len();
        while let Some(c) = self.take().filter(|c| *c != '"') {
            match c {
                '\\' => match self.take() {
                    Some('\n') | None => {}
                    Some(c @ ('$' | '`' | '"' | '\\')) => text.push(c),
                    Some(other) => text.extend(['\\', other]),
                },
                '$' | '`' => {
                    flush(parts, &mut text, true);
                    parts.push(self.expansion(c, true));
                }
                _ => text.push(c),
            }
        }
        flush(parts, &mut text, true);
        if parts.len() == before {
            parts.push(Part::Text { text: String::new(), quoted: true });
        }
    }

    /// What follows a `$` or a backquote.
    fn expansion(&mut self, mark: char, quoted: bool) -> Part {
        if mark == '`' {
            let script = std::iter::from_fn(|| self.take().filter(|c| *c != '`')).collect();
            return Part::Output { script, quoted };
        }
        if self.takes("((") {
            self.enclosed('(', ')');
            self.takes(")");
            return Part::Unknown;
        }
        if self.takes("(") {
            return Part::Output { script: self.enclosed('(', ')'), quoted };
        }
        if self.takes("{") {
            return Part::Parameter { inner: self.enclosed('{', '}'), quoted };
        }
        // `$'…'` has escapes of its own; `$"…"` is translated.
        if !quoted && matches!(self.peek(), Some('\'' | '"')) {
            let mark = self.take();
            while self.take().is_some_and(|c| Some(c) != mark) {}
            return Part::Unknown;
        }
        let mut inner = String::new();
        while let Some(c) = self.peek() {
            let one = inner.is_empty() && "@*#?-$!0123456789".contains(c);
            if !(one || c.is_ascii_alphanumeric() || c == '_') {
                break;
            }
            inner.push(c);
            self.skip(1);
            if one {
                break;
            }
        }
        if inner.is_empty() {
            Part::Text { text: "$".to_owned(), quoted: true }
        } else {
            Part::Parameter { inner, quoted }
        }
    }
}

fn flush(parts: &mut Vec<Part>, text: &mut String, quoted: bool) {
    if !text.is_empty() {
        parts.push(Part::Text { text: std::mem::take(text), quoted });
    }
}
