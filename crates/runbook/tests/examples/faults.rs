//! Every step fails once in its apply, and once in its undo.

use crate::npm::NpmUpgrade;
use crate::quickstart::Quickstart;
use crate::world::{Example, code, said};

/// A failed apply leads back to before.
fn fail_every_apply<E: Example>() {
    for step in E::STEPS {
        let world = E::fresh();
        let (before, pictured_before) = (world.digests(), world.picture());
        let output = world.apply(E::GOOD, Some(&format!("fail-apply={step}")));
        let context = format!("apply of {step} fails:\n{}", said(&output));
        assert_eq!(code(&output), Some(3), "{context}");
        assert_eq!(world.digests(), before, "{context}");
        assert_eq!(world.picture(), pictured_before, "{context}");
    }
}

/// A failed undo is stuck: the run says at which step and what is left, nothing else may run, and the rollback can be
/// tried again, which leads back to before. `without_undo` are the steps that a rollback has nothing to do for.
fn fail_every_undo<E: Example>(without_undo: &[&str]) {
    for step in E::STEPS.iter().filter(|step| !without_undo.contains(step)) {
        let world = E::fresh();
        let (before, pictured_before) = (world.digests(), world.picture());
        let output = world.apply(E::BROKEN, Some(&format!("fail-undo={step}")));
        let context = format!("undo of {step} fails:\n{}", said(&output));
        assert_eq!(code(&output), Some(5), "{context}");
        assert!(said(&output).contains(&format!("`{step}` could not be taken back")), "{context}");
        let refused = world.apply(E::GOOD, None);
        assert_eq!(code(&refused), Some(6), "{}", said(&refused));
        let again = world.runbook(&["rollback", "--yes"], None);
        assert_eq!(code(&again), Some(0), "{context}\n{}", said(&again));
        assert_eq!(world.digests(), before, "{context}\n{}", said(&again));
        assert_eq!(world.picture(), pictured_before, "{context}\n{}", said(&again));
    }
}

/// A bug of ours in one step must not end the run in the middle.
#[test]
fn a_panic_in_a_step_is_a_failure_of_that_step() {
    let world = Quickstart::fresh();
    let (before, pictured_before) = (world.digests(), world.picture());
    let output = world.apply(Quickstart::GOOD, Some("panic-apply=install"));
    assert_eq!(code(&output), Some(3), "{}", said(&output));
    assert!(said(&output).contains("a fault was injected here"), "{}", said(&output));
    assert_eq!((world.digests(), world.picture()), (before, pictured_before), "{}", said(&output));
}

#[test]
fn quickstart_applies() {
    fail_every_apply::<Quickstart>();
}

#[test]
fn quickstart_undos() {
    fail_every_undo::<Quickstart>(&["verify"]);
}

#[test]
fn npm_applies() {
    fail_every_apply::<NpmUpgrade>();
}

#[test]
fn npm_undos() {
    fail_every_undo::<NpmUpgrade>(&["verify", "backup"]);
}
