//! What a substitution puts out, for the few commands that scripts use to find themselves.

use super::parser::parse;
use super::state::{Shell, Truth};
use super::syntax::{Command, What};
use crate::nvm::Nvm;
use crate::{Unclear, Value, links_on};
use runbook_step::normalise;
use std::path::{Path, PathBuf};

/// How deep substitutions may nest.
const DEEPEST: usize = 12;
/// The largest file that is put out.
const LARGEST: u64 = 64 << 10;

impl Shell<'_, '_> {
    /// What `$(script)` becomes; `None` if only running it could tell.
    pub(super) fn output(&mut self, script: &str) -> Result<Value, Unclear> {
        let Ok(commands) = parse(script) else { return Ok(None) };
        if self.depth >= DEEPEST {
            return Ok(None);
        }
        self.depth += 1;
        let before = self.state.clone();
        let value = self.said(&commands);
        self.state = before;
        self.depth -= 1;
        Ok(value?.map(|text| text.trim_end_matches('\n').to_owned()))
    }

    /// What the commands say together.
    fn said(&mut self, commands: &[Command]) -> Result<Value, Unclear> {
        let mut all = String::new();
        for command in commands {
            match self.said_by(command)? {
                Some((text, _)) => all.push_str(&text),
                None => return Ok(None),
            }
        }
        Ok(Some(all))
    }

    fn said_by(&mut self, command: &Command) -> Result<Option<(String, Truth)>, Unclear> {
        self.tracer.count()?;
        match &command.what {
            What::And(left, right) | What::Or(left, right) => {
                let Some((said, truth)) = self.said_by(left)? else { return Ok(None) };
                let goes_on = match (&command.what, truth) {
                    (What::And(..), Truth::Yes | Truth::Likely) | (What::Or(..), Truth::No) => true,
                    (_, Truth::Unknown) => return Ok(None),
                    _ => false,
                };
                if !goes_on {
                    return Ok(Some((said, truth)));
                }
                Ok(self.said_by(right)?.map(|(more, truth)| (said + &more, truth)))
            }
            What::Pipe(commands) => self.said_by_pipe(commands),
            What::Simple { assigned, words } => {
                let mut fields = Vec::new();
                for word in words {
                    fields.extend(self.fields(word)?);
                }
                let Some(fields) = fields.into_iter().collect::<Option<Vec<String>>>() else { return Ok(None) };
                if fields.first().is_some_and(|name| name == "cd") && assigned.is_empty() {
                    let truth = self.change_dir(fields.get(1).cloned().map(Some));
                    return Ok(truth.map(|truth| (String::new(), truth)));
                }
                Ok(self.said_by_program(&fields)?.map(|said| match said {
                    Some(said) => (said, Truth::Yes),
                    None => (String::new(), Truth::No),
                }))
            }
            _ => Ok(None),
        }
    }

    /// The one pipe that shims of package managers have: it turns the separators of another system.
    fn said_by_pipe(&mut self, commands: &[Command]) -> Result<Option<(String, Truth)>, Unclear> {
        let [first, second] = commands else { return Ok(None) };
        let What::Simple { words, .. } = &second.what else { return Ok(None) };
        let mut filter = Vec::new();
        for word in words {
            filter.extend(self.fields(word)?);
        }
        let filter: Vec<&str> = filter.iter().map(|word| word.as_deref().unwrap_or_default()).collect();
        let said = self.said_by(first)?;
        let harmless = matches!(filter.as_slice(), ["sed", "-e", "s,\\\\,/,g"]);
        Ok(said.filter(|(said, _)| harmless && !said.contains('\\')))
    }

    /// What a program says: the outer `None` if that cannot be known, the inner one if it fails.
    fn said_by_program(&mut self, words: &[String]) -> Result<Option<Option<String>>, Unclear> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let said = |text: &str| Ok(Some(Some(format!("{text}\n"))));
        let account = &self.state.account;
        match words.as_slice() {
            ["dirname", "--", path] | ["dirname", path] => {
                let trimmed = path.trim_end_matches('/');
                let dir = match trimmed.rsplit_once('/') {
                    _ if trimmed.is_empty() => {
                        if path.is_empty() {
                            "."
                        } else {
                            "/"
                        }
                    }
                    Some(("", _)) => "/",
                    Some((dir, _)) => dir,
                    None => ".",
                };
                said(dir)
            }
            ["basename", "--", path] | ["basename", path] => said(last_name(path)),
            ["basename", path, ending] => {
                let name = last_name(path);
                said(name.strip_suffix(ending).filter(|rest| !rest.is_empty()).unwrap_or(name))
            }
            ["readlink", "-f" | "-e" | "-m", path] | ["realpath", path] | ["realpath", "-e" | "-m", path] => {
                let Some(path) = self.in_cwd(path) else { return Ok(None) };
                self.note_links(&path)?;
                Ok(Some(self.tracer.host.canonical(&path)?.map(|real| format!("{}\n", real.display()))))
            }
            ["readlink", path] => {
                let Some(path) = self.in_cwd(path) else { return Ok(None) };
                self.note_links(&path)?;
                Ok(Some(self.tracer.host.read_link(&path)?.map(|to| format!("{}\n", to.display()))))
            }
            ["pwd"] | ["pwd", "-L"] => Ok(self.state.cwd.as_ref().map(|cwd| Some(format!("{}\n", cwd.display())))),
            ["pwd", "-P"] => {
                let Some(cwd) = self.state.cwd.clone() else { return Ok(None) };
                self.note_links(&cwd)?;
                Ok(Some(self.tracer.host.canonical(&cwd)?.map(|real| format!("{}\n", real.display()))))
            }
            ["echo", "-n", rest @ ..] => said(&rest.join(" ")),
            ["echo", rest @ ..] if !rest.iter().any(|word| word.starts_with('-') || word.contains('\\')) => {
                said(&rest.join(" "))
            }
            ["printf", "%s" | "%s\\n", text] => said(text),
            ["cat", path] => {
                let Some(path) = self.in_cwd(path) else { return Ok(None) };
                match self.tracer.host.stat(&path)? {
                    Some(found) if found.is_file() && found.len() <= LARGEST => {
                        let text = self.tracer.host.read(&path)?.unwrap_or_default();
                        self.tracer.trail.deciding.push(path);
                        Ok(Some(String::from_utf8(text).ok()))
                    }
                    Some(_) => Ok(None),
                    None => Ok(Some(None)),
                }
            }
            // Colours for `ls`, in every `.bashrc` of Debian: they decide nothing.
            ["dircolors", ..] => said(""),
            ["uname"] | ["uname", "-s"] => said(if cfg!(target_os = "macos") { "Darwin" } else { "Linux" }),
            ["id", "-u"] => said(&account.uid.to_string()),
            ["id", "-un"] | ["id", "-u", "-n"] | ["whoami"] => said(&account.name),
            ["command", "-v", name] | ["which", name] | ["type", "-P" | "-p", name] => self.found(name),
            ["nvm", "which", rest @ ..] => {
                let Some(dir) = self.state.nvm.clone() else { return Ok(None) };
                let wanted = rest.first().copied().unwrap_or("default");
                if wanted == "current" {
                    return self.found("node");
                }
                let (bin, _) = Nvm { host: self.tracer.host, dir }.bin(wanted)?;
                Ok(bin.map(|bin| Some(format!("{}\n", bin.join("node").display()))))
            }
            _ => Ok(None),
        }
    }

    fn found(&mut self, name: &str) -> Result<Option<Option<String>>, Unclear> {
        // Without a known search path, nobody knows.
        if matches!(self.state.vars.get("PATH"), Some(None)) && !name.contains('/') {
            return Ok(None);
        }
        let cwd = self.state.cwd.clone().unwrap_or_else(|| PathBuf::from("/"));
        let found = self.tracer.lookup(name, &cwd, self.state.vars.get("PATH")).ok();
        let found = match found {
            Some(path) if self.tracer.host.stat(&path)?.is_some() => Some(path),
            _ => None,
        };
        Ok(Some(found.map(|path| format!("{}\n", path.display()))))
    }

    /// The links that a script asks for decide what it starts.
    fn note_links(&mut self, path: &Path) -> Result<(), Unclear> {
        let links = links_on(self.tracer.host, path)?;
        self.tracer.trail.deciding.extend(links);
        Ok(())
    }

    pub(super) fn in_cwd(&self, path: &str) -> Option<PathBuf> {
        let path = Path::new(path);
        match &self.state.cwd {
            Some(cwd) => Some(normalise(&cwd.join(path))),
            None => path.is_absolute().then(|| normalise(path)),
        }
    }
}

fn last_name(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    trimmed.rsplit('/').next().unwrap_or(trimmed)
}
