//! `file.copy`: a file as a copy of another one of this host.

use super::file_write::{Made, MakesFile, WholeFile, can_undo};
use super::in_the_way::{bits, file_in_the_way, no_file, other_names};
use runbook_host::{Reader, special};
use runbook_model::{Declaration, Diagnostic, Diagnostics, Failure, Prediction, UndoSource};
use runbook_step::diff::{Text, diff};
use runbook_step::lack::of_parent;
use runbook_step::{
    Args, Done, FileSource, Kind, KindDoc, Lack, Mode, OutputDoc, Param, ParamType, PlanFile, Probe, Step, Undoing,
    Work, wrong,
};
use serde_json::{Value as Json, json};
use std::fs::Metadata;
use std::path::PathBuf;

/// Longer files are compared by digest and shown by size.
const SHOWN: u64 = 128 * 1024;

/// The kind.
pub(crate) struct FileCopy;

static DOC: KindDoc = KindDoc {
    name: "file.copy",
    summary: "Copies one file to a place of this host",
    text: "The copy appears in one rename, so readers see the old or the new file, and its content is compared with the \
         source before and after. What was at `path` is captured with mode, owner and times; undo puts exactly that \
         back, or removes the copy if there was nothing. A file that is replaced keeps its owner, its ACL and its \
         attributes, as with `file.write`. A new one that root makes in a directory of the source's owner belongs to that \
         owner, any other, and a copy of a file of the plan, to the user that runs `runbook`. A symlink as source is followed; a symlink at `path` is \
         replaced, not written through. A directory at either place is refused; directories are copied by \
         `artifact.deploy`.",
    params: &[
        Param::required("from", ParamType::File, "The file to copy"),
        Param::required("path", ParamType::Path, "The copy; its directory must exist"),
        Param::optional(
            "mode",
            ParamType::Mode,
            "Permission bits; without it those of the file that is there, else those of the source without setuid, setgid and sticky",
        ),
    ],
    outputs: &[OutputDoc { name: "path", help: "the copy's absolute path, text" }],
    example: "- id: unit-file\n  uses: file.copy\n  with:\n    from: files/openclaw.service\n    \
         path: ~/.config/systemd/user/openclaw.service\n    mode: \"0644\"\n",
};

impl Kind for FileCopy {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        let paths = ["from", "path"].map(|name| args.peek::<PathBuf>(name).known());
        if let [Some(from), Some(path)] = paths
            && from == path
        {
            found.push(wrong("path", args.span("path"), "another file than `from`"));
        }
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        let declaration = Declaration::principal(UndoSource::Own).reading(args.path_resource("from"));
        declaration.writing(args.path_resource("path"))
    }

    fn undo_uses(&self, param: &str, _: &Args<'_>) -> bool {
        param != "from"
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        let path = args.need("path")?;
        let mode = args.maybe::<Mode>("mode")?.map(|mode| mode.0);
        Ok(match args.need("from")? {
            FileSource::Host(from) => Box::new(Copy { from, path, mode }),
            FileSource::Plan(file) => Box::new(Made(PlanCopy { file, path, mode })),
        })
    }
}

struct Copy {
    from: PathBuf,
    path: PathBuf,
    mode: Option<u32>,
}

impl Copy {
    fn source(&self, host: &Reader) -> Result<Metadata, Failure> {
        match host.stat(&self.from)? {
            Some(found) if found.is_file() => Ok(found),
            Some(found) if found.is_dir() => {
                Err(Failure::refused(format!("{} is a directory, not a file", self.from.display()))
                    .hint("copy a directory with `artifact.deploy`"))
            }
            Some(found) => Err(special(&self.from, &found)),
            None => Err(Failure::missing(format!("{} is not there to be copied", self.from.display()))
                .hint("put it there, or correct `from`")),
        }
    }

    fn wanted_mode(&self, host: &Reader, source: &Metadata) -> Result<u32, Failure> {
        let current = file_in_the_way(host, &self.path)?;
        // The owner of the source must not give what the copy's owner may do to those who run the copy.
        Ok(self.mode.or(current.as_ref().map(bits)).unwrap_or_else(|| bits(source) & 0o777))
    }
}

impl Step for Copy {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let source = self.source(host)?;
        let wanted = self.wanted_mode(host, &source)?;
        let current = file_in_the_way(host, &self.path)?;
        let (from, path) = (self.from.display(), self.path.display());
        let parted = other_names(current.as_ref());
        let prediction = match &current {
            Some(found) if found.len() == source.len() && host.digest(&self.path)? == host.digest(&self.from)? => {
                match bits(found) {
                    mode if mode == wanted => Prediction::no_change(format!("{path} is a copy of {from}")),
                    mode => Prediction::change(format!("{path}: mode {mode:04o} → {wanted:04o}{parted}")),
                }
            }
            Some(found) if found.len().max(source.len()) <= SHOWN => {
                let (old, new) = (host.read(&self.path)?, host.read(&self.from)?);
                let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
                let diff = diff(&self.path, Text::of(&old, found), Text::of(&new, &source));
                Prediction::change_with(format!("{path} becomes a copy of {from}{parted}"), diff)
            }
            Some(found) => Prediction::change(format!(
                "{path} becomes a copy of {from}, {} bytes → {} bytes{parted}",
                found.len(),
                source.len()
            )),
            None => Prediction::change(match no_file(host, &self.path)? {
                Some(replaced) => format!("{replaced} is replaced by a copy of {from}, {} bytes", source.len()),
                None => format!("{path} is created as a copy of {from}, {} bytes", source.len()),
            }),
        };
        Ok(Probe::of(prediction).with([("path", json!(self.path.to_string_lossy()))]))
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::Captured(std::slice::from_ref(&self.path))
    }

    fn lacks(&self, host: &Reader, _: Option<&Failure>) -> Vec<Lack> {
        let source = self.source(host).err().map(|failure| Lack::at(host, &self.from, failure));
        source.into_iter().chain(of_parent(host, &self.path)).collect()
    }

    fn can_undo(&self, host: &Reader) -> Result<(), Failure> {
        can_undo(host, &self.path)
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        let source = self.source(work.host)?;
        let mode = self.wanted_mode(work.host, &source)?;
        work.host.copy_file(&self.from, &self.path, mode)?;
        Ok(Done::saying(format!("{} copied, {} bytes", self.path.display(), source.len()))
            .with([("path", json!(self.path.to_string_lossy()))]))
    }
}

/// A copy of a file of the plan: a file whose whole content is known.
struct PlanCopy {
    file: PlanFile,
    path: PathBuf,
    mode: Option<u32>,
}

impl MakesFile for PlanCopy {
    fn path(&self) -> &PathBuf {
        &self.path
    }

    fn file(&self, host: &Reader) -> Result<WholeFile, Failure> {
        let current = file_in_the_way(host, &self.path)?;
        let source = self.file.brought().mode();
        let mode = self.mode.or(current.as_ref().map(bits)).unwrap_or(source);
        let content = self.file.content()?;
        Ok(WholeFile { path: self.path.clone(), content, mode: Some(mode), private: source & 0o004 == 0 })
    }

    fn source_lacks(&self, _: &Reader) -> Option<Lack> {
        self.file.content().err().map(|failure| Lack::new(failure, []))
    }
}
