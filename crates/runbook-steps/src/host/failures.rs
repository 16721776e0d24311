//! One wording for what the operating system refuses.

use runbook_model::{Failure, FailureKind};
use std::io;
use std::path::Path;

/// The failure to `action` ("read", "replace") `path`, with the next action where there is one.
pub fn io_failure(action: &str, path: &Path, error: &io::Error) -> Failure {
    let place = path.display();
    let failure = Failure::failed(format!("cannot {action} {place}: {}", reason(error)));
    let with_kind = |kind| Failure { kind, ..failure.clone() };
    match error.kind() {
        io::ErrorKind::NotFound => with_kind(FailureKind::Missing),
        io::ErrorKind::PermissionDenied => with_kind(FailureKind::Missing)
            .hint(format!("run as a user who may {action} {place}, or change its permissions")),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            failure.hint("free some space there (`runbook backup prune` removes backups past their retention)")
        }
        io::ErrorKind::ReadOnlyFilesystem => failure.hint("the file system is mounted read-only"),
        _ => failure,
    }
}

/// The error without the number that Rust appends.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(at) => text[..at].to_lowercase(),
        None => text,
    }
}
