//! The closing statement against the host: nothing that it says is false, and nothing that is owed is unsaid.

use crate::host::{STATE, made_by};
use crate::script::{Part, Script, id, number};
use crate::world::World;
use runbook_model::*;

/// Wherever a run was left, be it by a crash.
pub(crate) fn closing_is_true(script: &Script, world: &World<'_>) {
    let closing = Closing::of(&world.state);
    let at = || format!("{closing:#?}\n{:#?}\n{:?}", world.state, world.files);
    assert!(!closing.text.contains("host is as it was"), "nobody reads a whole host: {}", closing.text);
    assert_eq!(closing.verdict, world.state.verdict());
    match closing.claim {
        Claim::Untouched => assert!(world.traces.is_empty() && world.files.made.is_empty(), "{}", at()),
        Claim::AsItWas | Claim::PutBack => {
            assert!(closing.verdict == Some(Verdict::Stopped) || world.traces.is_empty(), "{}", at());
            if closing.verdict == Some(Verdict::RolledBack) {
                names_what_differs(&closing, world);
            }
            if closing.claim == Claim::AsItWas {
                signals_are_green(script, world);
            }
        }
        Claim::Changed | Claim::Accepted => {}
        Claim::Owed => assert!(matches!(closing.verdict, Some(Verdict::Stuck) | None), "{}", at()),
    }
    if matches!(closing.verdict, Some(Verdict::Stuck | Verdict::Stopped) | None) {
        for step in world.traces.keys() {
            assert!(closing.left.iter().any(|left| left.step == id(*step)), "s{step} is not named: {}", at());
        }
    }
    if closing.verdict.is_some() {
        names_nothing_that_is_not(&closing, world);
    }
    next_leads_on(&closing);
}

/// What a rollback kept or left, and what nobody may call as it was.
fn names_what_differs(closing: &Closing, world: &World<'_>) {
    let named = |what, path: &str| closing.remains.iter().any(|one| one.what == what && one.path == path);
    if let Some(held) = world.held_before() {
        let differs = world.files.state != held;
        assert!(!differs || named(RemainsKind::Kept, STATE), "{STATE} differs: {closing:#?} {:?}", world.files);
    }
    for step in &world.files.made {
        assert!(named(RemainsKind::Left, &made_by(*step)), "{} stays: {closing:#?}", made_by(*step));
    }
    let whole = closing.text.contains("is as it was.");
    assert!(!whole || closing.remains.is_empty(), "{}", closing.text);
}

fn names_nothing_that_is_not(closing: &Closing, world: &World<'_>) {
    for one in &closing.remains {
        match one.what {
            RemainsKind::Kept => assert_ne!(Some(world.files.state), world.held_before(), "{closing:#?}"),
            RemainsKind::Left => assert!(world.files.made.contains(&number(&one.step)), "{closing:#?}"),
            _ => panic!("nobody told that: {one:?}"),
        }
    }
}

fn signals_are_green(script: &Script, world: &World<'_>) {
    for (step, known) in world.state.steps().filter(|(_, known)| known.was_green()) {
        let Part::Verify(lost) = script.step(step).part else { continue };
        assert_eq!(world.signal(lost), SignalVerdict::Green, "{step}: {known:#?}");
    }
}

/// A state that needs somebody names a command.
fn next_leads_on(closing: &Closing) {
    if matches!(closing.verdict, Some(Verdict::Stuck) | None) {
        assert!(closing.next.iter().any(|next| matches!(next, Next::Rollback(Some(_)))), "{closing:#?}");
    }
}
