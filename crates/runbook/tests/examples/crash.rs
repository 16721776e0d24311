//! SIGKILL at every journal record, going forward and going back; then `resume`, and separately `rollback`.

use crate::npm::NpmUpgrade;
use crate::quickstart::Quickstart;
use crate::world::{Example, Fault, World, code, said};

/// How the run goes on after the kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Resume,
    Rollback,
}

/// Kills `runbook` after every record of an upgrade to `target`, and lets it go on. Records that are one commit are one
/// point, for a crash leaves all of them or none. Says how many points were tried.
fn kill_everywhere<E: Example>(target: &str, then: Then) {
    let reference = E::fresh();
    let uninterrupted = reference.apply(target, None);
    let wanted = reference.picture();
    let records = reference.records();
    assert!(records > 10, "{}", said(&uninterrupted));
    drop(reference);
    let (mut points, mut written) = (0, 0);
    while written < records {
        let world = E::fresh();
        let (before, pictured_before) = (world.digests(), world.picture());
        let fault = format!("kill-after={}", written + 1);
        let killed = world.apply(target, Some(&fault));
        assert_eq!(code(&killed), None, "{fault} did not kill: {}", said(&killed));
        let left = world.records();
        assert!(left > written, "{fault} left {left} records: {}", said(&killed));
        (points, written) = (points + 1, left);
        let after = go_on(&world, then);
        let context = format!("{fault}, then {then:?}:\n{}\n{}", said(&killed), after.1);
        match then {
            Then::Rollback => {
                assert_eq!(after.0, Some(0), "{context}");
                assert_eq!(world.digests(), before, "{context}");
                assert_eq!(world.picture(), pictured_before, "{context}");
            }
            Then::Resume => {
                // Killed after its last record, the run is over, and there is nothing to go on with.
                let ending = if left == records { Some(0) } else { code(&uninterrupted) };
                assert_eq!(after.0, ending, "{context}");
                assert_eq!(world.picture(), wanted, "{context}");
            }
        }
    }
    assert!(points > 8, "{points} points");
    println!("{target}: {records} records, killed at {points} points, then {then:?}");
}

/// A run that was killed after its last record is over, and a rollback of one that rolled back has nothing to do. A run
/// that was killed before its first record never was.
fn go_on(world: &World, then: Then) -> (Option<i32>, String) {
    let none: Fault<'_> = None;
    let output = match then {
        Then::Resume => world.runbook(&["resume", "--yes"], none),
        Then::Rollback => world.runbook(&["rollback", &world.latest(), "--yes"], none),
    };
    let text = said(&output);
    (code(&output), text)
}

#[test]
fn quickstart_good_then_resume() {
    kill_everywhere::<Quickstart>(Quickstart::GOOD, Then::Resume);
}

#[test]
fn quickstart_good_then_rollback() {
    kill_everywhere::<Quickstart>(Quickstart::GOOD, Then::Rollback);
}

#[test]
fn quickstart_broken_then_resume() {
    kill_everywhere::<Quickstart>(Quickstart::BROKEN, Then::Resume);
}

#[test]
fn quickstart_broken_then_rollback() {
    kill_everywhere::<Quickstart>(Quickstart::BROKEN, Then::Rollback);
}

#[test]
fn npm_good_then_resume() {
    kill_everywhere::<NpmUpgrade>(NpmUpgrade::GOOD, Then::Resume);
}

#[test]
fn npm_good_then_rollback() {
    kill_everywhere::<NpmUpgrade>(NpmUpgrade::GOOD, Then::Rollback);
}

#[test]
fn npm_broken_then_resume() {
    kill_everywhere::<NpmUpgrade>(NpmUpgrade::BROKEN, Then::Resume);
}

#[test]
fn npm_broken_then_rollback() {
    kill_everywhere::<NpmUpgrade>(NpmUpgrade::BROKEN, Then::Rollback);
}
