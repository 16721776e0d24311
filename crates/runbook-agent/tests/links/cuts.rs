//! The first link is cut at every frame, each way.

use crate::stage::{Counted, Cut, Seen, Stage, Way, apply, roll_back};
use runbook_model::{Event, Verdict};
use runbook_session::Exit;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What came of a run whose first link was cut.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Came {
    Followed,
    NeverBegan,
}

/// Tries a cut at each frame that was counted, before it or in its middle. How many there were, and after how many nothing began.
pub(crate) fn try_all(
    counted: &Counted,
    in_the_middle: &[bool],
    cut_at: impl Fn(Option<Cut>, &Arc<Counted>) -> Came,
) -> (usize, usize) {
    let frames = [
        (Way::ToAgent, counted.to_agent.load(Ordering::SeqCst)),
        (Way::FromAgent, counted.from_agent.load(Ordering::SeqCst)),
    ];
    let mut came = Vec::new();
    for (way, count) in frames {
        for after in 0..count {
            let cuts = in_the_middle.iter().map(|in_the_middle| Cut { way, after, in_the_middle: *in_the_middle });
            came.extend(cuts.map(|cut| cut_at(Some(cut), &Arc::default())));
        }
    }
    let never = came.iter().filter(|came| **came == Came::NeverBegan).count();
    (came.len(), never)
}

fn cut_at(cut: Option<Cut>, counted: &Arc<Counted>) -> Came {
    let stage = Stage::new();
    let program = stage.program();
    let seen = Seen::default();
    let ended = stage.door("work", 1, cut, counted).and_then(|mut door| apply(&mut door, program, &seen));
    let (runs, seen) = (stage.runs(), seen.lock().unwrap().clone());
    match ended {
        Ok(ended) => {
            assert_eq!(ended.state.verdict(), Some(Verdict::Succeeded), "{cut:?}");
            assert_eq!(runs.len(), 1, "{cut:?}: it began once");
            let written: Vec<u64> = runs[0].1.iter().map(|record| record.seq).collect();
            assert_eq!(seen, written, "{cut:?}: every record once, in order");
            let begun = runs[0].1.iter().filter(|record| matches!(record.event, Event::RunStarted(_))).count();
            assert_eq!((begun, stage.made().len()), (1, 3), "{cut:?}");
            Came::Followed
        }
        Err(error) => {
            assert_eq!(error.exit, Exit::Unreachable, "{cut:?}: {}", error.message);
            assert!(runs.is_empty() && stage.made().is_empty(), "{cut:?}: {} {runs:?}", error.message);
            Came::NeverBegan
        }
    }
}

#[test]
fn a_link_that_is_cut_at_any_frame_loses_nothing_and_begins_nothing_twice() {
    let counted = Arc::new(Counted::default());
    assert_eq!(cut_at(None, &counted), Came::Followed);
    let (cuts, never) = try_all(&counted, &[false, true], cut_at);
    println!("{cuts} cuts, after {never} of them nothing began");
    // Lost before the welcome, or with the begin.
    assert!(never >= 2 && never < cuts / 2, "{never} of {cuts}");
}

fn rollback_cut_at(cut: Option<Cut>, counted: &Arc<Counted>) -> Came {
    let stage = Stage::new();
    let mut first = stage.door("first", 1, None, &Arc::default()).unwrap();
    apply(&mut first, stage.program(), &Seen::default()).unwrap();
    drop(first);
    let before = stage.runs()[0].1.len();
    let seen = Seen::default();
    let ended = stage.door("second", 1, cut, counted).and_then(|mut door| roll_back(&mut door, &seen));
    let (runs, seen) = (stage.runs(), seen.lock().unwrap().clone());
    match ended {
        Ok(ended) => {
            assert_eq!(ended.state.verdict(), Some(Verdict::RolledBack), "{cut:?}");
            assert!(ended.asked_back, "{cut:?}: that is what was wanted");
            let new: Vec<u64> = runs[0].1.iter().skip(before).map(|record| record.seq).collect();
            assert_eq!((seen, stage.made().len()), (new, 0), "{cut:?}: every new record once, and nothing is left");
            Came::Followed
        }
        Err(error) => {
            assert_eq!(error.exit, Exit::Unreachable, "{cut:?}: {}", error.message);
            assert_eq!((runs[0].1.len(), stage.made().len()), (before, 3), "{cut:?}: {}", error.message);
            Came::NeverBegan
        }
    }
}

#[test]
fn a_rollback_whose_link_is_cut_at_any_frame_is_done_or_not_begun_and_that_is_what_is_said() {
    let counted = Arc::new(Counted::default());
    assert_eq!(rollback_cut_at(None, &counted), Came::Followed);
    let (cuts, never) = try_all(&counted, &[false], rollback_cut_at);
    println!("{cuts} cuts, after {never} of them nothing began");
    assert!(never >= 1 && never < cuts / 2, "{never} of {cuts}");
}
