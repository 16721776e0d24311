//! The words for verdicts, statuses and kinds of signals, the same in every rendering.

use crate::style::Tone;
use runbook_model::{Reading, SignalKind, StepStatus, Verdict};

pub(crate) fn verdict_word(verdict: Option<Verdict>) -> (Tone, &'static str) {
    match verdict {
        Some(Verdict::Succeeded) => (Tone::Good, "succeeded"),
        Some(Verdict::RolledBack) => (Tone::Warn, "rolled back"),
        Some(Verdict::Stopped) => (Tone::Bad, "stopped"),
        Some(Verdict::Accepted) => (Tone::Warn, "accepted"),
        Some(Verdict::Refused) => (Tone::Warn, "refused"),
        Some(Verdict::Stuck) => (Tone::Bad, "stuck"),
        None => (Tone::Bad, "open"),
    }
}

pub(crate) fn status_word(status: StepStatus) -> &'static str {
    match status {
        StepStatus::Pending => "not begun",
        StepStatus::Started => "looking at the host",
        StepStatus::Intended => "changing the host",
        StepStatus::Retrying => "waiting to try again",
        StepStatus::Unchanged => "unchanged",
        StepStatus::Changed => "changed",
        StepStatus::Skipped => "skipped",
        StepStatus::FailedUntouched => "failed",
        StepStatus::FailedTouched => "failed, half done",
        StepStatus::Halting => "being brought down",
        StepStatus::Halted => "brought down",
        StepStatus::Undoing => "being taken back",
        StepStatus::Undone => "taken back",
        StepStatus::UndoFailed => "not taken back",
    }
}

pub(crate) fn kind_word(reading: &Reading) -> &'static str {
    match reading.kind {
        SignalKind::Health => "health",
        SignalKind::Functional => "functional",
        SignalKind::Negative => "negative",
    }
}
