//! Scenarios of gates, waits and caches.

use conformance::{Scenario, scenarios};
use runbook_model::{Approval, FailureKind};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;

scenarios![
    soak,
    approve_that_is_there,
    approve_that_does_not_come,
    window_that_is_open,
    window_that_is_closed,
    jiti_cache,
    jiti_cache_of_another_name,
    jiti_of_programs,
    jiti_with_something_else_in_it,
    jiti_with_a_directory_in_it,
    jiti_with_a_link_in_it,
    jiti_cache_that_is_empty,
    jiti_nothing_there,
    jiti_symlink,
    jiti_file,
    jiti_of_another_user,
    jiti_of_a_named_user,
    jiti_where_others_may_swap,
    jiti_home,
];

fn soak() -> Scenario {
    Scenario::change("wait.soak", |_| json!({ "for": "5ms" })).without_undo()
}

fn approve_that_is_there() -> Scenario {
    Scenario::unpredictable("gate.approve", |world| {
        world.approve(Approval { by: "ops".to_owned(), at: 7, because: "it is quiet".to_owned() });
        json!({ "message": "go on?", "within": "1m" })
    })
    .afterwards(|_, done| {
        assert_eq!((&done.results.outputs["by"], &done.results.outputs["at"]), (&json!("ops"), &json!(7)));
        assert_eq!(done.summary, "approved by ops: it is quiet");
    })
}

fn approve_that_does_not_come() -> Scenario {
    Scenario::refusal(
        "gate.approve",
        "the new run shows the command",
        |_| json!({ "message": "go on?", "within": "1ms" }),
    )
}

fn window_that_is_open() -> Scenario {
    Scenario::nothing_to_do("gate.window", |_| json!({ "zone": "Europe/Madrid", "from": "00:00", "to": "00:00" }))
        .afterwards(|_, done| assert!(done.results.outputs["until"].as_str().unwrap().contains("00:00")))
}

/// Three days from now by every clock of the world.
fn window_that_is_closed() -> Scenario {
    Scenario::refusal("gate.window", "the maintenance window is closed until", |world| {
        const DAYS: [&str; 7] = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"];
        let today = world.reader().now_ms() / 86_400_000;
        let day = DAYS[usize::try_from((today + 3) % 7).unwrap()];
        json!({ "zone": "UTC", "days": [day], "from": "02:00", "to": "05:00" })
    })
}

fn jiti_cache() -> Scenario {
    Scenario::change("jiti-cache.clear", |world| {
        world.file("tmp/jiti/plugin-index.0a1b2c3d.cjs", "old");
        world.file("tmp/jiti/core.mjs", "old");
        fs::set_permissions(world.root.join("tmp"), fs::Permissions::from_mode(0o1777)).unwrap();
        json!({ "dir": "tmp/jiti" })
    })
    .afterwards(|world, done| {
        assert_eq!(done.results.outputs["removed"], 2);
        assert_eq!(fs::read_dir(world.root.join("tmp")).unwrap().count(), 0);
    })
}

/// jiti can be told another directory.
fn jiti_cache_of_another_name() -> Scenario {
    Scenario::change("jiti-cache.clear", |world| {
        world.file("cache/plugin-index.0a1b2c3d.mjs", "old");
        json!({ "dir": "cache" })
    })
}

fn jiti_of_programs() -> Scenario {
    Scenario::refusal("jiti-cache.clear", "`index.cjs` in it is not named as jiti names its files", |world| {
        world.file("dist/index.cjs", "mine");
        json!({ "dir": "dist" })
    })
}

fn jiti_with_something_else_in_it() -> Scenario {
    Scenario::refusal("jiti-cache.clear", "`notes.txt` in it is not named", |world| {
        world.file("jiti/plugin-index.0a1b2c3d.cjs", "old");
        world.file("jiti/notes.txt", "mine");
        json!({ "dir": "jiti" })
    })
}

fn jiti_with_a_directory_in_it() -> Scenario {
    Scenario::refusal("jiti-cache.clear", "`deep.cjs` in it is a directory", |world| {
        world.file("jiti/deep.cjs/precious", "mine");
        json!({ "dir": "jiti" })
    })
}

fn jiti_with_a_link_in_it() -> Scenario {
    Scenario::refusal("jiti-cache.clear", "`out.cjs` in it is no regular file", |world| {
        world.file("precious", "stays");
        world.link("jiti/out.cjs", "../precious");
        json!({ "dir": "jiti" })
    })
}

fn jiti_cache_that_is_empty() -> Scenario {
    Scenario::change("jiti-cache.clear", |world| {
        world.dir("jiti");
        json!({ "dir": "jiti" })
    })
    .without_undo()
}

fn jiti_nothing_there() -> Scenario {
    Scenario::nothing_to_do("jiti-cache.clear", |_| json!({ "dir": "not/there/jiti" }))
}

fn jiti_symlink() -> Scenario {
    Scenario::refusal("jiti-cache.clear", "is a symlink", |world| {
        world.file("precious/file", "stays");
        world.link("jiti", "precious");
        json!({ "dir": "jiti" })
    })
}

fn jiti_file() -> Scenario {
    Scenario::refusal("jiti-cache.clear", "is not a directory", |world| {
        world.file("jiti", "");
        json!({ "dir": "jiti" })
    })
}

/// What is in it may change between the look and the removal.
#[test]
fn what_was_moved_is_looked_at_once_more() {
    let world = crate::world();
    world.file("jiti/precious", "mine");
    let (dir, before) = (world.root.join("jiti"), world.tree_without_times());
    let judge = |moved: &std::path::Path| {
        assert!(!dir.exists() && moved.join("precious").exists());
        Err(runbook_model::Failure::refused("no cache"))
    };
    let cleared = world.work(i64::MAX, None, |work| work.host.clear_shared_dir(&dir, &[work.host.own_uid()], &judge));
    assert_eq!(cleared.unwrap_err().message, "no cache");
    assert_eq!(world.tree_without_times(), before);
}

/// Only root can make a directory of another user.
fn jiti_of_another_user() -> Scenario {
    Scenario::refusal("jiti-cache.clear", "1234", |world| {
        let dir = world.dir("jiti");
        match std::os::unix::fs::lchown(&dir, Some(1234), None) {
            Ok(()) => json!({ "dir": "jiti" }),
            Err(_) => json!({ "dir": "jiti", "owner": "no-such-user-1234" }),
        }
    })
}

fn jiti_of_a_named_user() -> Scenario {
    Scenario::change("jiti-cache.clear", |world| {
        let dir = world.dir("jiti");
        let _ = std::os::unix::fs::lchown(&dir, Some(1234), None);
        json!({ "dir": "jiti", "owner": "1234" })
    })
    .without_undo()
}

fn jiti_where_others_may_swap() -> Scenario {
    Scenario::refusal("jiti-cache.clear", "sticky bit", |world| {
        let around = world.dir("open");
        fs::set_permissions(&around, fs::Permissions::from_mode(0o777)).unwrap();
        world.dir("open/jiti");
        json!({ "dir": "open/jiti" })
    })
}

fn jiti_home() -> Scenario {
    Scenario::refusal("jiti-cache.clear", "the home directory", |_| json!({ "dir": "~" }))
}

/// Waits of hours end at once when the operator cancels.
#[test]
fn waits_end_when_they_are_cancelled() {
    const DAYS: [&str; 7] = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"];
    let world = crate::world();
    let today = world.reader().now_ms() / 86_400_000;
    let day = DAYS[usize::try_from((today + 3) % 7).unwrap()];
    world.cancel();
    for (kind, with) in [
        ("wait.soak", json!({ "for": "5h" })),
        ("gate.approve", json!({ "message": "go on?", "within": "5h" })),
        ("gate.window", json!({ "zone": "UTC", "days": [day], "from": "02:00", "to": "05:00", "wait": true })),
    ] {
        let step = world.bind(kind, &with);
        let undo = world.prepare(&*step, None).unwrap();
        let failure = world.work(i64::MAX, None, |work| step.apply(work, &undo)).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Cancelled, "{kind}");
    }
}

/// A pause that a crash cut short is only waited out, not begun again.
#[test]
fn a_soak_waits_only_for_what_is_left() {
    let world = crate::world();
    let step = world.bind("wait.soak", &json!({ "for": "5h" }));
    let undo = json!({ "until_ms": world.reader().now_ms() - 1 });
    world.work(i64::MAX, None, |work| step.apply(work, &undo)).unwrap();
    assert_eq!(step.confirm(&world.reader(), &undo).unwrap(), runbook_step::Confirmation::There);
}
