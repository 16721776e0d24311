//! From the text of a script to commands, one line after the other, as a shell reads it: what stands behind an `exec` is
//! never looked at. A construct that this reader does not know is a fault with its name.

use super::syntax::{Command, Part, Redirection, Simple, What, Word, is_name, push};
use crate::Unclear;

/// How deep commands and words may nest.
const DEEPEST: usize = 40;
/// What ends a word.
const META: &str = " \t\n|&;()<>";
/// Redirections that are known, the longer before those that they begin with.
const REDIRECTIONS: &[&str] = &[">>", ">|", ">&", "<&", ">", "<"];
/// Operators behind the name of a parameter, likewise.
const CHANGES: &[&str] = &[":-", ":=", ":+", ":?", "%%", "##", "-", "=", "+", "?", "%", "#"];
/// Words that begin a command of the shell which is not followed.
const UNKNOWN: &[&str] = &["while", "until", "select", "function", "time", "coproc", "[["];
/// Words that have no meaning where a command begins.
const MISPLACED: &[&str] = &["then", "elif", "else", "fi", "do", "done", "esac", "}", "in"];

type Parsed<T> = Result<T, Unclear>;

/// Reads one line after the other.
pub(super) struct Parser {
    chars: Vec<char>,
    at: usize,
    line: usize,
    depth: usize,
}

impl Parser {
    /// `line` is the number of the first line.
    pub(super) fn new(text: &str, line: usize) -> Self {
        Self { chars: text.chars().collect(), at: 0, line, depth: 0 }
    }

    /// The commands of the next line that has some, with all lines on which they go on; `None` at the end.
    pub(super) fn next_line(&mut self) -> Parsed<Option<Vec<Command>>> {
        self.skip_lines();
        let mut commands = Vec::new();
        while self.peek().is_some() {
            commands.push(self.and_or()?);
            self.skip_blanks();
            let end = self.at;
            if !self.separator()? {
                self.end()?;
            }
            if self.chars.get(end) == Some(&'\n') || self.peek() == Some('\n') {
                break;
            }
        }
        Ok((!commands.is_empty()).then_some(commands))
    }

    fn fault<T>(&self, why: impl std::fmt::Display) -> Parsed<T> {
        Err(Unclear(format!("line {}: {why}", self.line)))
    }

    fn unknown<T>(&self, construct: &str) -> Parsed<T> {
        self.fault(format_args!("{construct} is not followed by reading"))
    }

    fn broken<T>(&self) -> Parsed<T> {
        self.fault("cannot be read")
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
        self.line += usize::from(c == '\n');
        Some(c)
    }

    fn takes(&mut self, text: &str) -> bool {
        let found = self.looks_at(text);
        if found {
            self.at += text.chars().count();
            self.line += text.matches('\n').count();
        }
        found
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let mut text = String::new();
        while let Some(c) = self.peek().filter(|c| wanted(*c)) {
            text.push(c);
            self.take();
        }
        text
    }

    /// Blanks and a comment.
    fn skip_blanks(&mut self) {
        while self.takes(" ") || self.takes("\t") || self.takes("\\\n") {}
        if self.peek() == Some('#') {
            self.take_while(|c| c != '\n');
        }
    }

    fn skip_lines(&mut self) {
        self.skip_blanks();
        while self.takes("\n") {
            self.skip_blanks();
        }
    }

    /// The text up to what ends a word, quotes and all.
    fn ahead(&self) -> String {
        self.chars.iter().skip(self.at).take_while(|c| !META.contains(**c)).collect()
    }

    fn expect(&mut self, word: &str) -> Parsed<()> {
        self.skip_lines();
        if self.ahead() != word {
            return self.broken();
        }
        self.takes(word);
        Ok(())
    }

    /// Takes what stands between two commands; false if the list is over.
    fn separator(&mut self) -> Parsed<bool> {
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

    fn end(&self) -> Parsed<()> {
        if self.peek().is_some() { self.broken() } else { Ok(()) }
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEEPEST {
            return self.fault(format_args!("commands and words nest deeper than {DEEPEST}"));
        }
        self.depth += 1;
        let read = read(self)?;
        self.depth -= 1;
        Ok(read)
    }

    /// Commands up to one of the words `ends`, a parenthesis, the end of an arm or of the text.
    fn list(&mut self, ends: &[&str]) -> Parsed<Vec<Command>> {
        self.nested(|parser| {
            let mut commands = Vec::new();
            loop {
                parser.skip_lines();
                if parser.peek().is_none_or(|c| c == ')') || parser.looks_at(";") || ends.contains(&&*parser.ahead()) {
                    return Ok(commands);
                }
                commands.push(parser.and_or()?);
                parser.skip_blanks();
                if !parser.separator()? && parser.peek().is_some_and(|c| !");".contains(c)) {
                    return if ends.contains(&&*parser.ahead()) { Ok(commands) } else { parser.broken() };
                }
            }
        })
    }

    /// A list that is not empty, and the word `end`.
    fn body(&mut self, ends: &[&str]) -> Parsed<Vec<Command>> {
        let commands = self.list(ends)?;
        if commands.is_empty() || !ends.contains(&&*self.ahead()) { self.broken() } else { Ok(commands) }
    }

    fn and_or(&mut self) -> Parsed<Command> {
        let mut left = self.pipeline()?;
        loop {
            self.skip_blanks();
            let joint: fn(_, _) -> What = match () {
                () if self.takes("&&") => What::And,
                () if self.takes("||") => What::Or,
                () => return Ok(left),
            };
            self.skip_lines();
            let right = self.pipeline()?;
            left = Command { line: left.line, what: joint(Box::new(left), Box::new(right)) };
        }
    }

    fn pipeline(&mut self) -> Parsed<Command> {
        self.skip_blanks();
        let line = self.line;
        let negated = self.ahead() == "!";
        if negated {
            self.takes("!");
            self.skip_blanks();
        }
        let mut commands = vec![self.command()?];
        self.skip_blanks();
        while self.looks_at("|") && !self.looks_at("||") {
            self.takes("|");
            self.skip_lines();
            commands.push(self.command()?);
            self.skip_blanks();
        }
        let command = match (commands.len(), commands.pop()) {
            (1, Some(only)) => only,
            (_, last) => Command { line, what: What::Pipe(commands.into_iter().chain(last).collect()) },
        };
        Ok(if negated { Command { line, what: What::Not(Box::new(command)) } } else { command })
    }

    fn command(&mut self) -> Parsed<Command> {
        let line = self.line;
        let word = self.ahead();
        let what = match word.as_str() {
            "{" => {
                self.takes("{");
                let commands = self.body(&["}"])?;
                self.expect("}")?;
                What::Group(commands)
            }
            "if" => self.condition()?,
            "case" => self.case()?,
            "for" => self.for_each()?,
            word if UNKNOWN.contains(&word) => return self.unknown(&format!("`{word}`")),
            word if MISPLACED.contains(&word) => return self.broken(),
            "" if self.looks_at("(") => return self.unknown("a subshell (`(`)"),
            _ => return Ok(Command { line, what: self.simple()? }),
        };
        self.skip_blanks();
        match self.redirection()? {
            Some(_) => self.unknown("a redirection of several commands"),
            None => Ok(Command { line, what }),
        }
    }

    fn condition(&mut self) -> Parsed<What> {
        let mut arms = Vec::new();
        while self.takes("if") || self.takes("elif") {
            let wanted = self.body(&["then"])?;
            self.expect("then")?;
            arms.push((wanted, self.body(&["elif", "else", "fi"])?));
        }
        if self.takes("else") {
            arms.push((Vec::new(), self.body(&["fi"])?));
        }
        self.expect("fi")?;
        Ok(What::If(arms))
    }

    fn case(&mut self) -> Parsed<What> {
        self.takes("case");
        self.skip_blanks();
        let subject = self.word()?;
        self.expect("in")?;
        let mut arms = Vec::new();
        loop {
            self.skip_lines();
            if self.ahead() == "esac" {
                self.takes("esac");
                return Ok(What::Case(subject, arms));
            }
            self.takes("(");
            let mut patterns = Vec::new();
            loop {
                self.skip_blanks();
                patterns.push(self.word()?);
                self.skip_blanks();
                if !self.takes("|") {
                    break;
                }
            }
            if !self.takes(")") {
                return self.broken();
            }
            arms.push((patterns, self.list(&["esac"])?));
            if self.looks_at(";&") || self.looks_at(";;&") {
                return self.unknown("an arm that goes on with the next one");
            }
            if !self.takes(";;") && self.ahead() != "esac" {
                return self.broken();
            }
        }
    }

    fn for_each(&mut self) -> Parsed<What> {
        self.takes("for");
        self.skip_blanks();
        let name = self.take_while(|c| !META.contains(c));
        self.skip_lines();
        if !is_name(&name) || self.ahead() != "in" {
            return self.unknown("a `for` without `in`");
        }
        self.takes("in");
        let mut words = Vec::new();
        loop {
            self.skip_blanks();
            if self.peek().is_none_or(|c| META.contains(c)) {
                break;
            }
            words.push(self.word()?);
        }
        if !self.separator()? {
            return self.broken();
        }
        self.expect("do")?;
        let body = self.body(&["done"])?;
        self.expect("done")?;
        Ok(What::For(name, words, body))
    }

    fn simple(&mut self) -> Parsed<What> {
        let mut simple = Simple::default();
        loop {
            self.skip_blanks();
            if let Some(redirection) = self.redirection()? {
                simple.redirections.push(redirection);
                continue;
            }
            if self.looks_at("(") {
                return self.unknown("a function, a list or a pattern (`(`)");
            }
            if self.peek().is_none_or(|c| META.contains(c)) {
                break;
            }
            let word = self.word()?;
            match word.assignment().filter(|_| simple.words.is_empty()) {
                Some(assigned) => simple.assigned.push(assigned),
                None => simple.words.push(word),
            }
        }
        if simple == Simple::default() { self.broken() } else { Ok(What::Simple(simple)) }
    }

    fn redirection(&mut self) -> Parsed<Option<Redirection>> {
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

    fn word(&mut self) -> Parsed<Word> {
        let mut parts = Vec::new();
        while let Some(c) = self.peek().filter(|c| !META.contains(*c)) {
            self.part(c, &mut parts)?;
        }
        if parts.is_empty() { self.broken() } else { Ok(Word(parts)) }
    }

    /// One piece of a word outside of quotes, which begins with `c`.
    fn part(&mut self, c: char, parts: &mut Vec<Part>) -> Parsed<()> {
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

    fn in_quotes(&mut self, parts: &mut Vec<Part>) -> Parsed<()> {
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
    fn expansion(&mut self, mark: char, quoted: bool) -> Parsed<Part> {
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

    fn in_backquotes(&mut self, quoted: bool) -> Parsed<Part> {
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
    fn name(&mut self) -> String {
        match self.peek() {
            Some(c) if "@*#?-$!0123456789".contains(c) => self.take().into_iter().collect(),
            Some(c) if !c.is_ascii_digit() => self.take_while(|c| c.is_ascii_alphanumeric() || c == '_'),
            _ => String::new(),
        }
    }

    fn in_braces(&mut self, quoted: bool) -> Parsed<Part> {
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
