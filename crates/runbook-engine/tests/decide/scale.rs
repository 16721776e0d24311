//! What a run of many steps costs: each of them as much as one of a few.

use crate::script::{Part, Script, id, step};
use runbook_engine::{Action, Began, Execution, Input, Job, decide};
use runbook_model::*;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A run in which every step waits for the one before, acts and ends well, and then is taken back; how long it took to
/// decide about each of the two ways.
fn run(steps: usize) -> (Duration, Duration) {
    // Steps that write one path wait for one another.
    let script = Script::of((0..steps).map(|_| step(Part::Change).path(0)));
    let execution = script.execution().unwrap();
    let mut state = begun(steps);
    let begin = Instant::now();
    decide_all(&mut state, &execution, Input::Begin);
    assert_eq!(state.verdict(), Some(Verdict::Succeeded));
    let forward = begin.elapsed();
    let begin = Instant::now();
    record(&mut state, Event::RunResumed { version: String::new() });
    record(&mut state, Event::RollbackStarted { cause: RollbackCause::Requested });
    decide_all(&mut state, &execution, Input::Resume);
    assert_eq!(state.verdict(), Some(Verdict::RolledBack));
    (forward, begin.elapsed())
}

fn begun(steps: usize) -> RunState {
    let header = RunHeader {
        run: RunId::new("r1").unwrap(),
        plan: String::new(),
        summary: String::new(),
        digest: String::new(),
        environment: None,
        steps: (0..steps).map(id).collect(),
        host: String::new(),
        user: String::new(),
        version: String::new(),
        format: RunHeader::FORMAT,
        hold_ms: None,
    };
    let mut state = RunState::default();
    record(&mut state, Event::RunStarted(Box::new(header)));
    state
}

fn record(state: &mut RunState, event: Event) {
    state.apply(&Record { seq: state.seq + 1, at: 0, event }).unwrap();
}

/// Decides from `first` until nothing is left to do, with jobs that all end well at once.
fn decide_all(state: &mut RunState, execution: &Execution, first: Input) {
    let mut inputs = VecDeque::from([first]);
    while let Some(input) = inputs.pop_front() {
        let mut actions = decide(state, execution, input);
        loop {
            for action in actions {
                match action {
                    Action::Record(event) => record(state, event),
                    Action::Start(job) => inputs.push_back(done(job)),
                    Action::Await(wanted) => panic!("nothing waits here: {wanted:?}"),
                }
            }
            actions = decide(state, execution, Input::Advance { idle: inputs.is_empty() });
            if actions.is_empty() {
                break;
            }
        }
    }
}

fn done(job: Job) -> Input {
    match job {
        // Each makes something that was not there, which is looked for in the end.
        Job::Begin { step, .. } => {
            let undo = UndoRecord { absent: vec!["/new".into()], ..UndoRecord::default() };
            Input::Began { step, began: Began::Ready { undo: Some(undo) } }
        }
        Job::Compare(step) => Input::Compared { step, remains: vec![] },
        Job::Act(step) => {
            let result = Ok((String::new(), Results::default()));
            Input::Acted { step, result, readings: vec![], remains: vec![] }
        }
        Job::Undo { step, phase } => Input::Undone { step, phase, result: Ok(String::new()), remains: vec![] },
        job => panic!("{job:?}"),
    }
}

#[test]
fn deciding_is_linear_in_the_steps() {
    // Both are more than the caches of a processor hold.
    let (few, many) = (3000, 12_000);
    let best = |steps| {
        let runs: Vec<_> = (0..3).map(|_| run(steps)).collect();
        [runs.iter().map(|run| run.0).min().unwrap(), runs.iter().map(|run| run.1).min().unwrap()]
    };
    for (way, (few, many)) in ["forward", "back"].into_iter().zip(best(few).into_iter().zip(best(many))) {
        assert!(many < few * 10, "{way}: 3,000 steps took {few:?}, four times as many {many:?}");
        println!("{way}: {few:?} {many:?}");
    }
}
