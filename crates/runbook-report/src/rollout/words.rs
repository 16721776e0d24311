//! The words for where a target stands and how it ended, the same in every rendering.

use crate::style::Tone;
use runbook_rollout::{How, StopCause, TargetStatus, TargetVerdict};

/// Where it stands, and whether somebody should look.
pub(super) fn status_word(status: TargetStatus) -> (Tone, String) {
    use TargetStatus as S;
    let (tone, word) = match status {
        S::New => (Tone::Dim, "waits"),
        S::Judged => (Tone::Dim, "waits for its wave"),
        S::Later => (Tone::Dim, "waits for artifacts"),
        S::Intended => (Tone::Normal, "begins"),
        S::Begun => (Tone::Normal, "at work"),
        S::Held => (Tone::Normal, "proven, waits for its commit"),
        S::Committing => (Tone::Normal, "is told to commit"),
        S::Cancelling | S::GoingBack(_) => (Tone::Warn, "goes back"),
        S::Lost => (Tone::Bad, "lost, its outcome is owed"),
        S::BackOwed(_) => (Tone::Bad, "its way back is owed"),
        S::BackStuck => (Tone::Bad, "stuck"),
        S::Late(verdict) => return (Tone::Warn, format!("lost, then {}", verdict_word(verdict).1)),
        S::TakenBack(TargetVerdict::Ok) => (Tone::Warn, "taken back"),
        S::TakenBack(_) => (Tone::Warn, "lost, then taken back"),
        S::Ended(verdict) => verdict_word(verdict),
    };
    (tone, word.to_owned())
}

/// How it ended.
pub(super) fn verdict_word(verdict: TargetVerdict) -> (Tone, &'static str) {
    match verdict {
        TargetVerdict::Ok => (Tone::Good, "ok"),
        TargetVerdict::NothingToDo => (Tone::Good, "nothing to do"),
        TargetVerdict::LeftAlone => (Tone::Dim, "left alone"),
        TargetVerdict::TakenBack => (Tone::Warn, "taken back"),
        TargetVerdict::BackOwed => (Tone::Bad, "to be taken back"),
        TargetVerdict::Unreachable => (Tone::Bad, "not reached"),
        TargetVerdict::Lost => (Tone::Bad, "lost"),
        TargetVerdict::Stuck => (Tone::Bad, "stuck"),
        TargetVerdict::Failed(How::RolledBack) => (Tone::Warn, "rolled back"),
        TargetVerdict::Failed(How::Refused) => (Tone::Warn, "refused"),
        TargetVerdict::Failed(How::Stopped) => (Tone::Bad, "stopped"),
        TargetVerdict::Failed(How::Accepted) => (Tone::Warn, "accepted without proof"),
        TargetVerdict::Failed(How::Forgotten) => (Tone::Bad, "its run is not on record there any more"),
    }
}

/// Why nothing more begins.
pub(super) fn stop_words(cause: &StopCause) -> String {
    match cause {
        StopCause::Stuck { target } => format!("{target} is stuck"),
        StopCause::Canary { target } => format!("the canary {} is not ok", target.host),
        StopCause::Wave { failed, .. } => format!("{} of one wave failed, which is more than may", hosts(*failed)),
        StopCause::Rollout { failed } => format!("{} failed, which is more than may", hosts(*failed)),
        StopCause::Kept { host } => format!("{host} is kept by somebody else"),
        StopCause::NotApproved { .. } => "nobody approved in time".to_owned(),
        StopCause::Cancelled => "it was cancelled".to_owned(),
        StopCause::TakenBack => "it is taken back".to_owned(),
    }
}

/// `1 host`, `3 hosts`.
pub(super) fn hosts(count: usize) -> String {
    match count {
        1 => "1 host".to_owned(),
        many => format!("{many} hosts"),
    }
}
