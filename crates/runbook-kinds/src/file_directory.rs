//! `file.directory`: a directory with this mode. Undo removes only what the step made, and only while it is empty.

use runbook_host::Reader;
use runbook_model::{Declaration, Diagnostic, Failure, Prediction, UndoSource};
use runbook_step::lack::of_parent;
use runbook_step::{
    Args, Done, Kind, KindDoc, Lack, Mode, OutputDoc, OwnUndo, Param, ParamType, Prepared, Probe, Step, Undoing, Work,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// The kind.
pub(crate) struct FileDirectory;

static DOC: KindDoc = KindDoc {
    name: "file.directory",
    summary: "Makes a directory",
    text: "Undo removes the directories that the step made, and only while they are empty: what somebody put into one \
         since is kept, and the undo says so. The mode of a directory that was there is put back. A file or a symlink \
         at the path is refused.",
    params: &[
        Param::required("path", ParamType::Path, "The directory"),
        Param::optional("mode", ParamType::Mode, "Permission bits; without it those that it has, else 0755"),
        Param::default("parents", ParamType::Bool, "false", "Whether missing directories above it are made, with 0755"),
    ],
    outputs: &[OutputDoc { name: "path", help: "the directory's absolute path, text" }],
    example: "- id: releases\n  uses: file.directory\n  with:\n    path: /srv/app/releases\n    mode: \"0750\"\n    \
         parents: true\n",
};

impl Kind for FileDirectory {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        Declaration::principal(UndoSource::Own).writing(args.path_resource("path"))
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        Ok(Box::new(Directory {
            path: args.need("path")?,
            mode: args.maybe::<Mode>("mode")?.map(|mode| mode.0),
            parents: args.need("parents")?,
        }))
    }
}

struct Directory {
    path: PathBuf,
    mode: Option<u32>,
    parents: bool,
}

/// What undo needs.
#[derive(Serialize, Deserialize)]
struct Before {
    /// Directories that were not there, the outermost first.
    missing: Vec<PathBuf>,
    /// The mode of a directory that was there.
    mode: Option<u32>,
}

impl Directory {
    /// The mode of the directory, if it is there.
    fn current_mode(&self, host: &Reader) -> Result<Option<u32>, Failure> {
        match host.lstat(&self.path)? {
            None => Ok(None),
            Some(found) if found.is_dir() => Ok(Some(found.permissions().mode() & 0o7777)),
            Some(found) => {
                let what = if found.is_symlink() { "a symlink" } else { "a file" };
                Err(Failure::refused(format!("{} is {what}, not a directory", self.path.display()))
                    .hint("remove it with `file.remove` first, or name the directory that it leads to"))
            }
        }
    }

    /// What has to be made, the outermost first.
    fn missing(&self, host: &Reader) -> Result<Vec<PathBuf>, Failure> {
        let mut missing = Vec::new();
        for path in self.path.ancestors() {
            match host.stat(path)? {
                Some(found) if found.is_dir() => break,
                Some(_) => {
                    return Err(Failure::refused(format!("{} is not a directory", path.display()))
                        .hint(format!("it is in the way of {}", self.path.display())));
                }
                None => missing.push(path.to_path_buf()),
            }
        }
        if let [_, parent, ..] = missing.as_slice()
            && !self.parents
        {
            return Err(Failure::missing(format!("the directory {} is not there", parent.display()))
                .hint("set `parents: true` to have it made"));
        }
        missing.reverse();
        Ok(missing)
    }
}

impl Step for Directory {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let path = self.path.display();
        host.own_way_to(&self.path)?;
        let prediction = match self.current_mode(host)? {
            Some(mode) if self.mode.is_none_or(|wanted| wanted == mode) => {
                Prediction::no_change(format!("{path} is there"))
            }
            Some(mode) => Prediction::change(format!("{path}: mode {mode:04o} → {:04o}", self.mode.unwrap_or(mode))),
            None => match self.missing(host)?.len() {
                0 | 1 => Prediction::change(format!("{path} is made")),
                count => Prediction::change(format!("{path} is made, with {} above it", count - 1)),
            },
        };
        Ok(Probe::of(prediction).with([("path", json!(self.path.to_string_lossy()))]))
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::Own(self)
    }

    fn lacks(&self, host: &Reader, _: Option<&Failure>) -> Vec<Lack> {
        let first = self.missing(host).ok().and_then(|missing| missing.first().cloned());
        first.and_then(|first| of_parent(host, &first)).into_iter().collect()
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Prepared, Failure> {
        let before = Before { mode: self.current_mode(work.host)?, missing: self.missing(work.host)? };
        Ok(Prepared::of(json!(before)))
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        for path in self.missing(work.host)? {
            let mode = if path == self.path { self.mode.unwrap_or(0o755) } else { 0o755 };
            let made = work.host.create_dir(&path, mode);
            // Another step that runs at the same time may have made a directory above both.
            if !work.host.stat(&path)?.is_some_and(|found| found.is_dir()) {
                made?;
            }
        }
        if let Some(wanted) = self.mode {
            work.host.set_mode(&self.path, wanted)?;
        }
        Ok(Done::saying(format!("{} is there", self.path.display()))
            .with([("path", json!(self.path.to_string_lossy()))]))
    }
}

impl OwnUndo for Directory {
    fn undo(&self, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        let before = Before::deserialize(undo).map_err(|error| {
            Failure::failed(format!("the undo data of step `{}` cannot be read: {error}", work.step))
        })?;
        if let Some(mode) = before.mode {
            if self.current_mode(work.host)?.is_none() {
                return Ok(format!("{} was there before, and somebody has removed it", self.path.display()));
            }
            let had_other = work.host.set_mode(&self.path, mode)?;
            let is = if had_other { format!("has mode {mode:04o} again") } else { "was there before".to_owned() };
            return Ok(format!("{} {is}", self.path.display()));
        }
        for path in before.missing.iter().rev() {
            if !work.host.remove_if_empty(path)? {
                let inside = work.host.list(path)?.unwrap_or_default().len();
                return Ok(format!("{} is kept: {inside} entries were put into it", path.display()));
            }
        }
        Ok(format!("{} removed", self.path.display()))
    }
}
