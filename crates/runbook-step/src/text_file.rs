//! A short text at a place of its own, such as the file of a unit or of a job: written in one piece, and put back.

use crate::Work;
use runbook_host::{Host, Reader};
use runbook_model::Failure;
use serde_json::Value as Json;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The key of undo data under which the directories are that the step makes, the innermost first.
const MADE: &str = "made";
/// The key of undo data under which it says whether the file was as wanted.
const SAME: &str = "same";

/// The text and where it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextFile {
    /// Where the file is.
    pub path: PathBuf,
    /// Its whole text.
    pub content: String,
    /// Its permission bits.
    pub mode: u32,
}

/// A file as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its text; `None` if there is no file.
    pub content: Option<Vec<u8>>,
    /// Its permission bits.
    pub mode: Option<u32>,
}

impl TextFile {
    /// What is there now. A directory or a link at the path is refused.
    pub fn found(&self, host: &Reader) -> Result<Found, Failure> {
        let place = self.path.display();
        match host.lstat(&self.path)? {
            None => Ok(Found { content: None, mode: None }),
            Some(found) if found.is_file() => {
                Ok(Found { content: host.read(&self.path)?, mode: Some(found.permissions().mode() & 0o7777) })
            }
            Some(found) if found.is_symlink() => {
                let target = host.read_link(&self.path)?.unwrap_or_default();
                // How systemd is told that a unit may not be started.
                let masked = target == Path::new("/dev/null");
                let what =
                    if masked { "which masks the unit" } else { "which puts a file from elsewhere in its place" };
                Err(Failure::refused(format!("{place} is a link to {}, {what}", target.display()))
                    .hint("remove the link with `file.remove` first, if it is not there for a reason"))
            }
            Some(_) => Err(Failure::refused(format!("{place} is not a file"))),
        }
    }

    /// Whether the file is as wanted.
    pub fn is_there(&self, found: &Found) -> bool {
        found.mode == Some(self.mode) && found.content.as_deref() == Some(self.content.as_bytes())
    }

    /// Captures what is there, and which directories the step will make; for `prepare`.
    pub fn remember(&self, work: &Work<'_>) -> Result<Json, Failure> {
        let mut undo = work.capture(std::slice::from_ref(&self.path))?;
        undo[SAME] = self.is_there(&self.found(work.host)?).into();
        let missing = self.missing_parents(work.host)?;
        undo[MADE] = missing.iter().map(|dir| dir.to_string_lossy()).collect();
        Ok(undo)
    }

    /// Writes the file, with the directories above it, unless it is as wanted.
    pub fn put(&self, host: &Host) -> Result<(), Failure> {
        if self.is_there(&self.found(host)?) {
            return Ok(());
        }
        self.missing_parents(host)?.into_iter().rev().try_for_each(|parent| host.create_dir(parent, 0o755))?;
        host.replace_file(&self.path, self.content.as_bytes(), self.mode)
    }

    /// Puts back what [`remember`](Self::remember) captured. Directories that the step made go if nobody put anything
    /// else into them.
    pub fn undo(&self, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        // What a restore replaces is set aside, and on another file system than the state directory that is beside it.
        // The plan holds this text: nothing is lost without it, and nothing is left where the init system looks.
        let is_ours = undo.get(SAME) == Some(&Json::Bool(false)) && self.is_there(&self.found(work.host)?);
        if is_ours {
            work.host.remove(&self.path)?;
        }
        let mut done = work.restore_captured(std::slice::from_ref(&self.path))?;
        if is_ours && work.host.lstat(&self.path)?.is_none() {
            done = format!("{} removed, as nothing was there before", self.path.display());
        }
        for made in undo.get(MADE).and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str) {
            let made = Path::new(made);
            work.host.remove_if_empty(made)?;
        }
        Ok(done)
    }

    /// The directories above the file that are not there, the nearest first.
    fn missing_parents(&self, host: &Reader) -> Result<Vec<&Path>, Failure> {
        let mut missing = Vec::new();
        for parent in self.path.ancestors().skip(1) {
            if host.lstat(parent)?.is_some() {
                break;
            }
            missing.push(parent);
        }
        Ok(missing)
    }
}
