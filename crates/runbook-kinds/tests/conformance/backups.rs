//! Scenarios of `backup.create`, and what a rollback does with the paths of a backup.

use conformance::{Scenario, scenarios};
use runbook_model::UndoPhase;
use runbook_step::{Note, Work};
use serde_json::{Value as Json, json};
use std::fs;
use std::sync::Mutex;

scenarios![
    backup_of_paths,
    backup_with_captures,
    backup_with_a_failing_capture,
    backup_that_requires_its_captures,
    backup_around_the_state,
];

fn backup_of_paths() -> Scenario {
    Scenario::change("backup.create", |world| {
        world.file("app/bin", vec![1; 100_000]);
        world.link("app/current", "bin");
        world.file("config.json", "{}");
        json!({ "paths": ["app", { "path": "config.json", "restore": "always" }, ["config.json"], "not/there"] })
    })
    .afterwards(|world, done| {
        let dir = world.state.join("backups/r1-it");
        assert_eq!(done.results.outputs["dir"], *dir.to_string_lossy());
        assert_eq!((&done.results.outputs["files"], &done.results.outputs["bytes"]), (&json!(2), &json!(100_002)));
        assert!(done.summary.contains("1 path is not there"), "{}", done.summary);
        let backup = runbook_backup::Backup::open(&dir).unwrap();
        backup.verify(&|| false).unwrap();
        assert!(backup.covers(&world.root.join("not/there/deeper")));
        assert!(!backup.covers(&world.root.join("other")));
    })
}

fn backup_with_captures() -> Scenario {
    Scenario::change("backup.create", |world| {
        world.file("app", "");
        json!({ "paths": "app", "capture": { "list": ["echo", "slack"], "where": ["pwd"] } })
    })
    .afterwards(|world, done| {
        let kept = world.state.join("backups/r1-it/captures");
        assert_eq!(fs::read_to_string(kept.join("list.txt")).unwrap(), "$ echo slack\n# exit code 0\nslack\n");
        assert!(fs::read_to_string(kept.join("where.txt")).unwrap().contains(&*world.root.to_string_lossy()));
        assert_eq!(done.results.outputs["captures"], json!({ "list": 0, "where": 0 }));
    })
}

fn backup_with_a_failing_capture() -> Scenario {
    Scenario::change("backup.create", |world| {
        world.file("app", "");
        let fails = ["sh", "-c", "echo half; echo broken >&2; exit 7"];
        json!({ "paths": ["app"], "capture": { "fails": fails, "missing": ["no-such-program-anywhere"] } })
    })
    .afterwards(|world, done| {
        let kept = fs::read_to_string(world.state.join("backups/r1-it/captures/fails.txt")).unwrap();
        assert!(kept.contains("# exit code 7\nhalf\n") && kept.contains("broken"), "{kept}");
        assert_eq!(done.results.outputs["captures"], json!({ "fails": 7, "missing": null }));
    })
}

fn backup_that_requires_its_captures() -> Scenario {
    Scenario::refusal("backup.create", "the capture `fails` ended with exit code 7", |world| {
        world.file("app", "");
        json!({ "paths": ["app"], "capture": { "fails": ["sh", "-c", "exit 7"] }, "capture_required": true })
    })
}

fn backup_around_the_state() -> Scenario {
    Scenario::refusal("backup.create", "state", |_| json!({ "paths": [".."] }))
}

/// Applies a backup of three files, lets somebody change all of them, takes it back in `phase`, and returns what the
/// files hold then.
fn after_taking_back(phase: UndoPhase) -> Vec<String> {
    let world = crate::world();
    let names = ["always", "if-needed", "never"];
    let item = |name: &&str| json!({ "path": name, "restore": name });
    names.iter().for_each(|name| drop(world.file(name, "old")));
    let step = world.bind("backup.create", &json!({ "paths": names.iter().map(item).collect::<Vec<Json>>() }));
    let undo = world.prepare(&*step, None).unwrap();
    world.work(i64::MAX, None, |work| step.apply(work, &undo)).unwrap();
    names.iter().for_each(|name| drop(world.file(name, "new")));
    for _ in 0..2 {
        world.work(i64::MAX, None, |work| step.take_back(phase, work, &undo)).unwrap();
    }
    names.iter().map(|name| fs::read_to_string(world.root.join(name)).unwrap()).collect()
}

#[test]
fn each_path_comes_back_when_the_plan_says_so() {
    assert_eq!(after_taking_back(UndoPhase::Halt), ["new", "new", "new"]);
    assert_eq!(after_taking_back(UndoPhase::Undo), ["old", "new", "new"]);
    assert_eq!(after_taking_back(UndoPhase::Insurance), ["old", "old", "new"]);
}

#[test]
fn the_second_pass_takes_what_changed_since_the_first() {
    let world = crate::world();
    world.file("state/messages", "one");
    let step = world.bind("backup.create", &json!({ "paths": [{ "path": "state", "restore": "always" }] }));
    let undo = world.prepare(&*step, None).unwrap();
    world.work(i64::MAX, None, |work| step.apply(work, &undo)).unwrap();
    assert_eq!(world.work(i64::MAX, None, |work| step.backup().unwrap().second_pass(work, &Vec::new)).unwrap(), None);
    world.file("state/messages", "one, two");
    world.file("state/new", "");
    let told = world.work(i64::MAX, None, |work| step.backup().unwrap().second_pass(work, &Vec::new)).unwrap().unwrap();
    assert!(told.contains("1 new"), "{told}");
    world.file("state/messages", "broken");
    world.work(i64::MAX, None, |work| step.take_back(UndoPhase::Undo, work, &undo)).unwrap();
    assert_eq!(fs::read_to_string(world.root.join("state/messages")).unwrap(), "one, two");
}

/// A capture may take minutes, and the line that says what runs must not name the part before it.
#[test]
fn what_is_captured_is_said() {
    let world = crate::world();
    world.file("app", "");
    let step = world.bind("backup.create", &json!({ "paths": "app", "capture": { "plugins": ["true"] } }));
    let notes = Mutex::new(Vec::new());
    world
        .work(i64::MAX, None, |work| {
            let undo = step.prepare(work)?.undo;
            step.apply(&Work { progress: &|note| notes.lock().unwrap().push(note), ..*work }, &undo)
        })
        .unwrap();
    assert_eq!(notes.into_inner().unwrap().last(), Some(&Note::Doing("capturing `plugins`".to_owned())));
}

#[test]
fn a_damaged_backup_is_not_mistaken_for_one_that_was_never_made() {
    let world = crate::world();
    world.file("file", "old");
    let step = world.bind("backup.create", &json!({ "paths": [{ "path": "file", "restore": "always" }] }));
    let undo = world.prepare(&*step, None).unwrap();
    assert!(world.work(i64::MAX, None, |work| step.take_back(UndoPhase::Undo, work, &undo)).is_ok());
    world.work(i64::MAX, None, |work| step.apply(work, &undo)).unwrap();
    fs::write(world.state.join("backups/r1-it").join(runbook_backup::MANIFEST), "{").unwrap();
    let failure = world.work(i64::MAX, None, |work| step.take_back(UndoPhase::Undo, work, &undo)).unwrap_err();
    assert!(failure.message.contains("the backup cannot be read"), "{failure:?}");
}
