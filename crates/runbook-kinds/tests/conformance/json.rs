//! Scenarios of `json.edit`. What edits do to texts is tried in the tables and properties of the kind itself.

use conformance::{Scenario, scenarios};
use serde_json::json;
use std::fs;

scenarios![
    edit_json5,
    edit_keeps_mode_and_owner,
    edit_with_nothing_to_do,
    edit_a_missing_file,
    edit_a_symlink,
    edit_a_directory,
    edit_a_pipe,
    edit_what_is_not_json,
    edit_what_is_not_text,
];

fn edit_json5() -> Scenario {
    Scenario::change("json.edit", |world| {
        world.file("openclaw.json", "// ours\n{\n  channels: { slack: { enabled: false, }, }, // more to come\n}\n");
        json!({ "path": "openclaw.json", "set": { "/channels/slack/enabled": true, "/gateway/port": 18789 } })
    })
    .afterwards(|world, done| {
        assert_eq!(done.results.outputs["path"], *world.root.join("openclaw.json").to_string_lossy());
        assert_eq!(
            fs::read_to_string(world.root.join("openclaw.json")).unwrap(),
            "// ours\n{\n  channels: { slack: { enabled: true, }, }, // more to come\n  \"gateway\": {\n    \"port\": \
             18789,\n  },\n}\n"
        );
    })
}

fn edit_keeps_mode_and_owner() -> Scenario {
    Scenario::change("json.edit", |world| {
        let path = world.file_with_mode("config.json", "{\"a\": 1, \"b\": 2}", 0o600);
        let _ = std::os::unix::fs::lchown(&path, Some(1234), Some(4321));
        json!({ "path": "config.json", "remove": ["/a"] })
    })
    .afterwards(|world, _| {
        use std::os::unix::fs::MetadataExt;
        let found = fs::metadata(world.root.join("config.json")).unwrap();
        assert_eq!(found.mode() & 0o7777, 0o600);
        assert!(found.uid() == 1234 || fs::metadata(&world.root).unwrap().uid() != 0);
    })
}

fn edit_with_nothing_to_do() -> Scenario {
    Scenario::nothing_to_do("json.edit", |world| {
        world.file("config.json", "{ 'a': 0x10, }");
        json!({ "path": "config.json", "set": { "/a": 16 }, "remove": ["/b"] })
    })
    .afterwards(|_, done| assert_eq!(done.results.outputs["changed"], false))
}

fn edit_a_missing_file() -> Scenario {
    Scenario::refusal("json.edit", "is not there to be edited", |_| json!({ "path": "no.json", "set": { "/a": 1 } }))
}

fn edit_a_symlink() -> Scenario {
    Scenario::refusal("json.edit", "is a symlink to real.json", |world| {
        world.file("real.json", "{}");
        world.link("config.json", "real.json");
        json!({ "path": "config.json", "set": { "/a": 1 } })
    })
}

fn edit_a_directory() -> Scenario {
    Scenario::refusal("json.edit", "directory", |world| {
        world.dir("config.json");
        json!({ "path": "config.json", "set": { "/a": 1 } })
    })
}

fn edit_what_is_not_json() -> Scenario {
    Scenario::refusal("json.edit", "on line 1 column", |world| {
        world.file("config.json", "{ a: ");
        json!({ "path": "config.json", "set": { "/a": 1 } })
    })
}

fn edit_what_is_not_text() -> Scenario {
    Scenario::refusal("json.edit", "is not UTF-8", |world| {
        world.file("config.json", [b'{', 0xff, b'}']);
        json!({ "path": "config.json", "set": { "/a": 1 } })
    })
}

/// A pipe that nobody writes to must not make the probe wait for ever.
fn edit_a_pipe() -> Scenario {
    Scenario::refusal("json.edit", "is a FIFO", |world| {
        let made = std::process::Command::new("mkfifo").arg(world.root.join("config.json")).status().unwrap();
        assert!(made.success());
        json!({ "path": "config.json", "set": { "/a": 1 } })
    })
}
