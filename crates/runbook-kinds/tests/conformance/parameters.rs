//! Parameters that cannot mean anything are found before a host is touched, each with its code and a help.

use conformance::Given;
use runbook_kinds::KINDS;
use runbook_model::Code;
use serde_json::{Value as Json, json};

/// Each row: the kind, its parameters, the code, and a part of what is said.
#[test]
fn nonsense_is_found() {
    let rows = [
        ("file.copy", json!({ "from": "a", "path": "./a" }), Code::WRONG_PARAMETER, "another file than `from`"),
        ("file.copy", json!({ "from": "a" }), Code::MISSING_PARAMETER, "`path`"),
        ("file.directory", json!({ "path": "a", "mode": 755 }), Code::WRONG_PARAMETER, "quoted octal"),
        ("file.template", json!({ "from": "a", "path": "b", "values": ["c"] }), Code::WRONG_PARAMETER, "must be a map"),
        ("file.remove", json!({ "path": "" }), Code::WRONG_PARAMETER, "not nothing"),
        ("json.edit", json!({ "path": "a" }), Code::MISSING_PARAMETER, "nothing to edit"),
        ("json.edit", json!({ "path": "a", "set": { "a": 1 } }), Code::BAD_POINTER, "must start with `/`"),
        ("json.edit", json!({ "path": "a", "remove": ["/a~"] }), Code::BAD_POINTER, "followed by"),
        ("json.edit", json!({ "path": "a", "remove": "/a" }), Code::WRONG_PARAMETER, "a list of JSON Pointers"),
        (
            "json.edit",
            json!({ "path": "a", "set": { "/a": {}, "/a/b": 1 } }),
            Code::CONFLICTING_PARAMETERS,
            "one inside the other",
        ),
        (
            "json.edit",
            json!({ "path": "a", "set": { "/a": 1 }, "remove": ["/a"] }),
            Code::CONFLICTING_PARAMETERS,
            "the same value",
        ),
        ("command.capture", json!({ "run": ["a"], "codes": [256] }), Code::WRONG_PARAMETER, "from 0 to 255"),
        ("command.capture", json!({ "run": ["a"], "codes": [] }), Code::WRONG_PARAMETER, "exit codes"),
        ("command.capture", json!({ "run": [] }), Code::WRONG_PARAMETER, "argument vector"),
        ("artifact.deploy", json!({ "from": "a", "to": "a/b" }), Code::WRONG_PARAMETER, "neither inside the other"),
        (
            "artifact.deploy",
            json!({ "from": "a", "to": "b", "digest": "sha256:00" }),
            Code::WRONG_PARAMETER,
            "64 hexadecimal digits",
        ),
        ("backup.create", json!({ "paths": [] }), Code::WRONG_PARAMETER, "at least one path"),
        (
            "backup.create",
            json!({ "paths": [{ "path": "a", "restore": "alway" }] }),
            Code::WRONG_PARAMETER,
            "if-needed",
        ),
        ("backup.create", json!({ "paths": [{ "restore": "always" }] }), Code::WRONG_PARAMETER, "{ path:"),
        ("backup.create", json!({ "paths": [{ "path": "a", "restor": "x" }] }), Code::UNKNOWN_PARAMETER, "`restore`"),
        ("backup.create", json!({ "paths": "a", "capture": { "../x": ["a"] } }), Code::WRONG_PARAMETER, "whose names"),
        (
            "backup.create",
            json!({ "paths": "a", "capture": { "x": "ls -l" } }),
            Code::WRONG_PARAMETER,
            "argument vectors",
        ),
        ("backup.create", json!({ "paths": "a", "capture": { "x": [] } }), Code::WRONG_PARAMETER, "program first"),
        ("wait.soak", json!({ "for": 90 }), Code::WRONG_PARAMETER, "90s"),
        ("wait.soak", json!({}), Code::MISSING_PARAMETER, "`for`"),
        ("gate.window", json!({}), Code::MISSING_PARAMETER, "no window"),
        ("gate.window", json!({ "from": "02:00", "to": "05:00" }), Code::MISSING_PARAMETER, "`zone`"),
        ("gate.window", json!({ "zone": "UTC", "from": "2:00", "to": "05:00" }), Code::BAD_WINDOW, "02:00"),
        ("gate.window", json!({ "zone": "UTC", "from": "02:00", "to": "24:00" }), Code::BAD_WINDOW, "`to`"),
        ("gate.window", json!({ "zone": "Mars/Base", "from": "02:00", "to": "05:00" }), Code::BAD_WINDOW, "Mars/Base"),
        (
            "gate.window",
            json!({ "zone": "UTC", "days": ["sunday"], "from": "02:00", "to": "05:00" }),
            Code::BAD_WINDOW,
            "`sunday`",
        ),
        ("gate.approve", json!({ "message": "a\nb" }), Code::WRONG_PARAMETER, "one line"),
        ("jiti-cache.clear", json!({ "directory": "/tmp/jiti" }), Code::UNKNOWN_PARAMETER, "it takes dir"),
    ];
    for (kind, with, code, said) in rows {
        let found = Given::to(KINDS, kind, &with).faults();
        let is_said = found.iter().any(|fault| fault.code == code && format!("{fault:?}").contains(said));
        assert!(is_said, "{kind} {with}: {found:#?}");
    }
}

/// What a step declares, as the schedule sees it.
fn declared(kind: &str, with: &Json) -> Vec<String> {
    let declaration = Given::to(KINDS, kind, with).declared();
    declaration.effects.iter().map(|effect| format!("{:?} {}", effect.access, effect.resource)).collect()
}

#[test]
fn effects_are_declared_as_far_as_they_are_known() {
    let unknown = "a path that is known only when the plan runs";
    assert_eq!(
        declared("file.link", &json!({ "path": "app/current", "to": "../releases/2" })),
        ["Write /plan/app/current", "Read /plan/releases/2"]
    );
    assert_eq!(
        declared("file.link", &json!({ "path": "app/current", "to": "{{ steps.a.b }}" })),
        ["Write /plan/app/current".to_owned(), format!("Read {unknown}")]
    );
    assert_eq!(
        declared("backup.create", &json!({ "paths": ["{{ steps.a.b }}", { "path": "~/x", "restore": "never" }] })),
        [format!("Read {unknown}"), "Read /home/ops/x".to_owned()]
    );
    assert_eq!(declared("file.copy", &json!({ "from": "a", "path": "/b" })), ["Read /plan/a", "Write /b"]);
    assert_eq!(declared("command.capture", &json!({ "run": ["a"] })), ["Read everything"]);
    assert_eq!(declared("wait.soak", &json!({ "for": "1s" })), Vec::<String>::new());
}
