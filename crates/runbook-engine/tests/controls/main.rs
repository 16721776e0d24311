//! Runs that are steered by controls alone: no terminal, no signals, no binary.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its stage fails")]

mod holds;
mod kinds;
#[path = "../support/plan.rs"]
mod plan;
mod secrets;
mod stage;

use runbook_engine::{Control, Letter, send};
use runbook_model::*;
use stage::{Held, Stage, id};
use std::time::Duration;

const CHANGED_ONE: &[(&str, &str, &str)] =
    &[("a", "test.write", "a.txt"), ("w", "test.wait", "go"), ("b", "test.write", "b.txt")];
const GATED: &[(&str, &str, &str)] =
    &[("a", "test.write", "a.txt"), ("go", "test.gate", "x"), ("b", "test.write", "b.txt")];
const UNPROVEN: &[(&str, &str, &str)] = &[("a", "test.write", "a.txt"), ("v", "test.unproven", "x")];

fn begins(step: &'static str) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::StepStarted { step: id, .. } if id.as_str() == step)
}

fn yes(by: &str) -> Letter {
    let approval = Approval { by: by.to_owned(), at: 7, because: "quiet".to_owned() };
    Letter::Approve { step: id("go"), approval }
}

#[test]
fn a_drained_run_finishes_what_runs_and_stays_open() {
    let stage = Stage::new(CHANGED_ONE);
    let run = stage.begin(None);
    run.until(begins("w"));
    run.tell(Letter::Drain);
    run.until(|event| *event == Event::DrainRequested);
    stage.file("go");
    let ending = run.ends();
    assert_eq!((ending.state.verdict(), ending.left), (None, false));
    assert!(stage.has("a.txt") && !stage.has("b.txt"));
    assert_eq!(stage.resume(None).ends().state.verdict(), Some(Verdict::Succeeded));
    assert!(stage.has("b.txt"));
}

#[test]
fn a_cancelled_run_stops_what_runs_and_goes_back() {
    let stage = Stage::new(CHANGED_ONE);
    let run = stage.begin(None);
    run.until(begins("w"));
    run.tell(Letter::Cancel);
    assert_eq!(run.ends().state.verdict(), Some(Verdict::RolledBack));
    assert!(!stage.has("a.txt"));
}

#[test]
fn a_run_that_is_left_ends_at_once_and_is_open() {
    let stage = Stage::new(CHANGED_ONE);
    let run = stage.begin(None);
    run.until(begins("w"));
    run.tell(Letter::Leave);
    let ending = run.ends();
    assert_eq!((ending.state.verdict(), ending.left), (None, true));
    assert!(stage.has("a.txt") && !stage.has("b.txt"));
}

#[test]
fn nobody_has_to_hold_the_controls() {
    let stage = Stage::new(&[("a", "test.write", "a.txt")]);
    assert_eq!(stage.begin(None).alone().state.verdict(), Some(Verdict::Succeeded));
}

#[test]
fn an_answer_is_what_happens() {
    for (decision, verdict) in [(Decision::Keep, Verdict::Accepted), (Decision::RollBack, Verdict::RolledBack)] {
        let stage = Stage::new(UNPROVEN);
        let run = stage.begin(Some(Duration::from_secs(3600)));
        let asked = run.until(is_asked).seq;
        let decided = Decided { decision, by: "ada".to_owned(), because: String::new() };
        run.tell(Letter::Answer { step: id("v"), asked, decided: decided.clone() });
        let ending = run.ends();
        assert_eq!(ending.state.verdict(), Some(verdict));
        assert_eq!(ending.state.step(&id("v")).unwrap().decided, Some(decided));
    }
}

/// The answer to the question of before would be taken for one to the question of now: after `again` the same is asked anew.
#[test]
fn an_answer_to_another_question_is_refused_and_its_sender_sees_that() {
    let stage = Stage::new(UNPROVEN);
    let run = stage.begin(Some(Duration::from_secs(3600)));
    let first = run.until(is_asked).seq;
    let say = |step: &str, asked: u64, decision: Decision| {
        let decided = Decided { decision, by: "ada".to_owned(), because: String::new() };
        run.tell(Letter::Answer { step: id(step), asked, decided });
    };
    say("a", first, Decision::Keep);
    assert!(refusal(&run).contains("does not stand"));
    say("v", first, Decision::ReadAgain);
    let second = run.until(is_asked).seq;
    say("v", first, Decision::Keep);
    assert!(refusal(&run).contains(&format!("record {first}, and the question that stands is record {second}")));
    say("v", second, Decision::RollBack);
    assert_eq!(run.ends().state.verdict(), Some(Verdict::RolledBack));
}

fn is_asked(event: &Event) -> bool {
    matches!(event, Event::DecisionAsked { .. })
}

/// Why the next control that is refused is.
fn refusal(run: &Held) -> String {
    let refused = |event: &Event| matches!(event, Event::ControlRefused { .. });
    let Event::ControlRefused { because, .. } = run.until(refused).event else { panic!("it was just seen") };
    because
}

#[test]
fn a_letter_that_cannot_be_read_is_on_record() {
    let stage = Stage::new(CHANGED_ONE);
    let run = stage.begin(None);
    run.until(begins("w"));
    std::fs::write(stage.state.controls(&stage.run).join("later.json"), "{\"control\":\"sing\"}").unwrap();
    assert!(refusal(&run).contains("sing"));
    stage.file("go");
    assert_eq!(run.ends().state.verdict(), Some(Verdict::Succeeded));
}

#[test]
fn a_control_is_a_frame_of_json() {
    let decided = Decided { decision: Decision::Keep, by: "ada".to_owned(), because: String::new() };
    let letters = [
        (Letter::Drain, r#"{"control":"drain"}"#),
        (Letter::Commit { by: "ada".to_owned() }, r#"{"control":"commit","by":"ada"}"#),
        (
            Letter::Answer { step: id("v"), asked: 7, decided },
            r#"{"control":"answer","step":"v","asked":7,"decision":"keep","by":"ada"}"#,
        ),
    ];
    for (letter, frame) in letters {
        let control = Control::from(letter);
        assert_eq!(serde_json::to_string(&control).unwrap(), frame);
        assert_eq!(serde_json::from_str::<Control>(frame).unwrap(), control);
    }
}

#[test]
fn no_answer_in_time_is_an_answer() {
    let stage = Stage::new(UNPROVEN);
    let ending = stage.begin(Some(Duration::ZERO)).ends();
    assert_eq!(ending.state.verdict(), Some(Verdict::RolledBack));
    let decided = ending.state.step(&id("v")).unwrap().decided.clone().unwrap();
    assert_eq!((decided.decision, decided.by.as_str()), (Decision::RollBack, ""));
    assert!(decided.because.contains("nobody answered within"), "{decided:?}");
}

#[test]
fn a_question_that_is_withdrawn_by_a_drain_is_not_answered() {
    let stage = Stage::new(UNPROVEN);
    let run = stage.begin(Some(Duration::from_secs(3600)));
    run.until(is_asked);
    run.tell(Letter::Drain);
    let ending = run.ends();
    assert_eq!(ending.state.verdict(), None);
    assert_eq!(ending.state.step(&id("v")).unwrap().decided, None);
    assert!(stage.has("a.txt"));
}

#[test]
fn the_first_approval_lets_a_gate_pass_and_is_on_record() {
    let stage = Stage::new(GATED);
    let run = stage.begin(None);
    run.until(|event| matches!(event, Event::StepWaits { .. }));
    assert!(!stage.has("b.txt"));
    run.tell(yes("ada"));
    run.tell(yes("bob"));
    assert_eq!(run.ends().state.verdict(), Some(Verdict::Succeeded));
    assert!(stage.has("b.txt"));
    assert_eq!(stage.approvals(), ["ada"]);
}

#[test]
fn what_does_not_wait_for_a_person_cannot_be_approved() {
    let stage = Stage::new(CHANGED_ONE);
    let run = stage.begin(None);
    run.until(begins("w"));
    let approval = Approval { by: "ada".to_owned(), at: 7, because: String::new() };
    for step in ["w", "b"] {
        run.tell(Letter::Approve { step: id(step), approval: approval.clone() });
        assert_eq!(refusal(&run), "it does not wait for an approval");
    }
    stage.file("go");
    assert_eq!(run.ends().state.verdict(), Some(Verdict::Succeeded));
    assert!(stage.approvals().is_empty());
}

#[test]
fn another_process_approves_through_the_mailbox() {
    let stage = Stage::new(GATED);
    let run = stage.begin(None);
    run.until(|event| matches!(event, Event::StepWaits { .. }));
    assert!(send(&stage.state, &stage.run, &yes("ada")).unwrap());
    assert!(!send(&stage.state, &stage.run, &yes("bob")).unwrap());
    assert_eq!(run.ends().state.verdict(), Some(Verdict::Succeeded));
    assert_eq!(stage.approvals(), ["ada"]);
}

#[test]
fn another_process_cancels_through_the_mailbox() {
    let stage = Stage::new(CHANGED_ONE);
    let run = stage.begin(None);
    run.until(begins("w"));
    assert!(send(&stage.state, &stage.run, &Letter::Cancel).unwrap());
    assert_eq!(run.ends().state.verdict(), Some(Verdict::RolledBack));
}

#[test]
fn an_approval_waits_for_a_run_that_nobody_holds() {
    let stage = Stage::new(&[
        ("a", "test.write", "a.txt"),
        ("w", "test.wait", "go"),
        ("go", "test.gate", "x"),
        ("b", "test.write", "b.txt"),
    ]);
    let run = stage.begin(None);
    run.until(begins("w"));
    run.tell(Letter::Drain);
    run.until(|event| *event == Event::DrainRequested);
    stage.file("go");
    assert_eq!(run.ends().state.verdict(), None);
    // What was meant for the process before is not for the next one.
    for letter in [yes("ada"), Letter::Cancel] {
        assert!(send(&stage.state, &stage.run, &letter).unwrap());
    }
    assert_eq!(stage.resume(None).ends().state.verdict(), Some(Verdict::Succeeded));
    assert_eq!(stage.approvals(), ["ada"]);
    assert!(!stage.records().iter().any(|record| matches!(record.event, Event::StepWaits { .. })));
}
