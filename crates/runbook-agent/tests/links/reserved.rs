//! A host that is reserved for a work, and runs whose id the controller has derived.

use crate::cuts::{Came, try_all};
use crate::stage::{Counted, Cut, Seen, Sees, Stage, apply};
use runbook_fleet::Afar;
use runbook_model::{RunId, Verdict};
use runbook_session::{ApplyOffer, CommandError, Controls, Door, Ended, Exit, Status};
use std::sync::Arc;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(600);

fn nobody() -> Controls {
    Controls { patience: None, told: tokio::sync::mpsc::unbounded_channel().1 }
}

fn who(door: &mut Afar) -> Option<String> {
    door.ask(Status {}).unwrap().holder.map(|holder| holder.who)
}

/// Applies the plan as the run of that id: begins it, or follows it where it has begun.
fn apply_as(door: &mut Afar, stage: &Stage, run: &RunId, seen: &Seen) -> Result<Ended, CommandError> {
    let watch = |state: runbook_model::RunState| {
        seen.lock().unwrap().extend(1..=state.seq);
        Box::new(Sees(Arc::clone(seen))) as Box<dyn runbook_engine::Observer>
    };
    match door.propose_run(run.clone(), stage.program(), None)? {
        Some(ApplyOffer::Apply(offer, held)) => {
            assert_eq!(offer.run, *run);
            door.begin(held, watch, nobody())
        }
        Some(ApplyOffer::Nothing(..)) => panic!("there is something to do"),
        None => door.attend(run, Some(&stage.program()), watch, nobody()),
    }
}

#[test]
fn a_reserved_host_is_kept_for_its_work_whose_run_takes_it_over() {
    let stage = Stage::new();
    let counted = Arc::new(Counted::default());
    let mut one = stage.door("one", 1, None, &counted).unwrap();
    let mut other = stage.door("other", 1, None, &counted).unwrap();
    one.reserve("rollout demo", LONG).unwrap();
    let said = who(&mut other).unwrap();
    assert!(said.starts_with("reserved for rollout demo of ops until 20"), "{said}");
    for refused in [
        other.reserve("rollout b", LONG).unwrap_err(),
        apply(&mut other, stage.program(), &Seen::default()).err().unwrap(),
    ] {
        assert_eq!(refused.exit, Exit::Held);
        assert!(
            refused.message.contains("reserved for rollout demo") && refused.message.contains(", since 20"),
            "{}",
            refused.message
        );
    }
    other.release().unwrap();
    assert!(who(&mut other).is_some(), "what another work has reserved is not let go");
    // It outlives the link, and the next controller of the work has it.
    drop(one);
    let mut next = stage.door("one", 2, None, &counted).unwrap();
    assert!(next.preview(&stage.program()).unwrap().held.is_empty(), "for its own work the host is free");
    assert!(!other.preview(&stage.program()).unwrap().held.is_empty());
    next.reserve("rollout demo", LONG * 2).unwrap();
    // What is proposed and let go leaves the host reserved.
    let run = RunId::from_entropy([7; 10]);
    assert!(matches!(next.propose_run(run.clone(), stage.program(), None).unwrap(), Some(ApplyOffer::Apply(..))));
    let ended = apply_as(&mut next, &stage, &run, &Seen::default()).unwrap();
    assert_eq!(ended.state.verdict(), Some(Verdict::Succeeded));
    assert_eq!(who(&mut other), None, "with the end of the run the host is free");
    assert_eq!(stage.runs()[0].0, run);
}

#[test]
fn a_reservation_is_let_go_and_ends_by_itself() {
    let stage = Stage::new();
    let counted = Arc::new(Counted::default());
    let mut one = stage.door("one", 1, None, &counted).unwrap();
    let mut other = stage.door("other", 1, None, &counted).unwrap();
    one.reserve("rollout a", LONG).unwrap();
    one.release().unwrap();
    other.reserve("rollout b", LONG).unwrap();
    // Asked again it may be shorter as well, and then it ends while nobody does anything.
    other.reserve("rollout b", Duration::from_millis(50)).unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    while let Err(error) = one.reserve("rollout a", LONG) {
        assert_eq!(error.exit, Exit::Held, "{}", error.message);
        assert!(Instant::now() < end, "{}", error.message);
    }
    assert!(who(&mut other).unwrap().contains("rollout a"));
}

#[test]
fn a_run_of_a_derived_id_begins_once_wherever_the_link_is_cut_and_whoever_asks_again_follows_it() {
    let run = RunId::from_entropy([9; 10]);
    let cut_at = |cut: Option<Cut>, counted: &Arc<Counted>| {
        let stage = Stage::new();
        let seen = Seen::default();
        let first = stage.door("work", 1, cut, counted).and_then(|mut door| apply_as(&mut door, &stage, &run, &seen));
        let came = if first.is_ok() { Came::Followed } else { Came::NeverBegan };
        // Another controller of the work asks for the same, whatever the first one heard.
        let again = Seen::default();
        let mut door = stage.door("work", 9, None, &Arc::default()).unwrap();
        let ended = apply_as(&mut door, &stage, &run, &again).unwrap();
        assert_eq!((ended.state.verdict(), &ended.run), (Some(Verdict::Succeeded), &run), "{cut:?}");
        let runs = stage.runs();
        assert_eq!((runs.len(), &runs[0].0, stage.made().len()), (1, &run, 3), "{cut:?}");
        let written: Vec<u64> = runs[0].1.iter().map(|record| record.seq).collect();
        assert_eq!(*again.lock().unwrap(), written, "{cut:?}: every record once, in order");
        came
    };
    let counted = Arc::new(Counted::default());
    assert_eq!(cut_at(None, &counted), Came::Followed);
    let (cuts, never) = try_all(&counted, &[false], cut_at);
    println!("{cuts} cuts, after {never} of them it began with the second controller");
    assert!(never >= 2 && never < cuts / 2, "{never} of {cuts}");
}

#[test]
fn an_id_that_another_run_has_or_looks_like_is_refused() {
    let stage = Stage::new();
    let mut door = stage.door("work", 1, None, &Arc::default()).unwrap();
    let run = RunId::from_entropy([1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    apply_as(&mut door, &stage, &run, &Seen::default()).unwrap();
    let steps = format!(
        "  - {{ id: more, uses: file.write, with: {{ path: {}/out/more, content: more }} }}\n",
        stage.root.display()
    );
    let alike = RunId::from_entropy([1, 1, 1, 1, 1, 1, 1, 1, 1, 2]);
    for (taken, why) in [(run.clone(), "it is one of another plan"), (alike, "is called")] {
        let refused = door.propose_run(taken, stage.program_of(&steps), None).err().unwrap();
        assert_eq!(refused.exit, Exit::Refused);
        assert!(refused.message.contains(why), "{}", refused.message);
    }
    // What a run left that was killed before its first record is no run.
    let left = RunId::from_entropy([5; 10]);
    std::fs::create_dir_all(stage.root.join("state/runs").join(left.as_str()).join(".bundle")).unwrap();
    let offer = door.propose_run(left, stage.program_of(&steps), None).unwrap();
    assert!(matches!(offer, Some(ApplyOffer::Apply(..))));
}
