//! From words and operators to commands: the grammar of POSIX shells as far as scripts that start services use it.

use super::lexer::{Lexer, Token};
use super::syntax::{Command, Part, What, Word};

/// How deep commands may nest.
const DEEPEST: usize = 40;

/// A place where the script is none that this reader knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: usize,
}

/// The commands of `text`.
pub(super) fn parse(text: &str) -> Result<Vec<Command>, Fault> {
    let mut lexer = Lexer::new(text);
    let token = lexer.next();
    let mut parser = Parser { lexer, token, depth: 0 };
    let commands = parser.list(&[])?;
    match parser.token {
        Token::End => Ok(commands),
        _ => Err(parser.fault()),
    }
}

struct Parser {
    lexer: Lexer,
    token: Token,
    depth: usize,
}

type Parsed<T> = Result<T, Fault>;

impl Parser {
    fn fault(&self) -> Fault {
        Fault { line: self.lexer.line() }
    }

    fn advance(&mut self) -> Token {
        let next = self.lexer.next();
        std::mem::replace(&mut self.token, next)
    }

    fn is_operator(&self, text: &str) -> bool {
        matches!(self.token, Token::Operator(found) if found == text)
    }

    fn is_word(&self, text: &str) -> bool {
        matches!(&self.token, Token::Word(word) if word.plain() == Some(text))
    }

    fn takes_operator(&mut self, text: &str) -> bool {
        let found = self.is_operator(text);
        if found {
            self.advance();
        }
        found
    }

    fn expect_word(&mut self, text: &str) -> Parsed<()> {
        if !self.is_word(text) {
            return Err(self.fault());
        }
        self.advance();
        Ok(())
    }

    fn skip_lines(&mut self) {
        while self.takes_operator("\n") {}
    }

    /// Commands up to one of the reserved words `ends`, a closing parenthesis or the end of an arm.
    fn list(&mut self, ends: &[&str]) -> Parsed<Vec<Command>> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.fault());
        }
        let mut commands = Vec::new();
        loop {
            while self.takes_operator("\n") || self.takes_operator(";") {}
            let over = match &self.token {
                Token::End => true,
                Token::Operator(found) => matches!(*found, ")" | ";;" | ";&" | ";;&"),
                Token::Word(word) => word.plain().is_some_and(|text| ends.contains(&text)),
                _ => false,
            };
            if over {
                break;
            }
            let command = self.and_or()?;
            let line = command.line;
            let command = match self.takes_operator("&") {
                true => Command { line, what: What::Background(Box::new(command)) },
                false => command,
            };
            commands.push(command);
        }
        self.depth -= 1;
        Ok(commands)
    }

    fn and_or(&mut self) -> Parsed<Command> {
        let mut left = self.pipeline()?;
        loop {
            let and = self.is_operator("&&");
            if !and && !self.is_operator("||") {
                return Ok(left);
            }
            self.advance();
            self.skip_lines();
            let (line, both) = (left.line, (Box::new(left), Box::new(self.pipeline()?)));
            left = Command { line, what: if and { What::And(both.0, both.1) } else { What::Or(both.0, both.1) } };
        }
    }

    fn pipeline(&mut self) -> Parsed<Command> {
        let line = self.lexer.line();
        if self.is_word("!") {
            self.advance();
            let what = What::Not(Box::new(self.nested(Self::pipeline)?));
            return Ok(Command { line, what });
        }
        let mut commands = vec![self.command()?];
        while self.takes_operator("|") || self.takes_operator("|&") {
            self.skip_lines();
            commands.push(self.command()?);
        }
        match (commands.len(), commands.pop()) {
            (1, Some(only)) => Ok(only),
            (_, last) => {
                commands.extend(last);
                Ok(Command { line, what: What::Pipe(commands) })
            }
        }
    }

    fn nested<T>(&mut self, read: fn(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.fault());
        }
        let read = read(self)?;
        self.depth -= 1;
        Ok(read)
    }

    fn command(&mut self) -> Parsed<Command> {
        let line = self.lexer.line();
        let compound = match &self.token {
            Token::Operator("(") => Some(self.parenthesis()?),
            Token::Word(word) => match word.plain() {
                Some("{") => Some(self.group()?),
                Some("if") => Some(self.condition()?),
                Some("case") => Some(self.nested(Self::case)?),
                Some("for" | "select") => Some(self.for_each()?),
                Some("while" | "until") => Some(self.repeat()?),
                Some("function") => Some(self.function()?),
                Some("[[") => Some(self.double_bracket()),
                _ => None,
            },
            Token::Redirection | Token::Here { .. } => None,
            _ => return Err(self.fault()),
        };
        match compound {
            Some(what) => {
                while self.redirection()? {}
                Ok(Command { line, what })
            }
            None => Ok(Command { line, what: self.simple()? }),
        }
    }

    fn parenthesis(&mut self) -> Parsed<What> {
        // `((` is arithmetic; the first parenthesis is taken already.
        if self.lexer.takes("(") {
            self.lexer.enclosed('(', ')');
            self.lexer.takes(")");
            self.advance();
            return Ok(What::Simple { assigned: Vec::new(), words: vec![Word(vec![Part::Unknown])] });
        }
        self.advance();
        let inner = self.list(&[])?;
        if !self.takes_operator(")") {
            return Err(self.fault());
        }
        Ok(What::Subshell(inner))
    }

    fn group(&mut self) -> Parsed<What> {
        self.advance();
        let inner = self.list(&["}"])?;
        self.expect_word("}")?;
        Ok(What::Group(inner))
    }

    fn condition(&mut self) -> Parsed<What> {
        let mut arms = Vec::new();
        loop {
            self.advance();
            let wanted = self.list(&["then"])?;
            self.expect_word("then")?;
            arms.push((wanted, self.list(&["elif", "else", "fi"])?));
            if !self.is_word("elif") {
                break;
            }
        }
        if self.is_word("else") {
            self.advance();
            arms.push((Vec::new(), self.list(&["fi"])?));
        }
        self.expect_word("fi")?;
        Ok(What::If(arms))
    }

    fn case(&mut self) -> Parsed<What> {
        self.advance();
        let Token::Word(subject) = self.advance() else { return Err(self.fault()) };
        self.skip_lines();
        self.expect_word("in")?;
        let mut arms = Vec::new();
        loop {
            self.skip_lines();
            if self.is_word("esac") {
                self.advance();
                return Ok(What::Case(subject, arms));
            }
            self.takes_operator("(");
            let mut patterns = Vec::new();
            loop {
                let Token::Word(pattern) = self.advance() else { return Err(self.fault()) };
                patterns.push(pattern);
                if !self.takes_operator("|") {
                    break;
                }
            }
            if !self.takes_operator(")") {
                return Err(self.fault());
            }
            arms.push((patterns, self.list(&["esac"])?));
            // Falling through into the next arm is not for this reader.
            if self.is_operator(";&") || self.is_operator(";;&") {
                return Err(self.fault());
            }
            self.takes_operator(";;");
        }
    }

    fn for_each(&mut self) -> Parsed<What> {
        self.advance();
        let Token::Word(name) = self.advance() else { return Err(self.fault()) };
        let name = name.plain().map(str::to_owned).ok_or_else(|| self.fault())?;
        self.skip_lines();
        let mut words = vec![Word(vec![Part::Parameter { inner: "@".to_owned(), quoted: true }])];
        if self.is_word("in") {
            self.advance();
            words.clear();
            while let Token::Word(_) = &self.token {
                if let Token::Word(word) = self.advance() {
                    words.push(word);
                }
            }
        }
        Ok(What::For(name, words, self.body()?))
    }

    fn repeat(&mut self) -> Parsed<What> {
        self.advance();
        let wanted = self.list(&["do"])?;
        Ok(What::While(wanted, self.body()?))
    }

    fn body(&mut self) -> Parsed<Vec<Command>> {
        while self.takes_operator("\n") || self.takes_operator(";") {}
        self.expect_word("do")?;
        let body = self.list(&["done"])?;
        self.expect_word("done")?;
        Ok(body)
    }

    fn function(&mut self) -> Parsed<What> {
        self.advance();
        let Token::Word(name) = self.advance() else { return Err(self.fault()) };
        let name = name.plain().map(str::to_owned).ok_or_else(|| self.fault())?;
        if self.takes_operator("(") && !self.takes_operator(")") {
            return Err(self.fault());
        }
        self.function_body(name)
    }

    fn function_body(&mut self, name: String) -> Parsed<What> {
        self.skip_lines();
        let body = self.nested(Self::command)?;
        Ok(What::Function(name, vec![body]))
    }

    /// `[[ … ]]` has operators of its own inside; only one plain comparison is understood.
    fn double_bracket(&mut self) -> What {
        let mut words = Vec::new();
        let mut plain = true;
        loop {
            match self.advance() {
                Token::Word(word) => {
                    let end = word.plain() == Some("]]");
                    words.push(word);
                    if end {
                        break;
                    }
                }
                Token::End => break,
                _ => plain = false,
            }
        }
        if !plain {
            words = vec![Word(vec![Part::Unknown])];
        }
        What::Simple { assigned: Vec::new(), words }
    }

    fn simple(&mut self) -> Parsed<What> {
        let (mut assigned, mut words) = (Vec::new(), Vec::new());
        loop {
            if self.redirection()? {
                continue;
            }
            match &self.token {
                Token::Word(word) => match word.assignment().filter(|_| words.is_empty()) {
                    Some((name, value)) => {
                        self.advance();
                        // `a=(…)` is a list.
                        let is_list = value.0.is_empty() && self.is_operator("(");
                        if is_list {
                            self.lexer.enclosed('(', ')');
                            self.advance();
                        }
                        assigned.push((name, if is_list { Word(vec![Part::Unknown]) } else { value }));
                    }
                    None => {
                        if let Token::Word(word) = self.advance() {
                            words.push(word);
                        }
                    }
                },
                Token::Operator("(") if words.len() == 1 && assigned.is_empty() => {
                    let name = words.first().and_then(|word: &Word| word.plain()).map(str::to_owned);
                    self.advance();
                    if !self.takes_operator(")") {
                        return Err(self.fault());
                    }
                    return self.function_body(name.ok_or_else(|| self.fault())?);
                }
                Token::Operator("(") => return Err(self.fault()),
                _ => return Ok(What::Simple { assigned, words }),
            }
        }
    }

    /// Takes a redirection with its target, if one is next.
    fn redirection(&mut self) -> Parsed<bool> {
        match self.token {
            Token::Redirection => {
                self.advance();
                // `<(…)` and `>(…)` run something beside.
                if self.is_operator("(") {
                    self.lexer.enclosed('(', ')');
                    self.advance();
                    return Ok(true);
                }
                let Token::Word(_) = self.token else { return Err(self.fault()) };
                self.advance();
                Ok(true)
            }
            Token::Here { indented } => {
                // The line with the target may end right behind it, so the document is announced before that is read.
                let Token::Word(end) = self.lexer.next() else { return Err(self.fault()) };
                let text = end.0.iter().map(|part| match part {
                    Part::Text { text, .. } => text.as_str(),
                    _ => "",
                });
                self.lexer.expect_document(text.collect(), indented);
                self.token = self.lexer.next();
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}
