//! The texts of plans and environments: from a file, a pipe or a reader, and never without an end.

use crate::error::Error;
use runbook_host::read_once;
use runbook_model::Failure;
use rustix::fs::{Access, access};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A plan may be this large; `runbook-plan` has the same limit.
const LIMIT: u64 = 16 << 20;
/// How long the writer of a pipe may take: a person may have to unlock what decrypts a plan.
const PATIENCE: Duration = Duration::from_secs(600);

/// The text of a plan or a rollout, and where its relative paths start.
#[derive(Clone, Debug)]
pub struct PlanText {
    title: String,
    text: String,
    base: PathBuf,
    /// Its directory, as the caller named the file; `None` where it is no file.
    named: Option<PathBuf>,
}

impl PlanText {
    /// The plan in a file, whose paths start at its own directory.
    pub fn at(path: &Path) -> Result<Self, Error> {
        let title = path.to_string_lossy().into_owned();
        let text = read_text(path)?;
        let whole = std::path::absolute(path).map_err(|error| nowhere(&title, &error))?;
        let base = whole.parent().map(Path::to_path_buf).unwrap_or_else(|| PathBuf::from("/"));
        Ok(Self { title, text, base, named: Some(path.parent().unwrap_or(Path::new("")).to_owned()) })
    }

    /// The plan that `from` ends after, whose paths start at the current directory. Messages call it `title`.
    pub fn from_reader(title: &str, from: impl Read) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        from.take(LIMIT + 1).read_to_end(&mut bytes).map_err(|error| unreadable(title, &plain(&error), None))?;
        let text = text_of(title, "-", bytes)?;
        let base = std::env::current_dir().map_err(|error| nowhere(title, &error))?;
        Ok(Self { title: title.to_owned(), text, base, named: None })
    }

    /// What messages call it.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where its relative paths start.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// The file that it calls `name`, as its own caller would name it.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.named.as_ref().unwrap_or(&self.base).join(name)
    }
}

fn nowhere(title: &str, error: &io::Error) -> Error {
    Error::Nowhere { title: title.to_owned(), why: plain(error) }
}

fn unreadable(title: &str, why: &str, hint: Option<String>) -> Error {
    Error::Unreadable(Failure { hint, ..Failure::missing(format!("cannot read {title}: {why}")) })
}

/// The whole text at `path`.
pub fn read_text(path: &Path) -> Result<String, Error> {
    let title = path.to_string_lossy();
    let failed = |error: io::Error| unreadable(&title, &plain(&error), None);
    if fs::metadata(path).map_err(failed)?.is_dir() {
        return Err(unreadable(&title, "it is a directory", Some("name the plan's file".to_owned())));
    }
    access(path, Access::READ_OK).map_err(|error| failed(error.into()))?;
    let read = read_once(path, LIMIT, PATIENCE).map_err(|failure| {
        let hint = failure.hint.clone().unwrap_or_else(|| "name the plan's file".to_owned());
        Error::Unreadable(failure.hint(hint))
    })?;
    text_of(&title, &title, read.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?)
}

/// `file` is what a command line calls it.
fn text_of(title: &str, file: &str, bytes: Vec<u8>) -> Result<String, Error> {
    let refused = |why: &str, hint: &str| unreadable(title, why, Some(hint.to_owned()));
    if bytes.len() as u64 > LIMIT {
        return Err(refused(&format!("it is larger than {} MiB", LIMIT >> 20), "is this the right file?"));
    }
    if is_utf16(&bytes) {
        let hint = format!("save it as UTF-8, for example: iconv -f UTF-16 -t UTF-8 {file}");
        return Err(refused("it is UTF-16, not UTF-8", &hint));
    }
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        let why = format!("it is not a text file: line {} holds a zero byte", line_of(&bytes, at));
        return Err(refused(&why, "is this the right file?"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = line_of(error.as_bytes(), error.utf8_error().valid_up_to());
        refused(&format!("line {line} is not UTF-8 text"), "save the file as UTF-8")
    })
}

/// The line in which the byte `at` stands.
fn line_of(bytes: &[u8], at: usize) -> usize {
    bytes.iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

/// By its mark, or, where there is none, by a zero byte in one half of most of its first letters.
fn is_utf16(bytes: &[u8]) -> bool {
    if bytes.starts_with(&[0xff, 0xfe, 0, 0]) {
        return false;
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return true;
    }
    let head = bytes.get(..bytes.len().min(64)).unwrap_or_default();
    let zeros = |half: usize| head.iter().skip(half).step_by(2).filter(|byte| **byte == 0).count();
    let letters = head.len() / 2;
    letters >= 4 && (zeros(0) * 4 > letters * 3 && zeros(1) == 0 || zeros(1) * 4 > letters * 3 && zeros(0) == 0)
}

/// The reason in words for people.
pub fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "this user may not read it".to_owned(),
        io::ErrorKind::NotADirectory => "what stands above it is a file, not a directory".to_owned(),
        io::ErrorKind::InvalidFilename => "the name is too long".to_owned(),
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or(&text).to_lowercase()
        }
    }
}
