//! External kinds that misbehave, each a real program: what the author of the plan or the operator is told.
#![expect(clippy::unwrap_used, reason = "a test that cannot set its stage fails")]

use runbook_host::Reader;
use runbook_model::{
    Declaration, Diagnostic, Diagnostics, Effect, FailureKind, Later, Node, Prediction, Resource, Span, Value,
};
use runbook_step::{ArgContext, Args, Catalogue, Kind, KindDoc, Step, check_parameters, wrong};
use serde_json::{Value as Json, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const CAPABILITIES: &str = r#"{"protocol": 1, "name": "x", "summary": "X", "purpose": "principal", "undo": "own",
    "probe": "read-only", "parameters": [
        {"name": "path", "type": "path", "required": true, "help": "A path"},
        {"name": "port", "type": "port", "help": "A port"},
        {"name": "token", "type": "env", "help": "Secrets"}],
    "effects": {"writes": [{"path": "{{ path }}/x"}, {"port": "{{ port }}"}]}}"#;

/// A directory with the program `runbook-step-x`, a shell script.
fn program(script: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("runbook-step-x");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

/// The one built-in kind here: it is there to be found, and does nothing.
struct Near;

static TABLE: [&dyn Kind; 1] = [&Near];
static NEAR: KindDoc = KindDoc { name: "file.write", summary: "", text: "", params: &[], outputs: &[], example: "" };

impl Kind for Near {
    fn doc(&self) -> &KindDoc {
        &NEAR
    }

    fn declare(&self, _: &Args<'_>) -> Declaration {
        Declaration::inspection()
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        Err(wrong("uses", args.step_span, "a kind that does something"))
    }
}

fn catalogue(dir: &Path) -> Catalogue {
    Catalogue::of(&[&TABLE]).searching(dir.to_string_lossy())
}

fn context() -> ArgContext {
    ArgContext::new("/base", "/home")
}

/// A program that answers `capabilities` well and everything else with `script`.
fn answering(script: &str) -> tempfile::TempDir {
    program(&format!("if [ \"$1\" = capabilities ]; then cat <<'END'\n{CAPABILITIES}\nEND\nexit; fi\n{script}"))
}

fn bound(dir: &Path) -> Box<dyn Step> {
    let catalogue = catalogue(dir);
    let kind = catalogue.look_up("x", Span::default()).unwrap();
    let node = Node::from_json(Span::default(), &json!({ "path": "/srv/a", "token": { "T": "s3cret" } }));
    let context = context();
    let args = Args { doc: kind.doc(), node: &node, context: &context, step_span: Span::default() };
    let mut found = Diagnostics::default();
    assert!(check_parameters(&args, &mut found), "{found:?}");
    kind.bind(&args).unwrap()
}

#[test]
fn a_program_that_is_no_kind_is_told_about_where_the_plan_names_it() {
    let large = "head -c 3000000 /dev/zero | tr '\\0' ' '";
    for (script, message) in [
        ("echo hello", "is not JSON: expected value at line 1 column 1: it begins with: hello\\n"),
        ("true", "it wrote nothing"),
        ("echo '[1]'", "is JSON, but not an object"),
        ("echo broken >&2; exit 3", "ended with exit code 3: broken"),
        ("kill -9 $$", "killed by signal 9"),
        ("echo '{\"protocol\": 7}'", "it speaks protocol 7, and this runbook speaks 1"),
        ("echo '{\"protocol\": 1}'", "missing field `name`"),
        ("echo '{\"failure\": {\"message\": \"no licence\", \"hint\": \"buy one\"}}'", "no licence"),
        (large, "is larger than 1024 KiB"),
    ] {
        let dir = program(script);
        let fault = catalogue(dir.path()).look_up("x", Span::default()).err().unwrap();
        assert_eq!(fault.code.as_str(), "RB0307", "{fault:?}");
        assert!(fault.message.contains(message), "{script}: {}", fault.message);
        assert!(fault.help.is_some());
        assert!(catalogue(dir.path()).get("x").is_none());
    }
}

/// What was declared once is what the kind is, for every process that goes on with a run: the program may have gone, or say something else.
#[test]
fn what_a_kind_declared_is_not_asked_again() {
    let dir = answering("exit 9");
    let first = catalogue(dir.path());
    first.look_up("x", Span::default()).unwrap();
    let declared = first.declared(["x", "file.write", "unknown"]);
    assert_eq!(declared.keys().collect::<Vec<_>>(), ["x"]);
    let saved = serde_json::to_string(&declared).unwrap();
    fs::remove_file(dir.path().join("runbook-step-x")).unwrap();
    let later = catalogue(dir.path()).knowing(&serde_json::from_str(&saved).unwrap());
    assert_eq!(later.look_up("x", Span::default()).unwrap().doc().params.len(), 3);
    assert_eq!(later.declared(["x"]), declared);
    // What is known already stays.
    assert_eq!(later.knowing(&Default::default()).declared(["x"]), declared);
    assert!(catalogue(dir.path()).look_up("x", Span::default()).is_err());
}

#[test]
fn a_program_that_is_not_there_is_named_unless_something_is_near() {
    let dir = tempfile::tempdir().unwrap();
    let fault = |name: &str| catalogue(dir.path()).look_up(name, Span::default()).err().unwrap();
    let absent = fault("file.wrte");
    assert_eq!(absent.code.as_str(), "RB0114");
    let help = absent.help.unwrap();
    assert!(help.contains("did you mean `file.write`?"), "{help}");
    assert!(!help.contains("runbook-step-"), "{help}");
    let help = fault("elsewhere").help.unwrap();
    assert!(help.contains("`runbook-step-elsewhere`"), "{help}");
    for name in ["", "../x", "a/b", "-x", "a b"] {
        assert_eq!(fault(name).code.as_str(), "RB0114", "{name:?}");
    }
}

#[test]
fn a_program_is_asked_once_for_what_it_can_do() {
    let dir = answering("");
    let script = fs::read_to_string(dir.path().join("runbook-step-x")).unwrap();
    let counting = script.replacen("#!/bin/sh\n", "#!/bin/sh\necho \"$1\" >> \"${0%/*}/calls\"\n", 1);
    fs::write(dir.path().join("runbook-step-x"), counting).unwrap();
    let catalogue = catalogue(dir.path());
    for _ in 0..3 {
        assert!(catalogue.get("x").is_some());
    }
    assert_eq!(fs::read_to_string(dir.path().join("calls")).unwrap(), "capabilities\n");
}

#[test]
fn effects_follow_from_the_parameters() {
    let dir = answering("");
    let catalogue = catalogue(dir.path());
    let kind = catalogue.get("x").unwrap();
    let context = context();
    let declared = |node: &Node| -> Declaration {
        kind.declare(&Args { doc: kind.doc(), node, context: &context, step_span: Span::default() })
    };
    let node = Node::from_json(Span::default(), &json!({ "path": "~/a" }));
    assert_eq!(declared(&node).effects, [Effect::write(Resource::Path("/home/a/x".into()))]);
    let mut later = node.clone();
    if let Value::Map(entries) = &mut later.value {
        let waits = Later { template: "{{ steps.a.b }}".to_owned(), waits_for: Vec::new() };
        entries[0].value.value = Value::Later(waits);
    }
    assert_eq!(declared(&later).effects, [Effect::write(Resource::UnknownPath)]);
    let with_port = Node::from_json(Span::default(), &json!({ "path": "/a", "port": 80 }));
    assert!(declared(&with_port).effects.contains(&Effect::write(Resource::Port(80))));
}

#[test]
fn what_a_program_answers_to_a_probe_is_judged() {
    let reader = Reader::new("/", "/");
    for (script, expected) in [
        ("echo '{\"prediction\": \"no-change\", \"summary\": \"as wanted\"}'", Ok(Prediction::no_change("as wanted"))),
        ("echo '{\"prediction\": \"maybe\"}'", Err("`prediction` = `maybe`")),
        ("echo '{\"failure\": \"no\"}'", Err("no")),
        ("echo why >&2; exit 1", Err("ended with exit code 1")),
    ] {
        let dir = answering(script);
        match (bound(dir.path()).probe(&reader), expected) {
            (Ok(probe), Ok(prediction)) => assert_eq!(probe.prediction, prediction),
            (Err(failure), Err(message)) => assert!(failure.message.contains(message), "{failure:?}"),
            (other, _) => panic!("{script}: {other:?}"),
        }
    }
}

#[test]
fn a_failure_keeps_its_kind_and_its_hint() {
    let dir = answering(r#"echo '{"failure": {"message": "m", "hint": "h", "detail": "d", "kind": "missing"}}'"#);
    let failure = bound(dir.path()).probe(&Reader::new("/", "/")).unwrap_err();
    assert_eq!((failure.kind, failure.hint.as_deref(), &*failure.detail), (FailureKind::Missing, Some("h"), "d"));
}

#[test]
fn a_program_that_does_not_promise_to_read_is_not_probed() {
    let dir = answering("touch \"${0%/*}/probed\"; echo '{}'");
    let path = dir.path().join("runbook-step-x");
    let script = fs::read_to_string(&path).unwrap().replace("\"probe\": \"read-only\",", "");
    fs::write(&path, script).unwrap();
    let probe = bound(dir.path()).probe(&Reader::new("/", "/")).unwrap();
    assert!(matches!(probe.prediction, Prediction::CannotPredict { .. }), "{probe:?}");
    assert!(!dir.path().join("probed").exists());
}

#[test]
fn secrets_come_on_standard_input_alone_and_paths_are_absolute() {
    let dir = answering("cat > \"${0%/*}/message\"; env > \"${0%/*}/env\"; echo \"$*\" > \"${0%/*}/args\"; echo '{}'");
    bound(dir.path()).probe(&Reader::new("/", "/")).unwrap_err();
    let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
    let message: Json = serde_json::from_str(&read("message")).unwrap();
    assert_eq!(message["parameters"], json!({ "path": "/srv/a", "token": { "T": "s3cret" } }));
    assert_eq!(
        (&message["protocol"], &message["call"], &message["dry_run"]),
        (&json!(1), &json!("probe"), &json!(true))
    );
    assert_eq!(read("args"), "probe\n");
    assert!(!read("env").contains("s3cret"));
}
