//! What the journal lost, as commands tell it, and the way out: back over what is known, or accepted by a person.

use crate::clock::now_ms;
use crate::error::{CommandError, Exit};
use crate::facts::host_facts;
use crate::known::Ready;
use runbook_journal::{Gap, Journal, Look, Loss, StateDir};
use runbook_model::{Event, Next, Record, Remains, RemainsKind, RunId, RunState, StepStatus, Verdict};

/// The journal of a host of which it holds all that happened; refused with `exit` where it does not.
pub(crate) fn whole(dir: &StateDir, exit: Exit) -> Result<Option<Journal>, CommandError> {
    let look = Look::at(dir)?;
    if look.gaps.is_empty() { Ok(look.journal) } else { Err(lost(&look.gaps, exit)) }
}

/// A loss as the statement about the host names it.
pub(crate) fn told(gap: &Gap) -> runbook_model::Gap {
    let known = gap.run.as_ref().filter(|_| gap.loss == Loss::Records);
    let back = known.map(|run| Next::RollbackKnown(run.clone()));
    let next = back.into_iter().chain([Next::Accept]).collect();
    runbook_model::Gap { path: gap.path.display().to_string(), what: gap.what.clone(), next }
}

/// What was lost, and what to type.
pub(crate) fn lost(gaps: &[Gap], exit: Exit) -> CommandError {
    let told: Vec<&str> = gaps.iter().map(|gap| gap.what.as_str()).collect();
    let known = gaps.iter().find(|gap| gap.loss == Loss::Records).and_then(|gap| gap.run.as_ref());
    let back =
        known.map(|run| format!("`{}` takes back what is known of that run; ", Next::RollbackKnown(run.clone())));
    CommandError::new(exit, format!("the journal does not hold all that happened on this host: {}", told.join("; ")))
        .hint(format!(
            "{}look at the host, and at what `{}` has; when it is as it should be, `{}` closes this",
            back.unwrap_or_default(),
            Next::Backups,
            Next::Accept
        ))
}

/// Lets a run of which only the end was lost go back over what is known: the loss is noted, and every step that may have
/// acted since is told as one of which nobody knows.
pub(crate) fn go_back_over_what_is_known(dir: &StateDir, look: &Look, known: &Ready) -> Result<(), CommandError> {
    look.note(dir)?;
    let state = RunState::replay(&known.records)?;
    let detail = "the journal lost what it did, so nobody took it back";
    let unknown = state
        .steps()
        .filter(|(_, step)| matches!(step.status, StepStatus::Pending | StepStatus::Started))
        .map(|(id, _)| Event::Remained {
            step: id.clone(),
            remains: vec![Remains::new(RemainsKind::NotCompared, format!("step {id}"), detail)],
        });
    let events = std::iter::once(resumed()).chain(unknown);
    Journal::open(dir)?.append(&known.run, &numbered(&state, events))?;
    Ok(())
}

/// A person says that the host is as it should be, whatever was lost. Runs of which the beginning is known are closed.
pub(crate) fn accept(dir: &StateDir, look: &Look, because: &str) -> Result<(), CommandError> {
    look.accept(dir, &host_facts().user, because, now_ms())?;
    for gap in &look.gaps {
        let Some(run) = &gap.run else { continue };
        // Nobody looks after it any more once it is closed.
        runbook_engine::end_leftovers(dir, run);
        if gap.loss == Loss::Records {
            close(dir, run, &format!("{because} ({})", gap.what))?;
        }
    }
    Ok(())
}

/// Ends a run by hand.
pub(crate) fn close(dir: &StateDir, run: &RunId, because: &str) -> Result<(), CommandError> {
    let mut journal = Journal::open(dir)?;
    let state = RunState::replay(&journal.records(run)?)?;
    let end = Event::RunFinished { verdict: Verdict::Accepted, note: because.to_owned() };
    journal.append(run, &numbered(&state, [resumed(), end]))?;
    Ok(())
}

fn resumed() -> Event {
    Event::RunResumed { version: env!("CARGO_PKG_VERSION").to_owned() }
}

fn numbered(state: &RunState, events: impl IntoIterator<Item = Event>) -> Vec<Record> {
    (state.seq + 1..).zip(events).map(|(seq, event)| Record { seq, at: now_ms(), event }).collect()
}
