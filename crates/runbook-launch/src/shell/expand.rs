//! Words with everything put in: variables, substitutions, the home directory, patterns.

use super::lexer::{Lexer, Token};
use super::patterns;
use super::state::Shell;
use super::syntax::{Part, Word, is_name};
use crate::{Account, Unclear, Value};

/// Operators behind the name of a parameter, the longer before those that they begin with.
const OPERATORS: &[&str] = &[":-", ":=", ":+", ":?", "%%", "##", "-", "=", "+", "?", "%", "#"];

/// A word while it is put together.
#[derive(Default)]
struct Fields {
    done: Vec<Value>,
    /// The field that is not over yet; the outer `None` if none has begun.
    open: Option<Value>,
}

impl Fields {
    fn push(&mut self, text: &str) {
        if let Some(field) = self.open.get_or_insert_with(|| Some(String::new())) {
            field.push_str(text);
        }
    }

    fn push_unknown(&mut self) {
        self.open = Some(None);
    }

    fn end(&mut self) {
        self.done.extend(self.open.take());
    }

    fn push_value(&mut self, value: Value, quoted: bool) {
        match value {
            None => self.push_unknown(),
            Some(text) if quoted => self.push(&text),
            Some(text) => {
                if text.starts_with(char::is_whitespace) {
                    self.end();
                }
                let mut words = text.split_whitespace();
                if let Some(first) = words.next() {
                    self.push(first);
                }
                for word in words {
                    self.end();
                    self.push(word);
                }
                if text.ends_with(char::is_whitespace) {
                    self.end();
                }
            }
        }
    }
}

impl Shell<'_, '_> {
    /// The fields that `word` becomes.
    pub(super) fn fields(&mut self, word: &Word) -> Result<Vec<Value>, Unclear> {
        let mut fields = Fields::default();
        let mut has_pattern = false;
        for (nth, part) in word.0.iter().enumerate() {
            match part {
                Part::Text { text, quoted } => {
                    has_pattern |= !quoted && text.contains(['*', '?', '[']);
                    let text = if nth == 0 && !quoted { self.at_home(text)? } else { Some(text.clone()) };
                    match text {
                        Some(text) => fields.push(&text),
                        None => fields.push_unknown(),
                    }
                }
                Part::Parameter { inner, quoted } if inner == "@" || (inner == "*" && !quoted) => {
                    for (nth, value) in self.state.args.clone().into_iter().enumerate() {
                        if nth > 0 {
                            fields.end();
                        }
                        fields.push_value(value, true);
                    }
                }
                Part::Parameter { inner, quoted } => {
                    let value = self.parameter(inner)?;
                    fields.push_value(value, *quoted);
                }
                Part::Output { script, quoted } => {
                    let value = self.output(script)?;
                    fields.push_value(value, *quoted);
                }
                Part::Unknown => fields.push_unknown(),
            }
        }
        fields.end();
        match fields.done.as_slice() {
            [Some(pattern)] if has_pattern => {
                Ok(patterns::files(self.tracer.host, pattern)?.into_iter().map(Some).collect())
            }
            _ => Ok(fields.done),
        }
    }

    /// `word` as one text, as in an assignment.
    pub(super) fn joined(&mut self, word: &Word) -> Result<Value, Unclear> {
        let mut text = String::new();
        for (nth, part) in word.0.iter().enumerate() {
            let piece = match part {
                Part::Text { text, quoted: false } if nth == 0 => self.at_home(text)?,
                Part::Text { text, .. } => Some(text.clone()),
                Part::Parameter { inner, .. } if inner == "@" || inner == "*" => {
                    let all: Option<Vec<String>> = self.state.args.iter().cloned().collect();
                    all.map(|all| all.join(" "))
                }
                Part::Parameter { inner, .. } => self.parameter(inner)?,
                Part::Output { script, .. } => self.output(script)?,
                Part::Unknown => None,
            };
            let Some(piece) = piece else { return Ok(None) };
            text.push_str(&piece);
        }
        Ok(Some(text))
    }

    /// `~` and `~name` at the beginning of a word.
    fn at_home(&self, text: &str) -> Result<Value, Unclear> {
        let Some(rest) = text.strip_prefix('~') else { return Ok(Some(text.to_owned())) };
        let (name, behind) = rest.split_at(rest.find(['/', ':']).unwrap_or(rest.len()));
        let home = match (name, self.state.vars.get("HOME")) {
            ("", Some(home)) => home.clone(),
            ("", None) => self.state.account.home.as_ref().map(|home| home.to_string_lossy().into_owned()),
            (name, _) => match Account::named(self.tracer.host, name)?.home {
                Some(home) => Some(home.to_string_lossy().into_owned()),
                None => return Ok(Some(text.to_owned())),
            },
        };
        Ok(home.map(|home| format!("{home}{behind}")))
    }

    /// `${inner}`.
    fn parameter(&mut self, inner: &str) -> Result<Value, Unclear> {
        let length = inner.char_indices().take_while(|(_, c)| c.is_ascii_alphanumeric() || *c == '_').count();
        let special = inner.chars().next().filter(|c| "@*#?-$!".contains(*c)).map_or(0, char::len_utf8);
        let (name, rest) = inner.split_at(if length == 0 { special } else { length });
        // The first of a list is what scripts look at.
        let rest = rest.strip_prefix("[0]").unwrap_or(rest);
        let value = self.variable(name);
        if rest.is_empty() {
            return Ok(value.unwrap_or_else(|| Some(String::new())));
        }
        let Some((operator, text)) = OPERATORS.iter().find_map(|one| Some((*one, rest.strip_prefix(one)?))) else {
            return Ok(None);
        };
        let given = match &value {
            None => false,
            Some(Some(value)) => !(value.is_empty() && operator.starts_with(':')),
            Some(None) => return Ok(None),
        };
        match operator {
            ":-" | "-" if !given => self.text(text),
            ":=" | "=" if !given => {
                let value = self.text(text)?;
                if is_name(name) {
                    self.state.vars.insert(name.to_owned(), value.clone());
                }
                Ok(value)
            }
            ":+" | "+" if given => self.text(text),
            ":+" | "+" => Ok(Some(String::new())),
            "%" | "%%" | "#" | "##" => {
                let (value, pattern) = (value.flatten().unwrap_or_default(), self.text(text)?);
                Ok(pattern.map(|pattern| patterns::trimmed(&value, operator, &pattern)))
            }
            // Without a value the script ends here, and nothing runs.
            _ => Ok(value.unwrap_or(None)),
        }
    }

    /// The value of a variable; the outer `None` if it is not set.
    fn variable(&self, name: &str) -> Option<Value> {
        let state = &self.state;
        let bash = |value: String| state.bash.then_some(Some(value));
        match name {
            "0" => Some(Some(state.zero.clone())),
            "#" => Some(Some(state.args.len().to_string())),
            "-" => Some(Some(if state.interactive { "himB" } else { "hB" }.to_owned())),
            "?" | "$" | "!" | "RANDOM" | "SECONDS" | "PPID" | "LINENO" => Some(None),
            "PWD" => Some(state.cwd.as_ref().map(|cwd| cwd.to_string_lossy().into_owned())),
            "BASH_SOURCE" => bash(state.source.clone()),
            "UID" | "EUID" => bash(state.account.uid.to_string()),
            "BASH_VERSION" => bash("5".to_owned()),
            "BASH" => bash("/bin/bash".to_owned()),
            _ => match name.parse::<usize>() {
                Ok(nth) => nth.checked_sub(1).and_then(|nth| state.args.get(nth)).cloned(),
                Err(_) => state.vars.get(name).cloned(),
            },
        }
    }

    /// The text behind an operator, with everything put in.
    fn text(&mut self, text: &str) -> Result<Value, Unclear> {
        let mut lexer = Lexer::new(text);
        let mut words = Vec::new();
        loop {
            match lexer.next() {
                Token::Word(word) => match self.joined(&word)? {
                    Some(word) => words.push(word),
                    None => return Ok(None),
                },
                Token::End => return Ok(Some(words.join(" "))),
                _ => return Ok(None),
            }
        }
    }
}
