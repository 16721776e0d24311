//! `file.write`: a file with this content and mode. Undo puts back the exact file that was there, or its absence.

use super::in_the_way::{bits, file_in_the_way, no_file, other_names};
use runbook_host::Reader;
use runbook_model::{Declaration, Diagnostic, Failure, Prediction, UndoSource};
use runbook_step::diff::{Text, diff};
use runbook_step::lack::of_parent;
use runbook_step::{Args, Done, Kind, KindDoc, Lack, Mode, OutputDoc, Param, ParamType, Probe, Step, Undoing, Work};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

/// The kind.
pub(crate) struct FileWrite;

static DOC: KindDoc = KindDoc {
    name: "file.write",
    summary: "Writes a file with the given content",
    text: "The file is replaced in one rename, so readers see the old or the new one. Before that, what is there is \
         captured with mode, owner and times; undo puts exactly that back, or removes the file if there was none. \
         A file that is replaced keeps its owner, its ACL and its attributes, but those that vouch for the content \
         (capabilities, IMA, EVM); where that is not allowed it is left alone and the step fails. A directory at the \
         path is refused.\n\n\
         The preview shows the lines that change; of a file that not everybody may read, it shows only the new lines, \
         which are the plan's, and how many go.",
    params: &[
        Param::required("path", ParamType::Path, "The file; its directory must exist"),
        Param::required("content", ParamType::Content, "Its whole content"),
        Param::optional(
            "mode",
            ParamType::Mode,
            "Permission bits; without it those of the file that is there, else 0644",
        ),
    ],
    outputs: &[OutputDoc { name: "path", help: "the file's absolute path, text" }],
    example: "- id: motd\n  uses: file.write\n  with:\n    path: /etc/motd\n    content: |\n      Maintenance until 05:00.\n",
};

impl Kind for FileWrite {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        Declaration::principal(UndoSource::Own).writing(args.path_resource("path"))
    }

    fn undo_uses(&self, param: &str, _: &Args<'_>) -> bool {
        param != "content"
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        Ok(Box::new(WholeFile {
            path: args.need("path")?,
            content: args.need::<String>("content")?.into_bytes(),
            mode: args.maybe::<Mode>("mode")?.map(|mode| mode.0),
            private: false,
        }))
    }
}

/// A file whose whole content is known. `file.copy` and `file.template` become one of these as well.
pub(super) struct WholeFile {
    pub(super) path: PathBuf,
    pub(super) content: Vec<u8>,
    /// `None`: as it is, or 0644 for a new file.
    pub(super) mode: Option<u32>,
    /// Whether the content comes from a file that not everybody may read.
    pub(super) private: bool,
}

impl Step for WholeFile {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let path = &self.path;
        let found = file_in_the_way(host, path)?;
        let mode = found.as_ref().map(bits);
        let current = if found.is_some() { host.read(path)? } else { None };
        let new = Text { private: self.private, ..Text::open(&self.content) };
        let diff = |current: &[u8]| {
            let old = found.as_ref().map_or(Text::open(b""), |found| Text::of(current, found));
            diff(path, old, new)
        };
        let wanted = self.mode.or(mode).unwrap_or(0o644);
        let parted = other_names(found.as_ref());
        let prediction = match (&current, mode) {
            (Some(current), Some(mode)) if *current == self.content && mode == wanted => {
                Prediction::no_change(format!("{} is as wanted", path.display()))
            }
            (Some(current), Some(mode)) if *current == self.content => {
                Prediction::change(format!("{}: mode {mode:04o} → {wanted:04o}{parted}", path.display()))
            }
            (Some(current), _) => Prediction::change_with(format!("{} changes{parted}", path.display()), diff(current)),
            (None, _) => {
                let summary = match no_file(host, path)? {
                    Some(replaced) => format!("{replaced} is replaced by a file"),
                    None => format!("{} is created", path.display()),
                };
                Prediction::change_with(summary, diff(b""))
            }
        };
        Ok(Probe::of(prediction).with([("path", json!(self.path.to_string_lossy()))]))
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::Captured(std::slice::from_ref(&self.path))
    }

    fn lacks(&self, host: &Reader, _: Option<&Failure>) -> Vec<Lack> {
        of_parent(host, &self.path).into_iter().collect()
    }

    fn can_undo(&self, host: &Reader) -> Result<(), Failure> {
        can_undo(host, &self.path)
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        let mode = self.mode.or(file_in_the_way(work.host, &self.path)?.as_ref().map(bits)).unwrap_or(0o644);
        work.host.replace_file(&self.path, &self.content, mode)?;
        let outputs = [("path", json!(self.path.to_string_lossy()))];
        Ok(Done::saying(format!("{} written", self.path.display())).with(outputs))
    }
}

/// What makes the whole content of a file, from what is read when the step runs.
pub(super) trait MakesFile: Send + Sync {
    /// The file that is written.
    fn path(&self) -> &PathBuf;

    /// The file as it is to be.
    fn file(&self, host: &Reader) -> Result<WholeFile, Failure>;

    /// What its source lacks.
    fn source_lacks(&self, host: &Reader) -> Option<Lack>;
}

/// The step that writes what `0` makes.
pub(super) struct Made<M>(pub(super) M);

impl<M: MakesFile> Step for Made<M> {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        self.0.file(host)?.probe(host)
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::Captured(std::slice::from_ref(self.0.path()))
    }

    fn lacks(&self, host: &Reader, _: Option<&Failure>) -> Vec<Lack> {
        self.0.source_lacks(host).into_iter().chain(of_parent(host, self.0.path())).collect()
    }

    fn can_undo(&self, host: &Reader) -> Result<(), Failure> {
        can_undo(host, self.0.path())
    }

    fn apply(&self, work: &Work<'_>, undo: &Json) -> Result<Done, Failure> {
        self.0.file(work.host)?.apply(work, undo)
    }
}

/// Whether the file that was there can be put back.
pub(super) fn can_undo(host: &Reader, path: &Path) -> Result<(), Failure> {
    file_in_the_way(host, path)?;
    host.can_restore(path)
}
