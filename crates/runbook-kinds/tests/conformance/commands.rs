//! Scenarios of `command.*`.

use conformance::{Scenario, scenarios};
use serde_json::json;

scenarios![
    run_with_creates,
    run_covered_by_a_backup,
    run_that_created_already,
    capture_text,
    capture_json,
    capture_what_is_not_json,
    capture_another_code,
    capture_a_failure,
    capture_a_missing_program,
];

fn run_with_creates() -> Scenario {
    Scenario::change("command.run", |_| {
        json!({
            "run": ["touch", "made"], "creates": "made",
            "effects": { "writes": [{ "path": "made" }] }, "undo": { "run": ["rm", "-f", "made"] },
        })
    })
}

fn run_covered_by_a_backup() -> Scenario {
    Scenario::unpredictable("command.run", |world| {
        world.file("app/version", "1.0.0\n");
        world.back_up(&["app"]);
        json!({
            "run": ["sh", "-c", "echo 1.1.0 > app/version; mkdir -p app/new"],
            "effects": { "writes": [{ "path": "app" }] },
        })
    })
}

fn run_that_created_already() -> Scenario {
    Scenario::nothing_to_do("command.run", |world| {
        world.file("made", "");
        json!({ "run": ["true"], "creates": "made", "undo": { "run": ["true"] } })
    })
}

fn capture_text() -> Scenario {
    Scenario::unpredictable("command.capture", |world| {
        world.file("dir/version", "1.0.0\n\n");
        json!({ "run": ["sh", "-c", "cat version; echo \"$WHO\" >&2"], "cwd": "dir", "env": { "WHO": "ops" } })
    })
    .afterwards(|_, done| {
        assert_eq!(done.results.outputs["stdout"], "1.0.0");
        assert_eq!(done.results.outputs["stderr"], "ops");
        assert_eq!(done.results.outputs["code"], 0);
        assert!(done.results.outputs["json"].is_null());
        assert!(done.summary.ends_with(": \"1.0.0\""), "{}", done.summary);
    })
}

fn capture_json() -> Scenario {
    Scenario::unpredictable(
        "command.capture",
        |_| json!({ "run": ["echo", "{\"plugins\": [\"slack\"]}"], "json": true }),
    )
    .afterwards(|_, done| assert_eq!(done.results.outputs["json"]["plugins"][0], "slack"))
}

fn capture_what_is_not_json() -> Scenario {
    Scenario::refusal("command.capture", "did not write JSON", |_| json!({ "run": ["echo", "{"], "json": true }))
}

fn capture_another_code() -> Scenario {
    Scenario::unpredictable("command.capture", |_| json!({ "run": ["sh", "-c", "exit 3"], "codes": [0, 3] }))
        .afterwards(|_, done| {
            assert_eq!(done.results.outputs["code"], 3);
            assert!(done.summary.ends_with("ended with exit code 3"), "{}", done.summary);
        })
}

fn capture_a_failure() -> Scenario {
    Scenario::refusal(
        "command.capture",
        "no such plugin",
        |_| json!({ "run": ["sh", "-c", "echo no such plugin >&2; exit 1"] }),
    )
}

fn capture_a_missing_program() -> Scenario {
    Scenario::refusal("command.capture", "is not on this host", |_| json!({ "run": ["no-such-program-anywhere"] }))
}
