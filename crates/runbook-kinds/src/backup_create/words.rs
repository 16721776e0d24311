//! What a backup says to people: of what is left out, what changed meanwhile, and what keeps it from being made.

use runbook_backup::{Created, Limit};
use runbook_host::backup_failure;
use runbook_model::{Failure, FailureKind, Next};
use runbook_step::Changed;
use std::path::PathBuf;

/// What a restore would not bring back as it is; empty where there is nothing.
pub(super) fn not_kept(limits: &[Limit]) -> String {
    const SHOWN: usize = 3;
    if limits.is_empty() {
        return String::new();
    }
    let shown: Vec<String> = limits.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = match limits.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!("; not kept: {}{more}", shown.join("; "))
}

/// There is another way out than for a step that changes something.
pub(super) fn leave_to_a_person(failure: Failure) -> Failure {
    match failure.kind {
        FailureKind::Cancelled => failure,
        _ => failure.hint("put that right, name what is meant inside of it, or say `restore: never` of it"),
    }
}

pub(super) fn cannot_back_up(error: &runbook_backup::Error) -> Failure {
    let failure = backup_failure("the backup cannot be made", error);
    match error {
        runbook_backup::Error::NoSpace { .. } => Failure { kind: FailureKind::Missing, ..failure }
            .hint(format!("`{}` removes backups past their retention", Next::PruneBackups)),
        runbook_backup::Error::BadPath { .. } => Failure { kind: FailureKind::Refused, ..failure },
        _ => failure,
    }
}

/// Remarks that a person should read: what was left out, what changed while it was read.
pub(super) fn remarks(created: &Created) -> Vec<String> {
    let mut remarks = Vec::new();
    let mut remark = |count: usize, one: &str, many: &str| match count {
        0 => {}
        1 => remarks.push(format!("1 {one}")),
        _ => remarks.push(format!("{count} {many}")),
    };
    remark(created.missing.len(), "path is not there", "paths are not there");
    remark(created.changed_while_read.len(), "file changed while it was read", "files changed while they were read");
    remark(created.skipped.len(), "entry left out", "entries left out");
    let limits = not_kept(&created.limits);
    remarks.extend(limits.strip_prefix("; ").map(str::to_owned));
    remarks
}

/// What the second pass did not read, and which steps are the reason.
pub(super) fn left_out(paths: &[PathBuf], changed: &[Changed]) -> String {
    let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let is_reason = |one: &&Changed| paths.iter().any(|path| path.starts_with(&one.path) || one.path.starts_with(path));
    let mut steps: Vec<String> = changed.iter().filter(is_reason).map(|one| format!("`{}`", one.step)).collect();
    steps.dedup();
    let because = match steps.as_slice() {
        [] => "it may have changed on purpose".to_owned(),
        steps => format!("{} may have changed it since", steps.join(", ")),
    };
    format!("second pass without {}, for {because}", shown.join(", "))
}

pub(super) fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
