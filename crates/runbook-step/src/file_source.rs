//! A parameter that takes a file, and commands: what they name of the plan is what the run keeps.

use crate::args::{Args, wrong};
use crate::from_arg::{ArgContext, FromArg, Mistake, normalise};
use crate::plan_files::PlanFile;
use crate::script::script_at;
use runbook_host::{Command, Reader};
use runbook_model::{Diagnostic, Failure, Node, Value};
use std::fmt;
use std::path::{Path, PathBuf};

/// What a parameter names that takes a file.
#[derive(Clone, Debug)]
pub enum FileSource {
    /// A file of the host, by its absolute path.
    Host(PathBuf),
    /// A file of the plan.
    Plan(PlanFile),
}

impl FileSource {
    /// The whole content; `None` if nothing is there.
    pub fn read(&self, host: &Reader) -> Result<Option<Vec<u8>>, Failure> {
        match self {
            Self::Host(path) => host.read(path),
            Self::Plan(file) => file.content().map(Some),
        }
    }

    /// Where it lies now, for programs.
    pub(crate) fn place(&self, context: &ArgContext) -> PathBuf {
        match self {
            Self::Host(path) => path.clone(),
            Self::Plan(file) => file.kept().map_or_else(|| normalise(&context.base.join(file.name())), Path::to_owned),
        }
    }

    /// Whether there is somebody who may not read it.
    pub fn is_private(&self, host: &Reader) -> Result<bool, Failure> {
        match self {
            Self::Host(path) => Ok(host.stat(path)?.as_ref().is_some_and(crate::diff::is_private)),
            Self::Plan(file) => Ok(file.brought().mode() & 0o004 == 0),
        }
    }
}

impl fmt::Display for FileSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(path) => path.display().fmt(f),
            Self::Plan(file) => f.write_str(file.name()),
        }
    }
}

impl FromArg for FileSource {
    fn from_arg(node: &Node, context: &ArgContext) -> Result<Self, Mistake> {
        let path = PathBuf::from_arg(node, context)?;
        let Value::String(text) = &node.value else { return Ok(Self::Host(path)) };
        let of_plan = !text.starts_with(['/', '~']);
        let file = if of_plan { context.plan_file(text) } else { Ok(None) };
        let file = file.map_err(|wanted| Mistake::Wrong(node.span, wanted))?;
        Ok(file.map_or(Self::Host(path), Self::Plan))
    }
}

impl ArgContext {
    /// The file of the plan that has the relative path `text`; `None` if it is one of the host: one that a step writes, and every
    /// one in a run of a `runbook` that kept none. An error says what is wanted instead.
    fn plan_file(&self, text: &str) -> Result<Option<PlanFile>, String> {
        let Some(files) = &self.files else { return Ok(None) };
        match files.file(text) {
            Some(file) => Ok(Some(file)),
            None if files.bundle.made.contains(text) => Ok(None),
            None => Err(format!(
                "the absolute path of a file of the host, or a file of the plan that is known before the run; `{text}` is neither"
            )),
        }
    }

    /// The command of these words, in `cwd` or else where commands of this plan run. Without `cwd`, a program or script that is
    /// named relative is the plan's, and is run from where the run keeps it. An error says what is wanted instead.
    pub fn command(&self, argv: Vec<String>, cwd: Option<PathBuf>) -> Result<Command, String> {
        let words: Vec<&str> = argv.iter().map(String::as_str).collect();
        let script = script_at(&words).filter(|_| cwd.is_none());
        let file = script.and_then(|at| Some((at, *words.get(at)?)));
        let kept = match file {
            Some((at, word)) => self.plan_file(word)?.and_then(|file| Some((at, file.kept()?.to_owned()))),
            None => None,
        };
        let cwd = Some(cwd.unwrap_or_else(|| self.cwd.clone()));
        Ok(Command { kept: kept.into_iter().collect(), cwd, ..Command::new(argv) })
    }
}

impl Args<'_> {
    /// The command of the required parameter `name`, in the `cwd` of the step.
    pub fn command(&self, name: &str) -> Result<Command, Diagnostic> {
        let made = self.context.command(self.need(name)?, self.maybe("cwd")?);
        made.map_err(|wanted| wrong(name, self.span(name), &wanted))
    }
}
