//! Going through the commands of a script. Where only running it could tell how a command ends, both ways are gone: they
//! have to come to the same, or one of them to nothing.

use super::patterns;
use super::state::{Flow, Shell, Truth};
use super::syntax::{Arm, Command, What, Word};
use crate::{Unclear, unclear};

/// How deep files and substitutions may nest.
const DEEPEST: usize = 24;
/// How often the body of a `for` is gone through.
const ROUNDS: usize = 256;

impl Shell<'_, '_> {
    pub(super) fn list(&mut self, commands: &[Command]) -> Result<Flow, Unclear> {
        let mut truth = Truth::Yes;
        for command in commands {
            match self.command(command)? {
                Flow::On(next) => truth = next,
                other => return Ok(other),
            }
        }
        Ok(Flow::On(truth))
    }

    /// The same one level deeper.
    pub(super) fn deeper<T>(&mut self, go: impl FnOnce(&mut Self) -> Result<T, Unclear>) -> Result<T, Unclear> {
        if self.depth >= DEEPEST {
            return unclear(format!("files and substitutions nest deeper than {DEEPEST}"));
        }
        self.depth += 1;
        let done = go(self);
        self.depth -= 1;
        done
    }

    fn command(&mut self, command: &Command) -> Result<Flow, Unclear> {
        self.tracer.count()?;
        let line = command.line;
        self.one(command).map_err(|Unclear(why)| at_line(line, why))
    }

    fn one(&mut self, command: &Command) -> Result<Flow, Unclear> {
        if let Some(child) = &self.state.child
            && !command.ends()
        {
            return unclear(format!("what `{}` does before this, only running it could tell", child.program));
        }
        match &command.what {
            What::Simple(simple) => match self.simple(simple)? {
                Flow::On(Truth::No) if self.has('e') && !self.is_tested => Ok(Flow::End(None)),
                flow => Ok(flow),
            },
            What::And(left, right) => match self.asked(std::slice::from_ref(left))? {
                Flow::On(Truth::Yes) => self.command(right),
                Flow::On(Truth::Unknown) => {
                    self.either(left, |shell| shell.command(right), |_| Ok(Flow::On(Truth::No)))
                }
                other => Ok(other),
            },
            What::Or(left, right) => match self.asked(std::slice::from_ref(left))? {
                Flow::On(Truth::No) => self.command(right),
                Flow::On(Truth::Unknown) => {
                    self.either(left, |shell| shell.command(right), |_| Ok(Flow::On(Truth::Yes)))
                }
                other => Ok(other),
            },
            What::Not(inner) => Ok(match self.asked(std::slice::from_ref(inner))? {
                Flow::On(truth) => Flow::On(!truth),
                other => other,
            }),
            What::Pipe(_) => unclear("a pipe is not followed by reading"),
            What::Group(inner) => self.list(inner),
            What::If(arms) => self.arms(arms),
            What::Case(subject, arms) => self.case(subject, arms),
            What::For(name, words, body) => self.for_each(name, words, body),
        }
    }

    /// Commands of which something asks how they end.
    fn asked(&mut self, commands: &[Command]) -> Result<Flow, Unclear> {
        let before = std::mem::replace(&mut self.is_tested, true);
        let flow = self.list(commands);
        self.is_tested = before;
        flow
    }

    /// Both ways behind `condition`, of which nobody knows how it ends.
    fn either(
        &mut self,
        condition: &Command,
        one: impl FnOnce(&mut Self) -> Result<Flow, Unclear>,
        other: impl FnOnce(&mut Self) -> Result<Flow, Unclear>,
    ) -> Result<Flow, Unclear> {
        let why = || {
            unclear(format!(
                "decides what is started by how {} ends, which only running it could tell",
                condition.name()
            ))
        };
        if self.state.child.is_some() {
            return why();
        }
        let before = self.state.clone();
        let first = one(self);
        let after_first = std::mem::replace(&mut self.state, before);
        match (first, other(self)) {
            (Ok(Flow::End(None)), Ok(second)) => Ok(second),
            (Ok(first), Ok(Flow::End(None))) => {
                self.state = after_first;
                Ok(first)
            }
            (Ok(first), Ok(second)) if first == second && after_first == self.state => Ok(first),
            (Ok(Flow::On(_)), Ok(Flow::On(_))) if after_first == self.state => Ok(Flow::On(Truth::Unknown)),
            _ => why(),
        }
    }

    fn arms(&mut self, arms: &[Arm]) -> Result<Flow, Unclear> {
        let Some(((wanted, body), others)) = arms.split_first() else { return Ok(Flow::On(Truth::Yes)) };
        let Some(last) = wanted.last() else { return self.list(body) };
        match self.asked(wanted)? {
            Flow::On(Truth::Yes) => self.list(body),
            Flow::On(Truth::No) => self.arms(others),
            Flow::On(Truth::Unknown) => self.either(last, |shell| shell.list(body), |shell| shell.arms(others)),
            other => Ok(other),
        }
    }

    fn case(&mut self, subject: &Word, arms: &[(Vec<Word>, Vec<Command>)]) -> Result<Flow, Unclear> {
        let Some(subject) = self.joined(subject)? else {
            return unclear("a `case` about what only running it could tell decides what is started");
        };
        for (alternatives, body) in arms {
            for pattern in alternatives {
                let Some(pattern) = self.pattern(pattern)? else {
                    return unclear("a `case` has a pattern that only running it could tell");
                };
                if patterns::fits(&pattern, &subject) {
                    return self.list(body);
                }
            }
        }
        Ok(Flow::On(Truth::Yes))
    }

    fn for_each(&mut self, name: &str, words: &[Word], body: &[Command]) -> Result<Flow, Unclear> {
        let mut values = Vec::new();
        for word in words {
            values.extend(self.fields(word)?);
        }
        if values.len() > ROUNDS || values.contains(&None) {
            return unclear("a `for` goes over what only running it could tell");
        }
        let mut truth = Truth::Yes;
        for value in values {
            self.assign(name, value)?;
            match self.list(body)? {
                Flow::On(next) => truth = next,
                other => return Ok(other),
            }
        }
        Ok(Flow::On(truth))
    }
}

impl Command {
    /// What messages call it.
    fn name(&self) -> String {
        match &self.what {
            What::Simple(simple) => match simple.words.first().and_then(Word::plain) {
                Some(name) => format!("`{name}`"),
                None => "a command".to_owned(),
            },
            What::And(_, right) | What::Or(_, right) => right.name(),
            What::Not(inner) => inner.name(),
            _ => "a command".to_owned(),
        }
    }

    /// Whether it is `exit`, with whatever number.
    fn ends(&self) -> bool {
        matches!(&self.what, What::Simple(simple) if simple.words.first().and_then(Word::plain) == Some("exit"))
    }
}

fn at_line(line: usize, why: String) -> Unclear {
    // What comes out of a command inside, or of a file that is read in, has its own place.
    if why.starts_with("line ") || why.starts_with('/') { Unclear(why) } else { Unclear(format!("line {line}: {why}")) }
}
