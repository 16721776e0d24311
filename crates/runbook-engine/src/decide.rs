//! The heart: from what is known and what just came in, what to record and what to start. Pure: no I/O, no clock.

use crate::action::{Action, Await, Job, ended, undo};
use crate::input::{Began, Input};
use crate::ready::begin;
use crate::services::{read_before_the_end, unread};
use crate::{Execution, forward, handed_in, rollback};
use runbook_model::{
    Decided, Decision, Event, Failure, FailureKind, OnFailure, Outcome, Reading, Remains, Results, Role, RollbackCause,
    RunPhase, RunState, StepId, StepStatus, UndoPhase,
};

/// What to do next. The records come before the jobs that rely on them.
pub fn decide(state: &RunState, execution: &Execution, input: Input) -> Vec<Action> {
    read_before_the_end(state, answer(state, execution, input))
}

fn answer(state: &RunState, execution: &Execution, input: Input) -> Vec<Action> {
    match input {
        Input::Begin | Input::Resume => match handed_in::ask(state, execution) {
            asks if asks.is_empty() => resume(state, execution),
            asks => asks,
        },
        Input::Secret { secret, came } => handed_in::after(state, secret, came, || resume(state, execution)),
        Input::Advance { idle } => advance(state, execution, idle),
        Input::Drain if is_kept(state) => refused(state, "drain", None, IS_COMMITTED),
        Input::Cancel if is_kept(state) => refused(state, "cancel", None, IS_COMMITTED),
        Input::Drain if !state.draining && is_open(state) => record(Event::DrainRequested),
        Input::Cancel if !state.cancelling && state.phase == RunPhase::Forward => record(Event::CancelRequested),
        // An undo is never stopped half-way; what can be asked of a rollback is to pause before the next one.
        Input::Cancel if !state.draining && is_open(state) => record(Event::DrainRequested),
        Input::Drain | Input::Cancel => Vec::new(),
        Input::BaselineTaken { step, readings, marks, failure } => {
            record(Event::BaselineTaken { step, readings, marks, failure })
        }
        Input::Began { step, began } => after_begin(state, execution, step, began),
        Input::Waits { step, waiting } if !state.status(&step).is_over() => record(Event::StepWaits { step, waiting }),
        Input::Approved { step, approval } if waits_for_approval(state, execution, &step) => {
            record(Event::StepApproved { step, approval })
        }
        Input::Approved { step, approval } => match state.step(&step).and_then(|known| known.approval.as_ref()) {
            // The same again, as after a resume.
            Some(known) if *known == approval => Vec::new(),
            Some(known) => refused(state, "approve", Some(step), known.to_string()),
            None => refused(state, "approve", Some(step), "it does not wait for an approval"),
        },
        Input::Refused { control, step, because } => refused(state, control, step, because),
        Input::Holds(deadline) => record(Event::RunHeld { deadline }),
        Input::Commit { by } if state.holds().is_some() && !state.cancelling => record(Event::RunCommitted { by }),
        Input::HoldEnded { over: true } if state.holds().is_some() && !(state.draining || state.cancelling) => {
            forward::roll_back(RollbackCause::NotCommitted)
        }
        Input::Commit { by } => match &state.committed {
            Some(first) if *first == by => Vec::new(),
            Some(first) => refused(state, "commit", None, format!("{first} committed it")),
            None => refused(state, "commit", None, "it does not hold"),
        },
        // The commit is on record, or an interrupt.
        Input::HoldEnded { .. } => Vec::new(),
        Input::Decided { step, decided } => after_question(state, execution, step, decided),
        // It ended before its note was read.
        Input::Waits { .. } => Vec::new(),
        Input::Acted { step, result, readings, remains } => {
            let mut actions = remained(&step, remains);
            actions.extend(match result {
                Ok((summary, results)) => vec![finished(state, step, summary, results, readings)],
                Err(failure) => after_failure(state, execution, step, failure, readings),
            });
            actions
        }
        Input::Paused { step } => try_again(state, execution, step),
        Input::Undone { step, phase, result, remains } => {
            let mut actions = remained(&step, remains);
            let (summary, failure) = told(result);
            actions.push(Action::Record(Event::UndoFinished { step, phase, summary, failure }));
            actions
        }
        Input::Verified { step, readings, lost, unread, failure } => {
            record(Event::RollbackVerified { step, readings, lost, unread, failure })
        }
        Input::Compared { step, remains } => record(Event::Compared { step, remains }),
        Input::Found { step, service, data, boot } => record(Event::ServiceFound { step, service, data, boot }),
        Input::Revived { step, result } => {
            let (summary, failure) = told(result);
            record(Event::ServiceRevived { step, summary, failure })
        }
        Input::Closed { step, service, seen } => record(Event::ServiceRead { step, service, seen }),
    }
}

/// One record, and nothing to start.
fn record(event: Event) -> Vec<Action> {
    vec![Action::Record(event)]
}

/// Why what is committed is neither drained nor cancelled.
const IS_COMMITTED: &str = "it is committed, and comes to its end";

fn is_kept(state: &RunState) -> bool {
    state.committed.is_some() && state.phase == RunPhase::Forward
}

/// No record follows the last one: a sender sees by it that the run is over.
fn refused(
    state: &RunState,
    control: impl Into<String>,
    step: Option<StepId>,
    because: impl Into<String>,
) -> Vec<Action> {
    if !is_open(state) {
        return Vec::new();
    }
    record(Event::ControlRefused { control: control.into(), step, because: because.into() })
}

fn is_open(state: &RunState) -> bool {
    matches!(state.phase, RunPhase::Forward | RunPhase::RollingBack(_))
}

fn advance(state: &RunState, execution: &Execution, idle: bool) -> Vec<Action> {
    match state.phase {
        RunPhase::New | RunPhase::Finished(_) => Vec::new(),
        RunPhase::Forward => forward::advance(state, execution, idle),
        RunPhase::RollingBack(_) if idle => match handed_in::ask(state, execution) {
            asks if asks.is_empty() => rollback::advance(state, execution),
            asks => asks,
        },
        RunPhase::RollingBack(_) => Vec::new(),
    }
}

fn resume(state: &RunState, execution: &Execution) -> Vec<Action> {
    match state.phase {
        RunPhase::RollingBack(_) => return rollback::next(state, execution),
        RunPhase::New | RunPhase::Finished(_) => return Vec::new(),
        RunPhase::Forward => {}
    }
    let ends = |step: &StepId| forward::goes_no_further(state, execution, step);
    let acts = !forward::must_not_act(state, execution);
    let mut actions: Vec<Action> = unread(state, execution).filter(|_| acts).map(Action::Start).collect();
    for step in execution.schedule.order() {
        let attempt = state.step(step).map_or(1, |known| known.attempts);
        let started = |attempt| Action::Record(Event::StepStarted { step: step.clone(), attempt });
        match state.status(step) {
            StepStatus::Undoing => actions.extend(undo(step, UndoPhase::Undo)),
            StepStatus::Started if ends(step) => actions.push(not_acted(step.clone())),
            // What it left on the host is taken back with the rest, or told if the run stops where it is.
            _ if ends(step) => {}
            StepStatus::Started => actions.extend([started(attempt), begin(state, execution, step)]),
            StepStatus::Intended => actions.extend([started(attempt), Action::Start(Job::Recheck(step.clone()))]),
            // The attempt before is known to have failed: there is nothing to find out.
            StepStatus::Retrying => actions.extend([started(attempt + 1), Action::Start(Job::Act(step.clone()))]),
            _ => {}
        }
    }
    actions
}

fn not_acted(step: StepId) -> Action {
    ended(step, Outcome::Skipped { because: "the run ended before it acted".to_owned() })
}

fn after_begin(state: &RunState, execution: &Execution, step: StepId, began: Began) -> Vec<Action> {
    match began {
        Began::Skip(because) => vec![ended(step, Outcome::Skipped { because })],
        Began::Unchanged { summary, results } => {
            record(Event::StepFinished { step, outcome: Outcome::Unchanged { summary }, results, readings: Vec::new() })
        }
        Began::Failed(failure) => after_failure(state, execution, step, failure, Vec::new()),
        Began::Ready { .. } if state.cancelling || forward::goes_no_further(state, execution, &step) => {
            vec![not_acted(step)]
        }
        // A drained run stays open; the step begins anew when it is resumed.
        Began::Ready { .. } if state.draining => Vec::new(),
        Began::Ready { undo: None } => vec![Action::Start(Job::Act(step))],
        Began::Ready { undo: Some(undo) } => {
            vec![Action::Record(Event::StepIntended { step: step.clone(), undo }), Action::Start(Job::Act(step))]
        }
    }
}

fn finished(state: &RunState, step: StepId, summary: String, results: Results, readings: Vec<Reading>) -> Action {
    let touched = state.status(&step).may_have_touched();
    let outcome = if touched { Outcome::Changed { summary } } else { Outcome::Unchanged { summary } };
    Action::Record(Event::StepFinished { step, outcome, results, readings })
}

fn failed(step: StepId, failure: Failure, readings: Vec<Reading>) -> Action {
    Action::Record(Event::StepFinished {
        step,
        outcome: Outcome::Failed(failure),
        results: Results::default(),
        readings,
    })
}

fn after_failure(
    state: &RunState,
    execution: &Execution,
    step: StepId,
    failure: Failure,
    readings: Vec<Reading>,
) -> Vec<Action> {
    let retry = execution.policy(&step).retry;
    let attempts = state.step(&step).map_or(1, |known| known.attempts.max(1));
    let hopeless = matches!(failure.kind, FailureKind::Cancelled | FailureKind::Refused);
    if hopeless || attempts >= retry.attempts || state.cancelling || forward::goes_no_further(state, execution, &step) {
        if let Some(within) = execution.patience.filter(|_| is_undecided(state, execution, &step, &failure)) {
            // A drained run stays open, and reads again when it is resumed.
            if state.draining {
                return Vec::new();
            }
            let within_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
            let asked = Event::DecisionAsked { step: step.clone(), failure, readings, within_ms };
            return vec![Action::Record(asked), Action::Await(Await::Answer(step))];
        }
        return vec![failed(step, failure, readings)];
    }
    let pause = retry.backoff.saturating_mul(1 << (attempts - 1).min(16));
    let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
    let mut actions = vec![Action::Record(Event::StepRetrying { step: step.clone(), failure, pause_ms })];
    // Nobody waits for the pause of a drained run; the next attempt is made when it is resumed.
    if !state.draining {
        actions.push(Action::Await(Await::Pause { step, pause }));
    }
    actions
}

/// Whether it is a person's to say what follows: the evidence proves nothing, there is something to take back, and neither
/// the plan nor an interrupt nor another failure says what becomes of it.
fn is_undecided(state: &RunState, execution: &Execution, step: &StepId, failure: &Failure) -> bool {
    let verifies = execution.schedule.plays(step, Role::verifies);
    let open = !state.cancelling && state.has_acted() && !forward::must_not_act(state, execution);
    let rolls_back = execution.policy(step).on_failure == OnFailure::Rollback;
    verifies && open && rolls_back && failure.kind == FailureKind::Inconclusive
}

fn waits_for_approval(state: &RunState, execution: &Execution, step: &StepId) -> bool {
    let asks = execution.schedule.plays(step, |role| *role == Role::Approve);
    let waits = state.step(step).is_some_and(|known| known.approval.is_none() && !known.status.is_over());
    state.phase == RunPhase::Forward && asks && waits
}

fn after_question(state: &RunState, execution: &Execution, step: StepId, decided: Option<Decided>) -> Vec<Action> {
    let Some(known) = state.step(&step) else { return Vec::new() };
    let failure = known.asks.as_ref().map(|asks| asks.failure.clone());
    let failure = failure.unwrap_or_else(|| Failure::failed("its signals do not tell"));
    let ends = state.cancelling || forward::must_not_act(state, execution);
    let end = failed(step.clone(), failure, known.readings.clone());
    let made = |decided| Action::Record(Event::DecisionMade { step: step.clone(), decided });
    match decided {
        // The step begins anew when the run is resumed, and asks again if it has to.
        None if !ends && state.draining => Vec::new(),
        None => vec![end],
        Some(decided) if decided.decision == Decision::ReadAgain && !ends && !state.draining => {
            vec![made(decided), Action::Start(Job::Act(step.clone()))]
        }
        Some(decided) if decided.decision == Decision::ReadAgain && !ends => vec![made(decided)],
        Some(decided) => vec![made(decided), end],
    }
}

fn try_again(state: &RunState, execution: &Execution, step: StepId) -> Vec<Action> {
    let known = state.step(&step);
    if state.cancelling || forward::goes_no_further(state, execution, &step) {
        let failure = known.and_then(|known| known.failure.clone());
        let failure = failure.unwrap_or_else(|| Failure::failed("not tried again, because the run ends"));
        return vec![ended(step, Outcome::Failed(failure))];
    }
    if state.draining {
        return Vec::new();
    }
    let attempt = known.map_or(1, |known| known.attempts) + 1;
    let job = match state.status(&step) {
        StepStatus::Retrying => Action::Start(Job::Act(step.clone())),
        _ => begin(state, execution, &step),
    };
    vec![Action::Record(Event::StepStarted { step, attempt }), job]
}

fn remained(step: &StepId, remains: Vec<Remains>) -> Vec<Action> {
    if remains.is_empty() {
        return Vec::new();
    }
    record(Event::Remained { step: step.clone(), remains })
}

/// What was done, and why not more.
fn told(result: Result<String, Failure>) -> (String, Option<Failure>) {
    result.map_or_else(|failure| (String::new(), Some(failure)), |summary| (summary, None))
}
