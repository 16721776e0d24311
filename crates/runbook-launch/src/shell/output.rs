//! What a substitution puts out, for the few commands with which scripts find themselves and read their settings.

use super::builtins::is_file;
use super::state::{Shell, Truth};
use super::syntax::{Command, Redirection, Simple, What};
use crate::{Unclear, Value, links_on, unclear};
use std::path::Path;

/// The largest file that is put out.
const LARGEST: u64 = 64 << 10;
/// Programs that change nothing, and whose words only running them could tell.
const TELLING: &[&str] = &["date", "hostname", "nproc", "tty", "uname"];

/// What a command says, and how it ends; the text is `None` if only running it could tell.
type Said = (Value, Truth);

fn fails() -> Said {
    (Some(String::new()), Truth::No)
}

fn says(text: impl Into<String>) -> Said {
    (Some(text.into() + "\n"), Truth::Yes)
}

impl Shell<'_, '_> {
    /// What `$(commands)` becomes.
    pub(super) fn output(&mut self, commands: &[Command]) -> Result<Value, Unclear> {
        let before = self.state.clone();
        let said = self.deeper(|shell| match commands {
            [command] => shell.said_by(command),
            _ => unclear("a substitution of several commands is not followed by reading"),
        });
        self.state = before;
        let (text, truth) = said?;
        self.substituted = truth;
        Ok(text.map(|text| text.trim_end_matches('\n').to_owned()))
    }

    fn said_by(&mut self, command: &Command) -> Result<Said, Unclear> {
        self.tracer.count()?;
        match &command.what {
            What::And(left, right) | What::Or(left, right) => {
                let (said, truth) = self.said_by(left)?;
                match (&command.what, truth) {
                    (What::And(..), Truth::Yes) | (What::Or(..), Truth::No) => {
                        let (more, truth) = self.said_by(right)?;
                        Ok((said.zip(more).map(|(said, more)| said + &more), truth))
                    }
                    (_, Truth::Unknown) => unclear("a substitution depends on how a command ends"),
                    _ => Ok((said, truth)),
                }
            }
            What::Pipe(commands) => self.said_by_pipe(commands),
            What::Simple(simple) if simple.assigned.is_empty() && !simple.words.is_empty() => {
                self.said_by_words(simple)
            }
            _ => unclear("a substitution of this form is not followed by reading"),
        }
    }

    fn words(&mut self, simple: &Simple) -> Result<Vec<String>, Unclear> {
        let mut words = Vec::new();
        for word in &simple.words {
            words.extend(self.fields(word)?);
        }
        let words: Option<Vec<String>> = words.into_iter().collect();
        words.ok_or_else(|| Unclear("a substitution is given what only running the script could tell".to_owned()))
    }

    fn said_by_words(&mut self, simple: &Simple) -> Result<Said, Unclear> {
        let words = self.words(simple)?;
        if self.redirected(&simple.redirections)? {
            return unclear("a substitution writes a file");
        }
        let (said, truth) = self.said_by_program(&words)?;
        let is_output = |one: &&Redirection| {
            one.operator.starts_with('>')
                && matches!(&*one.descriptor, "" | "1")
                && !(one.operator == ">&" && one.target.plain() == Some("1"))
        };
        // Errors go where the output goes when `2>&1` is read, and stay there whatever comes after it.
        let is_mixed = |one: &Redirection| one.operator == ">&" && one.descriptor == "2";
        let mut before_output = simple.redirections.iter().take_while(|one| !is_output(one));
        match () {
            () if truth != Truth::Yes && before_output.any(is_mixed) => {
                unclear("a substitution takes what a program says when it fails")
            }
            () if simple.redirections.iter().any(|one| is_output(&one)) => Ok((Some(String::new()), truth)),
            () => Ok((said, truth)),
        }
    }

    /// The one pipe that shims of package managers have: it turns the separators of another system.
    fn said_by_pipe(&mut self, commands: &[Command]) -> Result<Said, Unclear> {
        if let [first, Command { what: What::Simple(second), .. }] = commands {
            let filter = self.words(second)?;
            if filter == ["sed", "-e", "s,\\\\,/,g"] && second.redirections.is_empty() {
                let (said, _) = self.said_by(first)?;
                return Ok((said.filter(|said| !said.contains('\\')), Truth::Yes));
            }
        }
        unclear("a pipe is not followed by reading")
    }

    /// What a program or a command of the shell says.
    fn said_by_program(&mut self, words: &[String]) -> Result<Said, Unclear> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["cd", to] | ["cd", "--", to] => Ok((Some(String::new()), self.change_dir(to)?)),
            ["dirname", "--", path] | ["dirname", path] if !path.starts_with('-') => Ok(says(dirname(path))),
            ["basename", "--", path] | ["basename", path] if !path.starts_with('-') => Ok(says(basename(path))),
            ["readlink", "-f", path]
            | ["readlink", "-f", "--", path]
            | ["realpath", path]
            | ["realpath", "--", path]
                if !path.starts_with('-') && !path.is_empty() =>
            {
                let path = self.state.cwd.join(path);
                match self.tracer.host.canonical(&path)? {
                    Some(real) if self.may(&path, 0)? == Truth::Yes => {
                        self.note_links(&path)?;
                        Ok(says(real.to_string_lossy()))
                    }
                    _ => unclear(format!("where {} leads", path.display())),
                }
            }
            ["readlink", path] if !path.starts_with('-') && !path.is_empty() => {
                let path = self.state.cwd.join(path);
                match self.tracer.host.read_link(&path)? {
                    Some(to) if self.may(path.parent().unwrap_or(&path), 1)? == Truth::Yes => {
                        self.note_links(&path)?;
                        Ok(says(to.to_string_lossy()))
                    }
                    _ => unclear(format!("where {} leads", path.display())),
                }
            }
            ["pwd"] => Ok(says(self.state.cwd.to_string_lossy())),
            ["pwd", "-P"] => {
                let cwd = self.state.cwd.clone();
                self.note_links(&cwd)?;
                Ok(self.tracer.host.canonical(&cwd)?.map_or_else(fails, |real| says(real.to_string_lossy())))
            }
            ["echo", rest @ ..] if !rest.iter().any(|word| word.starts_with('-') || word.contains('\\')) => {
                Ok(says(rest.join(" ")))
            }
            ["printf", "%s", text] => Ok((Some((*text).to_owned()), Truth::Yes)),
            ["printf", "%s\\n", text] => Ok(says(*text)),
            ["cat", path] if !path.starts_with('-') => self.said_by_file(path),
            ["uname"] | ["uname", "-s"] => Ok(says(if cfg!(target_os = "macos") { "Darwin" } else { "Linux" })),
            ["id", "-u"] => Ok(says(self.state.account.uid.to_string())),
            ["id", "-un"] | ["whoami"] => Ok(says(self.state.account.name.clone())),
            ["command", "-v", name] => {
                Ok(self.command_file(name)?.map_or_else(fails, |path| says(path.to_string_lossy())))
            }
            [name, ..] if TELLING.contains(name) => Ok((None, Truth::Unknown)),
            [name, ..] if is_file(name) => unclear(format!("what `{name}` says, only running it could tell")),
            _ => unclear("a substitution of this form is not followed by reading"),
        }
    }

    fn said_by_file(&mut self, path: &str) -> Result<Said, Unclear> {
        let path = self.state.cwd.join(path);
        match self.tracer.host.stat(&path)? {
            Some(found) if found.is_file() && found.len() <= LARGEST && self.may(&path, 4)? == Truth::Yes => {
                self.is_not_written(&path)?;
                let text = self.tracer.host.read(&path)?.unwrap_or_default();
                self.note_links(&path)?;
                self.tracer.trail.deciding.push(path);
                Ok((String::from_utf8(text).ok().filter(|text| !text.contains('\0')), Truth::Yes))
            }
            Some(_) => unclear(format!("what {} holds", path.display())),
            None => self.not_there(&path).map(|_| fails()),
        }
    }

    /// The links that a script asks for decide what it starts.
    fn note_links(&mut self, path: &Path) -> Result<(), Unclear> {
        let links = links_on(self.tracer.host, path)?;
        self.tracer.trail.deciding.extend(links);
        Ok(())
    }
}

/// As dirname(1) has it.
fn dirname(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    match trimmed.rsplit_once('/') {
        _ if trimmed.is_empty() => {
            if path.is_empty() {
                "."
            } else {
                "/"
            }
        }
        Some((dir, _)) => Some(dir.trim_end_matches('/')).filter(|dir| !dir.is_empty()).unwrap_or("/"),
        None => ".",
    }
}

/// As basename(1) has it.
fn basename(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    match trimmed.rsplit('/').next() {
        _ if trimmed.is_empty() => {
            if path.is_empty() {
                ""
            } else {
                "/"
            }
        }
        last => last.unwrap_or(trimmed),
    }
}
