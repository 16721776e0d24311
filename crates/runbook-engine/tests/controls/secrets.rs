//! Secrets that are handed in while the run waits for them.

use crate::stage::{Held, Stage};
use crate::{CHANGED_ONE, begins, refusal};
use runbook_engine::{Control, Letter};
use runbook_model::*;
use std::path::Path;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const CANARY: &str = "Zq7-a-canary-that-is-handed-in";
const ONE: &[(&str, &str, &str)] = &[("a", "test.write", "a.txt")];

fn is_asked(event: &Event) -> bool {
    matches!(event, Event::SecretAsked { secret, .. } if secret == "token")
}

fn hand_in() -> Control {
    Control::Secret { secret: "token".to_owned(), value: CANARY.to_owned().into() }
}

/// A run that its process left open, with the secret written into `a.txt`.
fn left(stage: &Stage) {
    let run = stage.begin(None);
    run.until(is_asked);
    run.tell(hand_in());
    run.until(begins("w"));
    run.tell(Letter::Drain);
    run.until(|event| *event == Event::DrainRequested);
    stage.file("go");
    assert_eq!(run.ends().state.verdict(), None);
}

fn times_asked(stage: &Stage) -> usize {
    stage.records().iter().filter(|record| is_asked(&record.event)).count()
}

/// Whether a file below `dir` holds the canary.
fn tells(dir: &Path) -> bool {
    std::fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        let holds = |bytes: Vec<u8>| bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
        if path.is_dir() { tells(&path) } else { std::fs::read(&path).is_ok_and(holds) }
    })
}

#[test]
fn a_secret_is_waited_for_before_anything_and_stands_in_no_file_but_where_the_plan_puts_it() {
    let stage = Stage::new(ONE).with_secret(HOUR);
    let run = stage.begin(None);
    let asked = run.until(is_asked);
    run.tell(hand_in());
    let ending = run.ends();
    assert_eq!(ending.state.verdict(), Some(Verdict::Succeeded), "{}", ending.state.note);
    assert_eq!(std::fs::read_to_string(stage.dir().join("a.txt")).unwrap(), CANARY);
    assert!(!tells(stage.state.path()), "journal, directory of the run or mailbox tell");
    let records = stage.records();
    assert!(!format!("{records:?}").contains(CANARY) && !serde_json::to_string(&records).unwrap().contains(CANARY));
    let came = records.iter().find(|record| matches!(record.event, Event::SecretHandedIn { .. })).unwrap();
    assert_eq!(came.seq, asked.seq + 1);
    let begun = |record: &&Record| matches!(record.event, Event::StepStarted { .. } | Event::ServiceFound { .. });
    assert!(records.iter().filter(begun).all(|record| record.seq > came.seq), "it waits before anything else");
}

#[test]
fn a_secret_that_never_comes_stops_the_run_before_the_first_change() {
    let stage = Stage::new(ONE).with_secret(Duration::ZERO);
    let ending = stage.begin(None).ends();
    assert_eq!(ending.state.verdict(), Some(Verdict::Refused));
    assert!(ending.state.note.contains("the secret `token` was not handed in: nobody did within 0s"), "{ending:?}");
    assert!(!ending.state.has_acted() && !stage.has("a.txt"));
}

/// What is refused is on record, and what was sent is not, not even where it stands in the place of the name.
#[test]
fn what_is_not_waited_for_is_refused_without_a_word_of_it() {
    let stage = Stage::new(CHANGED_ONE).with_secret(HOUR);
    let run = stage.begin(None);
    run.until(is_asked);
    run.tell(Control::Secret { secret: CANARY.to_owned(), value: "token".to_owned().into() });
    assert_eq!(refusal(&run), "the plan has no secret of that name");
    run.tell(Control::Secret { secret: "token".to_owned(), value: CANARY.repeat(1 << 16).into() });
    assert_eq!(refusal(&run), "`token` is larger than 1 MiB");
    run.tell(hand_in());
    run.until(begins("w"));
    run.tell(hand_in());
    assert_eq!(refusal(&run), "`token` is not waited for");
    stage.file("go");
    assert_eq!(run.ends().state.verdict(), Some(Verdict::Succeeded));
    assert!(!tells(stage.state.path()));
}

#[test]
fn a_run_that_waits_for_a_secret_is_drained_and_cancelled_like_any_other() {
    for (letter, verdict) in [(Letter::Drain, None), (Letter::Cancel, Some(Verdict::Refused))] {
        let stage = Stage::new(ONE).with_secret(HOUR);
        let run = stage.begin(None);
        run.until(is_asked);
        run.tell(letter);
        assert_eq!(run.ends().state.verdict(), verdict);
        assert!(!stage.has("a.txt"));
        if verdict.is_none() {
            let run = stage.resume(None);
            run.until(is_asked);
            run.tell(hand_in());
            assert_eq!(run.ends().state.verdict(), Some(Verdict::Succeeded));
        }
    }
}

#[test]
fn who_goes_on_with_a_run_asks_for_its_secrets_again() {
    let stage = Stage::new(CHANGED_ONE).with_secret(HOUR);
    left(&stage);
    let run = stage.resume(None);
    run.until(is_asked);
    run.tell(hand_in());
    assert_eq!(run.ends().state.verdict(), Some(Verdict::Succeeded));
    assert_eq!(std::fs::read_to_string(stage.dir().join("b.txt")).unwrap(), CANARY);
    assert_eq!(times_asked(&stage), 2);
    assert!(!tells(stage.state.path()));
}

#[test]
fn without_the_secret_nobody_goes_on_and_the_run_goes_back() {
    let stage = Stage::new(CHANGED_ONE).with_secret(HOUR);
    left(&stage);
    let stage = stage.waiting(Duration::ZERO);
    let ending = stage.resume(None).ends();
    assert_eq!(ending.state.verdict(), Some(Verdict::RolledBack), "{}", ending.state.note);
    assert!(matches!(ending.state.rollback, Some(RollbackCause::CannotGoOn { .. })), "{:?}", ending.state.rollback);
    assert!(!stage.has("a.txt") && !stage.has("b.txt"));
}

/// The undo of these steps may use it for all that is known of them. It does not, and goes on without.
#[test]
fn the_way_back_asks_too_and_goes_without_what_never_comes() {
    for within in [HOUR, Duration::ZERO] {
        let stage = Stage::new(CHANGED_ONE).with_secret(HOUR);
        left(&stage);
        let stage = stage.waiting(within);
        let run: Held = stage.reopen(None, Some(RollbackCause::Requested));
        run.until(is_asked);
        if within == HOUR {
            assert!(stage.has("a.txt"), "nothing is taken back before");
            run.tell(hand_in());
        }
        assert_eq!(run.ends().state.verdict(), Some(Verdict::RolledBack));
        assert!(!stage.has("a.txt"));
        assert_eq!(times_asked(&stage), 2);
    }
}

#[test]
fn a_secret_goes_into_a_frame_and_into_nothing_else() {
    let frame = serde_json::to_string(&hand_in()).unwrap();
    assert_eq!(frame, format!(r#"{{"control":"secret","secret":"token","value":"{CANARY}"}}"#));
    assert_eq!(serde_json::from_str::<Control>(&frame).unwrap(), hand_in());
    assert!(serde_json::from_str::<Letter>(&frame).is_err(), "a letter is written into a file");
    assert!(!format!("{:?} {:#?}", hand_in(), hand_in()).contains(CANARY));
    let error = serde_json::from_str::<Control>(r#"{"control":"secret","secret":"token","value":4711471147114711}"#);
    assert!(!error.unwrap_err().to_string().contains("4711"), "a frame that cannot be read is not told");
}
