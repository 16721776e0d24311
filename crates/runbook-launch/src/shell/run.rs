//! Going through the commands of a script.

use super::state::{Flow, Shell, Truth};
use super::syntax::{Command, What, Word};
use crate::{Unclear, unclear};

/// How deep functions, substitutions and files that are read in may nest.
const DEEPEST: usize = 24;
/// How often the body of a `for` is gone through.
const ROUNDS: usize = 256;

impl Shell<'_, '_> {
    pub(super) fn list(&mut self, commands: &[Command]) -> Result<Flow, Unclear> {
        let mut truth = Truth::Yes;
        for command in commands {
            match self.command(command) {
                Ok(Flow::On(next)) => truth = next,
                Ok(other) => return Ok(other),
                Err(_) if self.state.lenient => self.forget_everything(),
                Err(why) => return Err(why),
            }
        }
        Ok(Flow::On(truth))
    }

    /// The same one level deeper.
    pub(super) fn deeper(&mut self, commands: &[Command]) -> Result<Flow, Unclear> {
        if self.depth >= DEEPEST {
            return unclear(format!("functions and files nest deeper than {DEEPEST}"));
        }
        self.depth += 1;
        let flow = self.list(commands);
        self.depth -= 1;
        flow
    }

    fn command(&mut self, command: &Command) -> Result<Flow, Unclear> {
        self.tracer.count()?;
        let line = command.line;
        match &command.what {
            What::Simple { assigned, words } => self.simple(assigned, words).map_err(|Unclear(why)| at_line(line, why)),
            What::And(left, right) => match self.command(left)? {
                Flow::On(Truth::Yes | Truth::Likely) => self.command(right),
                Flow::On(Truth::No) => Ok(Flow::On(Truth::No)),
                Flow::On(Truth::Unknown) => self.unsure(line, &[std::slice::from_ref(&**right)]),
                other => Ok(other),
            },
            What::Or(left, right) => match self.command(left)? {
                Flow::On(Truth::No) => self.command(right),
                Flow::On(Truth::Unknown) => self.unsure(line, &[std::slice::from_ref(&**right)]),
                other => Ok(other),
            },
            What::Not(inner) => Ok(match self.command(inner)? {
                Flow::On(Truth::Yes) => Flow::On(Truth::No),
                Flow::On(Truth::No) => Flow::On(Truth::Yes),
                Flow::On(_) => Flow::On(Truth::Unknown),
                other => other,
            }),
            What::Background(inner) => {
                let child = self.child.take();
                self.apart(std::slice::from_ref(&**inner))?;
                self.beside = self.child.take().or_else(|| self.beside.take());
                self.child = child;
                Ok(Flow::On(Truth::Yes))
            }
            What::Pipe(commands) => self.pipe(commands),
            What::Group(inner) => self.list(inner),
            What::Subshell(inner) => {
                self.apart(inner)?;
                Ok(Flow::On(Truth::Likely))
            }
            What::If(arms) => self.condition(line, arms),
            What::Case(subject, arms) => self.case(line, subject, arms),
            What::For(name, words, body) => self.looped(|shell| shell.for_each(line, name, words, body)),
            What::While(wanted, body) => self.looped(|shell| shell.repeat(line, wanted, body)),
            What::Function(name, body) => {
                self.state.functions.insert(name.clone(), body.clone());
                Ok(Flow::On(Truth::Yes))
            }
        }
    }

    /// In a copy of the shell; what takes its place there is a child of this one.
    fn apart(&mut self, commands: &[Command]) -> Result<(), Unclear> {
        let before = self.state.clone();
        let flow = self.deeper(commands);
        self.state = before;
        if let Flow::Exec(launch) = flow? {
            self.child = Some(*launch);
        }
        Ok(())
    }

    /// The first program of a pipe is what works; `tee`, `logger` and their like are at its end.
    fn pipe(&mut self, commands: &[Command]) -> Result<Flow, Unclear> {
        let before = self.child.take();
        let mut first = None;
        for command in commands {
            self.apart(std::slice::from_ref(command))?;
            first = first.or_else(|| self.child.take());
        }
        self.child = first.or(before);
        Ok(Flow::On(Truth::Unknown))
    }

    fn condition(&mut self, line: usize, arms: &[(Vec<Command>, Vec<Command>)]) -> Result<Flow, Unclear> {
        for (nth, (wanted, body)) in arms.iter().enumerate() {
            if wanted.is_empty() {
                return self.list(body);
            }
            match self.list(wanted)? {
                Flow::On(Truth::Yes) => return self.list(body),
                Flow::On(Truth::No) => {}
                Flow::On(_) => {
                    let others =
                        arms.iter().skip(nth + 1).flat_map(|(wanted, body)| [wanted.as_slice(), body.as_slice()]);
                    let bodies: Vec<&[Command]> = std::iter::once(body.as_slice()).chain(others).collect();
                    return self.unsure(line, &bodies);
                }
                other => return Ok(other),
            }
        }
        Ok(Flow::On(Truth::Yes))
    }

    fn case(&mut self, line: usize, subject: &Word, arms: &[(Vec<Word>, Vec<Command>)]) -> Result<Flow, Unclear> {
        let bodies: Vec<&[Command]> = arms.iter().map(|(_, body)| body.as_slice()).collect();
        let Some(subject) = self.joined(subject)? else { return self.unsure(line, &bodies) };
        for (patterns, body) in arms {
            for pattern in patterns {
                let Some(pattern) = self.joined(pattern)? else { return self.unsure(line, &bodies) };
                if super::patterns::fits(&pattern, &subject) {
                    return self.list(body);
                }
            }
        }
        Ok(Flow::On(Truth::Yes))
    }

    /// A loop: what tears it does not tear the one around it.
    fn looped(&mut self, run: impl FnOnce(&mut Self) -> Result<Flow, Unclear>) -> Result<Flow, Unclear> {
        let around = std::mem::replace(&mut self.torn, false);
        let flow = run(self);
        self.torn = around;
        flow
    }

    fn for_each(&mut self, line: usize, name: &str, words: &[Word], body: &[Command]) -> Result<Flow, Unclear> {
        let mut values = Vec::new();
        for word in words {
            values.extend(self.fields(word)?);
        }
        if values.len() > ROUNDS || values.contains(&None) {
            self.state.vars.insert(name.to_owned(), None);
            return self.unsure(line, &[body]);
        }
        for value in values {
            self.state.vars.insert(name.to_owned(), value);
            let flow = self.deeper(body)?;
            if self.torn {
                self.state.vars.insert(name.to_owned(), None);
                return self.unsure(line, &[body]);
            }
            match flow {
                Flow::On(_) | Flow::Continue => {}
                Flow::Break => break,
                other => return Ok(other),
            }
        }
        Ok(Flow::On(Truth::Unknown))
    }

    /// Nobody knows how often: its body is looked at once, with everything unknown that it changes.
    fn repeat(&mut self, line: usize, wanted: &[Command], body: &[Command]) -> Result<Flow, Unclear> {
        self.forget(wanted);
        self.forget(body);
        match self.list(wanted)? {
            Flow::On(Truth::No) => Ok(Flow::On(Truth::Yes)),
            Flow::On(Truth::Yes) => {
                let flow = self.deeper(body)?;
                self.forget(body);
                if self.torn && matches!(flow, Flow::Exec(_)) {
                    return self.unsure(line, &[body]);
                }
                match flow {
                    Flow::On(_) | Flow::Continue | Flow::Break => Ok(Flow::On(Truth::Unknown)),
                    other => Ok(other),
                }
            }
            Flow::On(_) => self.unsure(line, &[body]),
            other => Ok(other),
        }
    }

    /// Commands of which nobody knows whether they are run: fine, as long as they decide nothing but variables.
    fn unsure(&mut self, line: usize, bodies: &[&[Command]]) -> Result<Flow, Unclear> {
        if bodies.iter().any(|body| self.decides(body)) {
            return Err(at_line(line, "decides what is started by something that only running it could tell"));
        }
        for body in bodies {
            self.forget(body);
            self.torn |= tears(body);
        }
        Ok(Flow::On(Truth::Unknown))
    }

    fn decides(&self, commands: &[Command]) -> bool {
        commands.iter().any(|command| match &command.what {
            What::Simple { words, .. } => self.is_decisive(words),
            What::And(left, right) | What::Or(left, right) => {
                self.decides(std::slice::from_ref(left)) || self.decides(std::slice::from_ref(right))
            }
            What::Not(inner) | What::Background(inner) => self.decides(std::slice::from_ref(inner)),
            What::Pipe(inner) | What::Group(inner) | What::Subshell(inner) | What::For(_, _, inner) => {
                self.decides(inner)
            }
            What::If(arms) => arms.iter().any(|(wanted, body)| self.decides(wanted) || self.decides(body)),
            What::Case(_, arms) => arms.iter().any(|(_, body)| self.decides(body)),
            What::While(wanted, body) => self.decides(wanted) || self.decides(body),
            What::Function(..) => true,
        })
    }

    /// Makes unknown what `commands` would set.
    fn forget(&mut self, commands: &[Command]) {
        for command in commands {
            match &command.what {
                What::Simple { assigned, words } => {
                    let set = assigned.iter().map(|(name, _)| name.clone());
                    let named = words.iter().skip(1).filter_map(|word| {
                        word.assignment().map(|(name, _)| name).or_else(|| word.plain().map(str::to_owned))
                    });
                    let sets_named =
                        words.first().and_then(Word::plain).is_some_and(super::builtins::sets_its_arguments);
                    let names: Vec<String> = set.chain(named.filter(|_| sets_named)).collect();
                    self.state.vars.extend(names.into_iter().map(|name| (name, None)));
                }
                What::And(left, right) | What::Or(left, right) => {
                    self.forget(std::slice::from_ref(left));
                    self.forget(std::slice::from_ref(right));
                }
                What::Not(inner) => self.forget(std::slice::from_ref(inner)),
                What::Group(inner) => self.forget(inner),
                What::For(name, _, inner) => {
                    self.state.vars.insert(name.clone(), None);
                    self.forget(inner);
                }
                What::If(arms) => arms.iter().for_each(|(wanted, body)| {
                    self.forget(wanted);
                    self.forget(body);
                }),
                What::Case(_, arms) => arms.iter().for_each(|(_, body)| self.forget(body)),
                What::While(wanted, body) => {
                    self.forget(wanted);
                    self.forget(body);
                }
                What::Background(_) | What::Pipe(_) | What::Subshell(_) | What::Function(..) => {}
            }
        }
    }

    /// Makes every variable unknown but those that say who the user is.
    pub(super) fn forget_everything(&mut self) {
        let kept = ["HOME", "USER", "LOGNAME", "SHELL"];
        for (name, value) in &mut self.state.vars {
            if !kept.contains(&name.as_str()) {
                *value = None;
            }
        }
        self.state.vars.insert("PATH".to_owned(), None);
    }
}

/// Whether `commands` may end the loop around them, or this round of it.
fn tears(commands: &[Command]) -> bool {
    commands.iter().any(|command| match &command.what {
        What::Simple { words, .. } => {
            words.first().and_then(Word::plain).is_some_and(|name| matches!(name, "break" | "continue"))
        }
        What::And(left, right) | What::Or(left, right) => {
            tears(std::slice::from_ref(left)) || tears(std::slice::from_ref(right))
        }
        What::Not(inner) => tears(std::slice::from_ref(inner)),
        What::Group(inner) => tears(inner),
        What::If(arms) => arms.iter().any(|(wanted, body)| tears(wanted) || tears(body)),
        What::Case(_, arms) => arms.iter().any(|(_, body)| tears(body)),
        What::For(..) | What::While(..) | What::Background(_) | What::Pipe(_) | What::Subshell(_) => false,
        What::Function(..) => false,
    })
}

fn at_line(line: usize, why: impl std::fmt::Display) -> Unclear {
    let why = why.to_string();
    // What comes out of a file that is read in has its own place.
    if why.starts_with("line ") || why.starts_with('/') { Unclear(why) } else { Unclear(format!("line {line}: {why}")) }
}
