//! What may be said of the host, from what was read and what is owed.

use super::{Claim, Remaining, SignalGone};
use crate::{RollbackCause, RunState, StepState, StepStatus, Verdict};

/// A claim with its words.
pub(super) struct Claimed {
    pub(super) claim: Claim,
    pub(super) head: &'static str,
    pub(super) text: String,
}

impl Claimed {
    fn new(claim: Claim, head: &'static str, text: impl Into<String>) -> Self {
        Self { claim, head, text: text.into() }
    }
}

pub(super) fn claim(state: &RunState, remains: &[Remaining], signals: &[SignalGone]) -> Claimed {
    let interrupted = state.draining || state.cancelling;
    match state.verdict() {
        Some(Verdict::Succeeded) => succeeded(state),
        Some(Verdict::RolledBack) => rolled_back(state, !remains.is_empty()),
        Some(Verdict::Stopped) => stopped(state),
        Some(Verdict::Accepted) if state.is_kept() => {
            Claimed::new(Claim::Changed, "Kept, without proof.", "What was changed was left in place.")
        }
        Some(Verdict::Accepted) => Claimed::new(
            Claim::Accepted,
            "Closed by hand.",
            "A person says that the host is as it should be; nothing was read.",
        ),
        Some(Verdict::Refused) if interrupted => {
            Claimed::new(Claim::Untouched, "Cancelled.", "No step had begun to change anything.")
        }
        Some(Verdict::Refused) => Claimed::new(Claim::Untouched, "Refused.", "No step had begun to change anything."),
        Some(Verdict::Stuck) => stuck(state, signals),
        None if state.holds().is_some() => Claimed::new(
            Claim::Owed,
            "Not over.",
            "All is done, and nobody has committed it. While its time lasts it can be resumed and committed; after that it can only \
             be taken back.",
        ),
        None => Claimed::new(
            Claim::Owed,
            "Not over.",
            "The run is open; nothing goes on until somebody resumes it or takes it back.",
        ),
    }
}

fn succeeded(state: &RunState) -> Claimed {
    let changed = state.steps().filter(|(_, step)| step.status == StepStatus::Changed).count();
    let has_failed = |step: &StepState| matches!(step.status, StepStatus::Undone | StepStatus::FailedUntouched);
    let failed = state.steps().filter(|(_, step)| has_failed(step));
    let failed: Vec<String> = failed.map(|(id, _)| format!("`{id}`")).collect();
    let steps = match (changed, failed.is_empty()) {
        (0, true) => "Nothing had to be changed".to_owned(),
        (0, false) => "No change stands".to_owned(),
        (1, _) => "1 step changed the host".to_owned(),
        (many, _) => format!("{many} steps changed the host"),
    };
    let claim = if changed == 0 && !state.has_acted() { Claim::Untouched } else { Claim::Changed };
    match failed.is_empty() {
        true => Claimed::new(claim, "Done.", format!("{steps}.")),
        false => {
            let text = format!("{steps}; {} failed, and the plan passes over that.", failed.join(", "));
            Claimed::new(claim, "Done, but not all of it.", text)
        }
    }
}

fn rolled_back(state: &RunState, remains: bool) -> Claimed {
    let head = match state.rollback {
        Some(RollbackCause::Cancelled) => "Cancelled and rolled back.",
        _ => "Rolled back.",
    };
    if !state.has_acted() {
        let text = "No step had begun to change anything; no signal was read since.";
        return Claimed::new(Claim::Untouched, head, text);
    }
    let verifications = || state.steps().filter(|(_, step)| step.baseline.is_some());
    let compared = verifications().any(|(_, step)| step.was_green());
    let not: Vec<String> =
        verifications().filter(|(_, step)| !step.was_green()).map(|(id, _)| format!("`{id}`")).collect();
    let but = if remains { ", but for what is named below" } else { "" };
    let (claim, text) = match (compared, not.is_empty()) {
        (true, true) => (Claim::AsItWas, format!("Everything that the plan declares is as it was{but}.")),
        (true, false) => (
            Claim::PutBack,
            format!(
                "Every step was taken back{but}, and what was green before is green again; {} had nothing to compare with.",
                not.join(", ")
            ),
        ),
        (false, true) => (Claim::PutBack, format!("Every step was taken back{but}; no signal was compared.")),
        (false, false) => (
            Claim::PutBack,
            format!(
                "Every step was taken back{but}; whether all works as before is not proven: {} had nothing to compare with.",
                not.join(", ")
            ),
        ),
    };
    Claimed::new(claim, head, text)
}

fn stopped(state: &RunState) -> Claimed {
    let failed =
        state.steps().find(|(_, step)| matches!(step.status, StepStatus::FailedTouched | StepStatus::FailedUntouched));
    let which = failed.map(|(id, _)| format!("`{id}` failed, and the run ended there. ")).unwrap_or_default();
    let (claim, rest) = match (state.may_have_touched(), state.has_acted()) {
        (true, _) => (Claim::Changed, "What was changed until then was left in place."),
        (false, true) => (Claim::PutBack, "Every step that had begun to change something was taken back."),
        (false, false) => (Claim::Untouched, "No step had begun to change anything."),
    };
    Claimed::new(claim, "Stopped, not rolled back.", format!("{which}{rest}"))
}

fn stuck(state: &RunState, signals: &[SignalGone]) -> Claimed {
    let why = match (state.may_have_touched(), signals.is_empty()) {
        (true, _) => "Not every step could be taken back.",
        (false, false) => "Every step was taken back, and not every signal that was green before is known to be green.",
        (false, true) => "The way back did not come to its end.",
    };
    Claimed::new(Claim::Owed, "Stuck.", format!("{why} The host needs a person; no other run starts on it until then."))
}
