//! What a user sees who may not do it: the failure names the place, and nothing has changed.
//!
//! Root may do everything, so these tests start themselves once more as another user.

use conformance::is_ordinary_user;
use runbook_model::FailureKind;
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_read_only_directory_is_named() {
    if !is_ordinary_user("permissions::a_read_only_directory_is_named") {
        return;
    }
    let rows = [
        ("file.write", json!({ "path": "shut/file", "content": "new" })),
        ("file.copy", json!({ "from": "from", "path": "shut/file" })),
        ("file.remove", json!({ "path": "shut/file" })),
        ("file.link", json!({ "path": "shut/link", "to": "file" })),
        ("file.directory", json!({ "path": "shut/new" })),
        ("json.edit", json!({ "path": "shut/file", "set": { "/a": 1 } })),
        ("jiti-cache.clear", json!({ "dir": "shut/jiti" })),
    ];
    for (kind, with) in rows {
        let world = crate::world();
        world.file("from", "x");
        world.file("shut/file", "{}");
        world.dir("shut/jiti");
        fs::set_permissions(world.root.join("shut"), fs::Permissions::from_mode(0o555)).unwrap();
        let before = world.tree();
        let step = world.bind(kind, &with);
        step.probe(&world.reader()).unwrap();
        // Kinds that capture what they change find out when they prove that it can be put back.
        let prepared = world.prepare(&*step, None);
        let undo = prepared.as_ref().ok().cloned();
        let failure = match prepared {
            Ok(undo) => world.work(i64::MAX, None, |work| step.apply(work, &undo)).unwrap_err(),
            Err(failure) => failure,
        };
        assert!(matches!(failure.kind, FailureKind::Missing | FailureKind::Refused), "{kind}: {failure:?}");
        assert!(failure.message.contains("shut") && failure.hint.is_some(), "{kind}: {failure:?}");
        assert_eq!(world.tree(), before, "{kind}");
        if let Some(undo) = undo {
            world.work(i64::MAX, None, |work| step.take_back(runbook_model::UndoPhase::Undo, work, &undo)).unwrap();
            assert_eq!(world.tree(), before, "{kind}: after the undo");
        }
        fs::set_permissions(world.root.join("shut"), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn what_cannot_be_read_cannot_be_backed_up() {
    if !is_ordinary_user("permissions::what_cannot_be_read_cannot_be_backed_up") {
        return;
    }
    let world = crate::world();
    world.file_with_mode("app/secret", "x", 0o000);
    let step = world.bind("backup.create", &json!({ "paths": ["app"] }));
    let undo = world.prepare(&*step, None).unwrap();
    let failure = world.work(i64::MAX, None, |work| step.apply(work, &undo)).unwrap_err();
    assert!(failure.message.contains("app/secret"), "{failure:?}");
    assert!(!world.state.join("backups/r1-it").exists(), "half of a backup is left");
}
