//! `file.link`: a symlink that says this. Undo puts back what was at its path, or its absence.

use super::in_the_way::what_it_is;
use runbook_host::Reader;
use runbook_model::{Declaration, Diagnostic, Failure, Prediction, Resource, UndoSource};
use runbook_step::lack::of_parent;
use runbook_step::{
    Args, Done, Kind, KindDoc, Lack, OutputDoc, Param, ParamType, Peek, Prepared, Probe, Step, Undoing, Work, normalise,
};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

/// The kind.
pub(crate) struct FileLink;

static DOC: KindDoc = KindDoc {
    name: "file.link",
    summary: "Makes a symlink",
    text: "The link changes in one rename, so a program that follows it finds the old or the new place. What was at \
         `path` is captured; undo puts exactly that back. A directory at `path` is refused, and so is a link that \
         would lead nowhere when the step runs.",
    params: &[
        Param::required("path", ParamType::Path, "The link"),
        Param::required(
            "to",
            ParamType::String,
            "Where it leads, as the link says it; relative ones start at the link's directory",
        ),
    ],
    outputs: &[OutputDoc { name: "path", help: "the link's absolute path, text" }],
    example: "- id: current\n  uses: file.link\n  with:\n    path: /srv/app/current\n    to: releases/2026.3.24\n",
};

impl Kind for FileLink {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        // Whatever makes the target comes first.
        Declaration::principal(UndoSource::Own).writing(args.path_resource("path")).reads(target_resource(args))
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        let to: String = args.need("to")?;
        Ok(Box::new(Link { path: args.need("path")?, to: with_home(&to, args) }))
    }
}

/// What the link will say.
fn with_home(to: &str, args: &Args<'_>) -> PathBuf {
    to.strip_prefix("~/").map_or_else(|| PathBuf::from(to), |rest| args.context.home.join(rest))
}

/// The place that the link leads to, as far as it is known before the run.
fn target_resource(args: &Args<'_>) -> Resource {
    match (args.peek::<PathBuf>("path"), args.peek::<String>("to")) {
        (Peek::Known(path), Peek::Known(to)) => {
            let above = path.parent().unwrap_or(Path::new("/"));
            Resource::Path(normalise(&above.join(with_home(&to, args))))
        }
        _ => Resource::UnknownPath,
    }
}

struct Link {
    path: PathBuf,
    to: PathBuf,
}

impl Link {
    fn target(&self) -> PathBuf {
        normalise(&self.path.parent().unwrap_or(Path::new("/")).join(&self.to))
    }

    fn leads_somewhere(&self, host: &Reader) -> Result<(), Failure> {
        let target = self.path.parent().unwrap_or(Path::new("/")).join(&self.to);
        if host.stat(&target)?.is_some() {
            return Ok(());
        }
        let (path, target) = (self.path.display(), target.display());
        Err(Failure::missing(format!("{path} would lead to {target}, where nothing is"))
            .hint("put it there in an earlier step, or correct `to`"))
    }
}

impl Step for Link {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let (path, to) = (self.path.display(), self.to.display());
        let found = host.lstat(&self.path)?;
        let prediction = match (found, host.read_link(&self.path)?) {
            (None, _) => Prediction::change(format!("{path} is created as a link to {to}")),
            (Some(_), Some(old)) if old == self.to => Prediction::no_change(format!("{path} leads to {to}")),
            (Some(_), Some(old)) => Prediction::change(format!("{path}: {} → {to}", old.display())),
            (Some(found), None) if found.is_dir() => {
                return Err(Failure::refused(format!("{path} is a directory, not a link"))
                    .hint("remove it with `file.remove` first, or choose another path"));
            }
            (Some(found), None) if what_it_is(&found).is_some() => {
                let what = what_it_is(&found).unwrap_or_default();
                return Err(Failure::refused(format!("{path} is {what}, not a link"))
                    .hint("choose another path, or stop what uses it and remove it first"));
            }
            (Some(_), None) => Prediction::change(format!("the file {path} is replaced by a link to {to}")),
        };
        Ok(Probe::of(prediction).with([("path", json!(self.path.to_string_lossy()))]))
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::Captured(std::slice::from_ref(&self.path))
    }

    fn lacks(&self, host: &Reader, _: Option<&Failure>) -> Vec<Lack> {
        let target = self.leads_somewhere(host).err().map(|failure| Lack::at(host, &self.target(), failure));
        target.into_iter().chain(of_parent(host, &self.path)).collect()
    }

    fn can_undo(&self, host: &Reader) -> Result<(), Failure> {
        if host.lstat(&self.path)?.as_ref().and_then(what_it_is).is_some() {
            self.probe(host)?;
        }
        host.can_restore(&self.path)
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Prepared, Failure> {
        self.leads_somewhere(work.host)?;
        work.capture(std::slice::from_ref(&self.path)).map(Prepared::of)
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        self.leads_somewhere(work.host)?;
        work.host.replace_link(&self.path, &self.to)?;
        let summary = format!("{} leads to {}", self.path.display(), self.to.display());
        Ok(Done::saying(summary).with([("path", json!(self.path.to_string_lossy()))]))
    }
}
