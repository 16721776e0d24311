//! How a run left the host: the one statement behind the last lines of a run, `status`, `show`, JSON and the report.
//!
//! It is data. A rendering decides how a line looks, and adds no claim.

mod claim;
mod left;
mod remaining;

use crate::{AtWork, Next, RunState, ServiceSeen, StepId, Verdict};
use claim::claim;
pub use remaining::Remaining;
use remaining::remaining;
use serde::Serialize;

/// What is claimed of the host; [`Closing::text`] says it in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Claim {
    /// No step began to change the host. Nothing else is claimed of it.
    Untouched,
    /// Every step that acted was taken back, what the plan declares was compared and is as it was but for
    /// [`Closing::remains`], and every signal that was green before is green again.
    AsItWas,
    /// Every step that acted was taken back, and what its undo compares is as it was but for [`Closing::remains`]. No
    /// signal, or not every verification, says whether all works as before.
    PutBack,
    /// Steps changed the host, and that stands.
    Changed,
    /// A person says how the host is.
    Accepted,
    /// The way back or the way forward is not at its end: what is owed is in [`Closing::left`] and
    /// [`Closing::signals`].
    Owed,
}

/// How a run left the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Closing {
    /// How the run ended; `None` while it is open.
    pub verdict: Option<Verdict>,
    /// What is claimed.
    pub claim: Claim,
    /// One or a few words: `Rolled back.`
    pub head: String,
    /// The claim, in sentences.
    pub text: String,
    /// Until when an open run holds all that it did, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds_until: Option<i64>,
    /// What the record of the end adds: why, in one sentence. Empty if there is nothing.
    pub note: String,
    /// Services that the run had down.
    pub services: Vec<ServiceDown>,
    /// Steps whose traces the host may carry where that is not what was wanted; the latest first.
    pub left: Vec<LeftStep>,
    /// Signals that were green before the run and are not known to be green now.
    pub signals: Vec<SignalGone>,
    /// What is not as it was, or of which nobody knows, besides the changes of steps.
    pub remains: Vec<Remaining>,
    /// What to put right before the commands of `next`, where somebody knows.
    pub hint: Option<String>,
    /// The commands that lead on; the first is the one to take. Empty where nothing is to be done.
    pub next: Vec<Next>,
}

/// How long a run had a service down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceDown {
    /// The service.
    pub name: String,
    /// Milliseconds.
    pub down_ms: u64,
    /// Since when the run has not brought it up again, in milliseconds since 1970; `None` if it has.
    pub down_since: Option<i64>,
    /// How it was at the end; `None` if nobody read it since the run last moved it.
    pub seen: Option<ServiceSeen>,
}

/// A step whose traces the host may carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftStep {
    /// The step.
    pub step: StepId,
    /// What is known of it, in one clause.
    pub why: String,
}

/// A signal that was green before the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignalGone {
    /// The verification.
    pub step: StepId,
    /// The signal.
    pub signal: String,
    /// Whether it was read, and was not green; else it could not be read.
    pub red: bool,
}

impl Closing {
    /// The same while somebody may be at work on the host: what holds is committed where somebody hears it.
    pub fn at_work(state: &RunState, holder: Option<&AtWork>) -> Self {
        let mut closing = Self::of(state);
        let hears = holder.is_some_and(|holder| holder.attends(state)) && state.holds().is_some();
        if let (true, Some(header)) = (hears, &state.header) {
            closing.next = vec![Next::Commit(header.run.clone()), Next::Status];
        }
        closing
    }

    /// The statement about a run in this state. Pure: the same for a run that just ended and for one that is read from
    /// the journal years later.
    pub fn of(state: &RunState) -> Self {
        let remains = remaining(state);
        let signals = signals(state);
        let claimed = claim(state, &remains, &signals);
        let wanted = !matches!(state.verdict(), Some(Verdict::Stuck | Verdict::Stopped) | None);
        let left = if wanted { Vec::new() } else { left::left(state) };
        let next = next(state, &left);
        let hints = state.steps().filter_map(|(_, step)| step.undo_failure.as_ref());
        Self {
            verdict: state.verdict(),
            claim: claimed.claim,
            head: claimed.head.to_owned(),
            text: claimed.text,
            holds_until: state.holds().map(|deadline| deadline.until),
            note: state.note.clone(),
            services: services(state),
            left,
            signals,
            remains,
            hint: hints.into_iter().find_map(|failure| failure.hint.clone()),
            next,
        }
    }
}

fn signals(state: &RunState) -> Vec<SignalGone> {
    if !matches!(state.verdict(), Some(Verdict::Stuck) | None) {
        return Vec::new();
    }
    let gone = |step: &StepId, signal: &String, red| SignalGone { step: step.clone(), signal: signal.clone(), red };
    let mut found = Vec::new();
    for (step, known) in state.steps() {
        found.extend(known.lost.iter().map(|signal| gone(step, signal, true)));
        found.extend(known.unread.iter().map(|signal| gone(step, signal, false)));
    }
    found
}

fn services(state: &RunState) -> Vec<ServiceDown> {
    let down = |(name, time): (&String, &crate::ServiceTime)| ServiceDown {
        name: name.clone(),
        down_ms: time.down_until(state.last_at),
        down_since: time.down_since,
        seen: time.seen.clone(),
    };
    state.services.iter().map(down).collect()
}

/// The commands that go on from here.
fn next(state: &RunState, left: &[LeftStep]) -> Vec<Next> {
    let Some(run) = state.header.as_ref().map(|header| &header.run) else { return Vec::new() };
    let rollback = Next::Rollback(Some(run.clone()));
    match state.verdict() {
        Some(Verdict::Stuck) => vec![rollback],
        Some(Verdict::Stopped) if !left.is_empty() => vec![rollback],
        None => vec![Next::Resume(Some(run.clone())), rollback],
        _ => Vec::new(),
    }
}
