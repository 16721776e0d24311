//! From the text of a script to commands, one line after the other, as a shell reads it: what stands behind an `exec` is
//! never looked at. A construct that this reader does not know is a fault with its name.

use super::cursor::{META, Parsed, Parser};
use super::syntax::{Command, Simple, What, is_name};

/// Words that begin a command of the shell which is not followed.
const UNKNOWN: &[&str] = &["while", "until", "select", "function", "time", "coproc", "[["];
/// Words that have no meaning where a command begins.
const MISPLACED: &[&str] = &["then", "elif", "else", "fi", "do", "done", "esac", "}", "in"];

impl Parser {
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

    /// Commands up to one of the words `ends`, a parenthesis, the end of an arm or of the text.
    pub(super) fn list(&mut self, ends: &[&str]) -> Parsed<Vec<Command>> {
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
}
