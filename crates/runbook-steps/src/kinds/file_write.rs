//! `file.write`: a file with this content and mode. Undo puts back the exact file that was there, or its absence.

use crate::host::Reader;
use crate::{Args, Done, Kind, KindDoc, Mode, OutputDoc, Param, ParamType, Probe, Step, Work};
use runbook_model::{Declaration, Diagnostic, Effect, Failure, Outputs, Prediction, UndoPhase, UndoSource};
use serde_json::{Value as Json, json};
use std::borrow::Cow;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The kind.
pub(crate) struct FileWrite;

static DOC: KindDoc = KindDoc {
    name: Cow::Borrowed("file.write"),
    summary: Cow::Borrowed("Writes a file with the given content"),
    text: Cow::Borrowed(
        "The file is replaced in one rename, so readers see the old or the new one. Before that, what is there is \
         captured with mode, owner and times; undo puts exactly that back, or removes the file if there was none. \
         A directory at the path is refused.",
    ),
    params: Cow::Borrowed(&[
        Param::required("path", ParamType::Path, "The file; its directory must exist"),
        Param::required("content", ParamType::Content, "Its whole content"),
        Param::optional(
            "mode",
            ParamType::Mode,
            "Permission bits; without it those of the file that is there, else 0644",
        ),
    ]),
    outputs: Cow::Borrowed(&[OutputDoc { name: "path", help: "the file's absolute path, text" }]),
    open_outputs: false,
    example: Cow::Borrowed(
        "- id: motd\n  uses: file.write\n  with:\n    path: /etc/motd\n    content: |\n      Maintenance until 05:00.\n",
    ),
};

impl Kind for FileWrite {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        let mut declaration = Declaration::principal(UndoSource::Own);
        declaration.effects.extend(args.path_resource("path").map(Effect::write));
        declaration
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        Ok(Box::new(WholeFile {
            path: args.need("path")?,
            content: args.need::<String>("content")?.into_bytes(),
            mode: args.maybe::<Mode>("mode")?.map(|mode| mode.0),
        }))
    }
}

/// A file whose whole content is known. `file.copy` and `file.template` become one of these as well.
pub(super) struct WholeFile {
    pub(super) path: PathBuf,
    pub(super) content: Vec<u8>,
    /// `None`: as it is, or 0644 for a new file.
    pub(super) mode: Option<u32>,
}

impl WholeFile {
    fn current_mode(&self, host: &Reader) -> Result<Option<u32>, Failure> {
        match host.lstat(&self.path)? {
            None => Ok(None),
            Some(found) if found.is_dir() => {
                Err(Failure::refused(format!("{} is a directory, not a file", self.path.display()))
                    .hint("remove it with `file.remove` first, or name a file inside it"))
            }
            Some(found) if found.is_file() => Ok(Some(found.permissions().mode() & 0o7777)),
            Some(_) => Ok(None),
        }
    }
}

impl Step for WholeFile {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let path = &self.path;
        let mode = self.current_mode(host)?;
        let current = if mode.is_some() { host.read(path)? } else { None };
        let outputs = Outputs::from_iter([("path".to_owned(), json!(path.to_string_lossy()))]);
        let wanted = self.mode.or(mode).unwrap_or(0o644);
        let prediction = match (&current, mode) {
            (Some(current), Some(mode)) if *current == self.content && mode == wanted => {
                Prediction::no_change(format!("{} is as wanted", path.display()))
            }
            (Some(current), Some(mode)) if *current == self.content => {
                Prediction::change(format!("{}: mode {mode:04o} → {wanted:04o}", path.display()))
            }
            (Some(current), _) => {
                Prediction::change_with(format!("{} changes", path.display()), diff(path, current, &self.content))
            }
            (None, _) => {
                Prediction::change_with(format!("{} is created", path.display()), diff(path, b"", &self.content))
            }
        };
        Ok(Probe::of(prediction).with(outputs))
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Json, Failure> {
        work.capture(std::slice::from_ref(&self.path))
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        let mode = self.mode.or(self.current_mode(work.host)?).unwrap_or(0o644);
        work.host.replace_file(&self.path, &self.content, mode)?;
        let outputs = Outputs::from_iter([("path".to_owned(), json!(self.path.to_string_lossy()))]);
        Ok(Done::saying(format!("{} written", self.path.display())).with(outputs))
    }

    fn take_back(&self, phase: UndoPhase, work: &Work<'_>, _: &Json) -> Result<String, Failure> {
        match phase {
            UndoPhase::Undo => work.put_back(std::slice::from_ref(&self.path)),
            UndoPhase::Halt | UndoPhase::Insurance => Ok(String::new()),
        }
    }
}

/// A unified diff; for anything but short text, only the sizes.
pub(crate) fn diff(path: &Path, old: &[u8], new: &[u8]) -> String {
    const LIMIT: usize = 256 * 1024;
    match (std::str::from_utf8(old), std::str::from_utf8(new)) {
        (Ok(old), Ok(new)) if old.len() + new.len() <= LIMIT => {
            let name = path.display().to_string();
            similar::TextDiff::from_lines(old, new).unified_diff().context_radius(3).header(&name, &name).to_string()
        }
        _ => format!("{} bytes → {} bytes\n", old.len(), new.len()),
    }
}
