//! Words of a script: quotes, parameters, substitutions and redirections.

use super::cursor::{META, Parsed, Parser};
use super::syntax::{Part, Redirection, Word, push};

/// Redirections that are known, the longer before those that they begin with.
const REDIRECTIONS: &[&str] = &[">>", ">|", ">&", "<&", ">", "<"];
/// Operators behind the name of a parameter, likewise.
const CHANGES: &[&str] = &[":-", ":=", ":+", ":?", "%%", "##", "-", "=", "+", "?", "%", "#"];

impl Parser {
    pub(super) fn redirection(&mut self) -> Parsed<Option<Redirection>> {
        let begin = self.at;
        let descriptor = self.take_while(|c| c.is_ascii_digit());
        if !matches!(self.peek(), Some('<' | '>')) {
            self.at = begin;
            return Ok(None);
        }
        for (text, name) in [("<<", "a here-document"), ("<(", "`<(`"), (">(", "`>(`"), ("<>", "`<>`")] {
            if self.looks_at(text) {
                return self.unknown(name);
            }
        }
        let Some(operator) = REDIRECTIONS.iter().find(|text| self.takes(text)) else { return self.broken() };
        self.skip_blanks();
        if self.peek().is_none_or(|c| META.contains(c)) {
            return self.broken();
        }
        Ok(Some(Redirection { descriptor, operator, target: self.word()? }))
    }

    pub(super) fn word(&mut self) -> Parsed<Word> {
        let mut parts = Vec::new();
        while let Some(c) = self.peek().filter(|c| !META.contains(*c)) {
            self.part(c, &mut parts)?;
        }
        if parts.is_empty() { self.broken() } else { Ok(Word(parts)) }
    }

    /// One piece of a word outside of quotes, which begins with `c`.
    pub(super) fn part(&mut self, c: char, parts: &mut Vec<Part>) -> Parsed<()> {
        self.take();
        match c {
            '\\' => match self.take() {
                Some('\n') => {}
                escaped => push(parts, escaped.unwrap_or('\\'), true),
            },
            '\'' => {
                let text = self.take_while(|c| c != '\'');
                if !self.takes("'") {
                    return self.broken();
                }
                parts.push(Part::Text { text, quoted: true });
            }
            '"' => self.in_quotes(parts)?,
            '$' | '`' => parts.push(self.expansion(c, false)?),
            _ => push(parts, c, false),
        }
        Ok(())
    }

    pub(super) fn in_quotes(&mut self, parts: &mut Vec<Part>) -> Parsed<()> {
        let before = parts.len();
        loop {
            match self.take() {
                None => return self.broken(),
                Some('"') => {
                    // Quotes with nothing in between are a word all the same; `"$@"` may be none.
                    if parts.len() == before {
                        parts.push(Part::Text { text: String::new(), quoted: true });
                    }
                    return Ok(());
                }
                Some('\\') => match self.take() {
                    Some('\n') | None => {}
                    Some(c @ ('$' | '`' | '"' | '\\')) => push(parts, c, true),
                    Some(other) => ['\\', other].into_iter().for_each(|c| push(parts, c, true)),
                },
                Some(c @ ('$' | '`')) => parts.push(self.expansion(c, true)?),
                Some(c) => push(parts, c, true),
            }
        }
    }

    /// What follows a `$` or a backquote.
    pub(super) fn expansion(&mut self, mark: char, quoted: bool) -> Parsed<Part> {
        if mark == '`' {
            return self.in_backquotes(quoted);
        }
        if self.looks_at("((") || self.looks_at("[") {
            return self.unknown("arithmetic");
        }
        if self.takes("(") {
            let commands = self.list(&[])?;
            return if self.takes(")") { Ok(Part::Output { commands, quoted }) } else { self.broken() };
        }
        if self.takes("{") {
            return self.nested(|parser| parser.in_braces(quoted));
        }
        if !quoted && matches!(self.peek(), Some('\'' | '"')) {
            return self.unknown("a text that begins with `$` and a quote");
        }
        let name = self.name();
        Ok(match name.is_empty() {
            true => Part::Text { text: "$".to_owned(), quoted: true },
            false => Part::Parameter { name, change: None, quoted },
        })
    }

    pub(super) fn in_backquotes(&mut self, quoted: bool) -> Parsed<Part> {
        let line = self.line;
        let script = self.take_while(|c| c != '`');
        if !self.takes("`") {
            return self.broken();
        }
        if script.contains('\\') {
            return self.unknown("a backslash between backquotes");
        }
        let mut inner = Self::new(&script, line);
        inner.depth = self.depth;
        let commands = inner.list(&[])?;
        inner.end()?;
        Ok(Part::Output { commands, quoted })
    }

    /// The name of a variable, or one of the special parameters.
    pub(super) fn name(&mut self) -> String {
        match self.peek() {
            Some(c) if "@*#?-$!0123456789".contains(c) => self.take().into_iter().collect(),
            Some(c) if !c.is_ascii_digit() => self.take_while(|c| c.is_ascii_alphanumeric() || c == '_'),
            _ => String::new(),
        }
    }

    pub(super) fn in_braces(&mut self, quoted: bool) -> Parsed<Part> {
        let name = self.name();
        if name == "BASH_SOURCE" {
            self.takes("[0]");
        }
        if self.takes("}") && !name.is_empty() {
            return Ok(Part::Parameter { name, change: None, quoted });
        }
        // `${#name}` is a length, `${!name}` names another variable.
        let special = matches!(name.as_str(), "" | "#" | "!" | "$" | "?" | "-");
        let Some(operator) = CHANGES.iter().find(|text| !special && self.takes(text)) else {
            return self.unknown(&format!("`${{{name}…}}` of this form"));
        };
        let is_pattern = operator.starts_with(['%', '#']);
        let mut parts = Vec::new();
        loop {
            match self.peek() {
                None | Some('\n') => return self.broken(),
                Some('}') => {
                    self.take();
                    return Ok(Part::Parameter { name, change: Some((operator, Word(parts))), quoted });
                }
                Some('`' | '\\') => return self.unknown("a backquote or a backslash between braces"),
                Some('\'' | '"') if quoted => return self.unknown("a quote between braces in quotes"),
                Some('$') => {
                    self.take();
                    parts.push(self.expansion('$', quoted && !is_pattern)?);
                }
                Some(c) if quoted && !is_pattern => {
                    self.take();
                    push(&mut parts, c, true);
                }
                Some(c) => self.part(c, &mut parts)?,
            }
        }
    }
}
