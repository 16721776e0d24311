//! What a run of many steps costs: each of them as much as one of a few.

use crate::script::{Part, Script, id, step};
use runbook_engine::{Action, Began, Input, Job, decide};
use runbook_model::*;
use serde_json::json;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A run in which every step waits for the one before, acts and ends well; how long it took to decide about all of it.
fn run(steps: usize) -> Duration {
    // Steps that write one path wait for one another.
    let script = Script::of((0..steps).map(|_| step(Part::Change).path(0)));
    let course = script.course().unwrap();
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
    };
    let begin = Instant::now();
    let mut state = RunState::default();
    state.apply(&Record { seq: 1, at: 0, event: Event::RunStarted(Box::new(header)) }).unwrap();
    let mut inputs = VecDeque::from([Input::Begin]);
    while let Some(input) = inputs.pop_front() {
        let mut actions = decide(&state, &course, input);
        loop {
            for action in actions {
                match action {
                    Action::Record(event) => state.apply(&Record { seq: state.seq + 1, at: 0, event }).unwrap(),
                    Action::Start(Job::Begin { step, .. }) => {
                        inputs.push_back(Input::Began { step, began: Began::Ready { undo: Some(json!(null)) } });
                    }
                    Action::Start(Job::Act(step)) => {
                        let result = Ok((String::new(), Outputs::new()));
                        inputs.push_back(Input::Acted { step, result, readings: vec![], remains: vec![] });
                    }
                    Action::Start(job) => panic!("{job:?}"),
                }
            }
            actions = decide(&state, &course, Input::Advance { idle: inputs.is_empty() });
            if actions.is_empty() {
                break;
            }
        }
    }
    assert_eq!(state.verdict(), Some(Verdict::Succeeded));
    begin.elapsed()
}

#[test]
fn deciding_is_linear_in_the_steps() {
    let best = |steps| (0..3).map(|_| run(steps)).min().unwrap();
    // Both are more than the caches of a processor hold.
    let (few, many) = (best(3000), best(12_000));
    assert!(many < few * 10, "3,000 steps took {few:?}, four times as many {many:?}");
    println!("{few:?} {many:?}");
}
