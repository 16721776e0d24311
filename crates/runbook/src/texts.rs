//! The texts of plans and environments: from a file, a pipe or standard input, and never without an end.

use crate::error::CommandError;
use runbook_host::read_once;
use runbook_model::Code;
use rustix::fs::{Access, access};
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

/// A plan may be this large; `runbook-plan` has the same limit.
const LIMIT: u64 = 16 << 20;
/// How long whoever writes into a pipe may take: a person may have to unlock what decrypts a plan.
const PATIENCE: Duration = Duration::from_secs(600);

/// Whether the plan is to be read from standard input.
pub(crate) fn is_stdin(plan: &Path) -> bool {
    plan.as_os_str() == "-"
}

/// What messages call the plan.
pub(crate) fn title(plan: &Path) -> String {
    if is_stdin(plan) { "<stdin>".to_owned() } else { plan.to_string_lossy().into_owned() }
}

/// The whole text at `path`; `-` is standard input.
pub(crate) fn read_text(path: &Path) -> Result<String, CommandError> {
    let refused =
        |why: String| CommandError::refused(format!("cannot read {}: {why}", title(path))).code(Code::UNREADABLE);
    let failed = |error: io::Error| refused(plain(&error));
    let mut bytes = Vec::new();
    if is_stdin(path) {
        io::stdin().lock().take(LIMIT + 1).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        if fs::metadata(path).map_err(failed)?.is_dir() {
            return Err(refused("it is a directory".to_owned()).hint("name the plan's file"));
        }
        access(path, Access::READ_OK).map_err(|error| failed(error.into()))?;
        let read = read_once(path, LIMIT, PATIENCE).map_err(|failure| {
            let refusal = CommandError::refused(failure.message).code(Code::UNREADABLE);
            refusal.hint(failure.hint.unwrap_or_else(|| "name the plan's file".to_owned()))
        })?;
        bytes = read.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
    }
    if bytes.len() as u64 > LIMIT {
        return Err(refused(format!("it is larger than {} MiB", LIMIT >> 20)).hint("is this the right file?"));
    }
    if is_utf16(&bytes) {
        let hint = format!("save it as UTF-8, for example: iconv -f UTF-16 -t UTF-8 {}", path.display());
        return Err(refused("it is UTF-16, not UTF-8".to_owned()).hint(hint));
    }
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        let message = format!("it is not a text file: line {} holds a zero byte", line_of(&bytes, at));
        return Err(refused(message).hint("is this the right file?"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = line_of(error.as_bytes(), error.utf8_error().valid_up_to());
        refused(format!("line {line} is not UTF-8 text")).hint("save the file as UTF-8")
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
pub(crate) fn plain(error: &io::Error) -> String {
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
