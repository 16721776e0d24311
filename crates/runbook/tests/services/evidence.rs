//! Verification, inspection and orphans with a real service: the demo gateway in its three releases.

use crate::support::{Scratch, demo_gateway, free_port, script, until};
use runbook_model::{FailureKind, Resource, SignalVerdict, UndoPhase};
use serde_json::{Value as Json, json};
use std::process::{Command, Stdio};

/// A scratch with a gateway of release `version` that listens on `listen`.
fn gateway(version: &str, listen: &str) -> (Scratch, u16) {
    let mut scratch = Scratch::new();
    scratch.services = vec![Resource::Process("gateway".to_owned())];
    install(&scratch, version);
    let port = free_port();
    scratch.step("process.start", start(&scratch, listen, port)).applied();
    (scratch, port)
}

fn install(scratch: &Scratch, version: &str) {
    let _ = std::fs::remove_dir_all(scratch.path("app"));
    let made = Command::new(demo_gateway()).args(["make-release", version]).arg(scratch.path("app")).status();
    assert!(made.unwrap().success());
}

fn start(scratch: &Scratch, listen: &str, port: u16) -> Json {
    json!({
        "name": "gateway",
        "run": [demo_gateway(), "serve", "--app", scratch.path("app"), "--state", scratch.path("data"),
                "--listen", listen, "--port", port.to_string()],
        "log": "demo.log",
        "ready_port": port,
    })
}

fn signals(port: u16) -> Json {
    json!({
        "health": { "http": format!("http://127.0.0.1:{port}/healthz"), "role": "confirming" },
        "port": { "port": port },
        "process": { "process": "gateway" },
        "chat": { "log": "[chat] connected", "kind": "functional" },
        "missing": { "log_absent": "Cannot find package", "kind": "negative" },
        "reply": { "http": format!("http://127.0.0.1:{port}/message"), "body": "ping", "match": "heard: ping",
                   "kind": "functional", "max_latency": "2s" },
    })
}

#[test]
fn the_good_release_passes_and_the_broken_one_shows_where() {
    let (scratch, port) = gateway("1.0.0", "127.0.0.1");
    let with = json!({ "within": "5s", "watch": "300ms", "signals": signals(port) });
    let mut verify = scratch.step("verify.signals", with.clone());
    let done = verify.apply().unwrap();
    assert_eq!(done.summary, "5 of 5 blocking signals are green");
    let log = std::fs::read_to_string(scratch.path("demo.log")).unwrap();
    let line = 1 + log.lines().position(|line| line.contains("[chat]\u{1b}[0m connected")).unwrap();
    assert_eq!(verify.row("chat").place, Some(format!("{}:{line}", scratch.path("demo.log").display())));
    install(&scratch, "1.1.0");
    scratch.step("process.restart", json!({ "name": "gateway", "watch": ["app"] })).applied();
    let with = json!({ "within": "1s", "watch": "300ms", "signals": signals(port) });
    let mut verify = scratch.step("verify.signals", with);
    let failure = verify.apply().unwrap_err();
    assert_eq!(failure.kind, FailureKind::Failed);
    assert_eq!(failure.message, "1 of 5 blocking signals is red: `missing`; not green yet: `chat`, `reply`");
    assert_eq!(verify.row("health").verdict, SignalVerdict::Green);
    assert_eq!(verify.row("chat").read, "no such line", "the line of the old release does not count");
    let missing = verify.row("missing");
    assert!(missing.read.contains("Cannot find package 'demo-host' imported from"), "{missing:?}");
    let log = std::fs::read_to_string(scratch.path("demo.log")).unwrap();
    let place: usize = missing.place.unwrap().rsplit_once("demo.log:").unwrap().1.parse().unwrap();
    assert!(log.lines().nth(place - 1).unwrap().contains("[chat]") || log.contains("[mail]"));
    assert!(log.lines().nth(place - 1).unwrap().contains("Cannot find package"));
    install(&scratch, "1.2.0");
    scratch.step("process.restart", json!({ "name": "gateway", "watch": ["app"] })).applied();
    let with = json!({ "within": "5s", "watch": "300ms", "signals": signals(port) });
    scratch.step("verify.signals", with).apply().expect("old errors before the mark are not seen");
}

#[test]
fn a_port_counts_on_ipv6_alone_and_not_when_another_process_holds_it() {
    let (scratch, port) = gateway("1.0.0", "::1");
    let with = json!({ "within": "2s", "signals": { "port": { "port": port } } });
    scratch.step("verify.signals", with.clone()).apply().expect("an IPv6 listener of the service");
    // Another process holds the same port of the other family: clients may reach either.
    let _other = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let mut verify = scratch.step("verify.signals", with);
    verify.apply().unwrap_err();
    let read = verify.row("port").read;
    assert!(read.contains("127.0.0.1 is owned by") && read.contains(&std::process::id().to_string()), "{read}");
}

#[test]
fn every_line_since_the_position_is_read_across_rotation() {
    let scratch = Scratch::new();
    let log = scratch.path("app.log");
    std::fs::write(&log, "old failure\n").unwrap();
    let with = json!({
        "within": "2s", "log": "app.log",
        "signals": {
            "first": { "log": "first line" },
            "second": { "log": { "text": "second", "count": 2 } },
            "failure": { "log_absent": "failure", "kind": "negative", "watch": "100ms" },
        }
    });
    let mut verify = scratch.step("verify.signals", with.clone());
    assert!(verify.take_baseline().iter().all(|row| row.verdict == SignalVerdict::Unread));
    append(&log, "\u{1b}[32mfirst\u{1b}[0m line\nsecond");
    std::fs::rename(&log, scratch.path("app.log.1")).unwrap();
    append(&scratch.path("app.log.1"), " half\n");
    append(&log, "second again\n");
    verify.apply().expect("both files are read");
    let at = |line: u32| format!("{}:{line}", scratch.path("app.log.1").display());
    assert_eq!(verify.row("first").place, Some(at(2)));
    append(&scratch.path("app.log.1"), "late failure\n");
    let failure = verify.apply().unwrap_err();
    assert_eq!(failure.message, "1 of 3 blocking signals is red: `failure`");
    assert_eq!(verify.row("failure").place, Some(at(4)));
}

fn append(path: &std::path::Path, text: &str) {
    use std::io::Write;
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn a_truncated_log_proves_no_absence() {
    let scratch = Scratch::new();
    std::fs::write(scratch.path("app.log"), "one\ntwo\n").unwrap();
    let signals = json!({ "failure": { "log_absent": "failure", "kind": "negative", "watch": "10ms" } });
    let with = json!({ "within": "2s", "log": "app.log", "signals": signals });
    let mut verify = scratch.step("verify.signals", with.clone());
    assert_eq!(verify.apply().unwrap_err().kind, FailureKind::Inconclusive, "without a baseline nothing is known");
    verify.take_baseline();
    verify.apply().unwrap();
    std::fs::write(scratch.path("app.log"), "new\n").unwrap();
    let failure = verify.apply().unwrap_err();
    assert_eq!(failure.kind, FailureKind::Inconclusive);
    assert!(failure.detail.contains("was truncated"), "{failure:?}");
}

#[test]
fn commands_are_judged_by_code_text_and_time() {
    let scratch = Scratch::new();
    script(&scratch.path("reply"), "echo \"model: haiku\"; exit ${1:-0}\n");
    script(&scratch.path("slow"), "exec sleep 1000\n");
    for (signal, green, read) in [
        (json!({ "command": ["./reply"], "match": "haiku" }), true, "model: haiku"),
        (json!({ "command": ["./reply"], "match_absent": "haiku" }), false, "model: haiku"),
        (json!({ "command": ["./reply", "3"] }), false, "exit code 3"),
        (json!({ "command": ["./reply", "3"], "exit": 3 }), true, "exit code 3"),
        (json!({ "command": ["./slow"], "max_latency": "100ms" }), false, "no end within 100ms"),
    ] {
        let mut signal = signal;
        signal["command"][0] = json!(scratch.path(signal["command"][0].as_str().unwrap()));
        let with = json!({ "within": "300ms", "signals": { "one": signal } });
        let mut verify = scratch.step("verify.signals", with);
        assert_eq!(verify.apply().is_ok(), green, "{read}");
        assert!(verify.row("one").read.contains(read), "{:?}", verify.row("one"));
    }
    let with = json!({ "within": "100ms", "signals": { "one": { "command": ["no-such-program-anywhere"] } } });
    assert_eq!(scratch.step("verify.signals", with).apply().unwrap_err().kind, FailureKind::Inconclusive);
}

#[test]
fn what_was_left_out_of_an_output_proves_nothing() {
    let scratch = Scratch::new();
    let long =
        "head -c 2000000 /dev/zero | tr '\\0' x; printf '%s' \"$1\"; head -c 2000000 /dev/zero | tr '\\0' x; echo end";
    script(&scratch.path("long"), long);
    for (signal, kind) in [
        (json!({ "match_absent": "ERROR" }), Some(FailureKind::Inconclusive)),
        (json!({ "match": "ERROR" }), Some(FailureKind::Inconclusive)),
        (json!({ "match": "end", "match_absent": "ERROR" }), Some(FailureKind::Inconclusive)),
        (json!({ "match_absent": "end" }), Some(FailureKind::Failed)),
        (json!({ "match": "end" }), None),
        (json!({}), None),
    ] {
        let mut signal = signal;
        signal["command"] = json!([scratch.path("long"), "ERROR"]);
        let with = json!({ "within": "500ms", "signals": { "one": signal } });
        let found = scratch.step("verify.signals", with).apply();
        assert_eq!(found.err().map(|failure| failure.kind), kind, "{signal}");
    }
}

#[test]
fn a_log_that_nobody_writes_lacks_every_error_and_proves_nothing() {
    let scratch = Scratch::new();
    let log = scratch.path("mistyped.log");
    let signals = json!({ "bad": { "log_absent": "ERROR", "watch": "50ms", "kind": "negative" } });
    let with = json!({ "within": "100ms", "log": log, "signals": signals });
    let mut verify = scratch.step("verify.signals", with);
    verify.take_baseline();
    assert_eq!(verify.apply().unwrap_err().kind, FailureKind::Inconclusive);
    assert!(verify.row("bad").read.contains("there is no"), "{:?}", verify.row("bad"));
    std::fs::write(&log, "fine\n").unwrap();
    verify.apply().unwrap();
}

#[test]
fn a_signal_that_comes_after_its_own_time_is_not_green() {
    let scratch = Scratch::new();
    let late = "test -e seen && exec true; touch seen; exit 1";
    let soon = json!({ "command": ["sh", "-c", late], "within": "1ms" });
    let never = json!({ "command": ["no-such-program-anywhere"] });
    let with = json!({ "within": "2s", "signals": { "soon": soon, "never": never } });
    let failure = scratch.step("verify.signals", with).apply().unwrap_err();
    assert_eq!(failure.kind, FailureKind::Failed, "{failure:?}");
    assert!(failure.message.contains("`soon`"), "{failure:?}");
}

/// Each of these would pass, or satisfy a rule, and say nothing about the service.
#[test]
fn signals_that_prove_nothing_are_refused() {
    let scratch = Scratch::new();
    for (signals, why) in [
        (json!({ "a": { "log": " " } }), "one line of text"),
        (json!({ "a": { "log_absent": "", "kind": "negative", "watch": "1s" } }), "one line of text"),
        (json!({ "a": { "command": ["true"], "match": "" } }), "empty `match`"),
        (json!({ "a": { "command": ["true"], "match_absent": "  " } }), "empty `match_absent`"),
        (json!({ "a": { "port": 80, "kind": "functional" } }), "cannot be functional with the source `port`"),
        (json!({ "a": { "process": "p", "kind": "functional" } }), "cannot be functional"),
        (json!({ "a": { "unit": "u", "kind": "negative" } }), "cannot be negative with the source `unit`"),
        (json!({ "a": { "log": "ready", "kind": "negative" } }), "cannot be negative with the source `log`"),
        (json!({ "a": { "log_absent": "x", "kind": "functional", "watch": "1s" } }), "cannot be functional"),
        (json!({ "a": { "log_absent": "x", "kind": "negative", "watch": "0s" } }), "watch"),
        (json!({ "a": { "log_absent": "x", "kind": "negative", "watch": "9s" } }), "`watch` of signal `a` is longer"),
        (json!({ "a": { "command": ["true"], "within": "0s" } }), "within"),
        (json!({ "a": { "command": ["true"], "within": "6s" } }), "longer than that of the step"),
        (
            json!({ "h": { "http": "http://[::1]:1/" }, "f": { "http": "http://[::1]:1/", "kind": "functional" } }),
            "asks what `h` asks",
        ),
        (
            json!({ "h": { "command": ["x"], "role": "confirming" }, "f": { "command": ["x"], "kind": "functional" } }),
            "asks what `h` asks",
        ),
    ] {
        let with = json!({ "within": "5s", "process": "gateway", "signals": signals });
        let found = scratch.faults("verify.signals", with);
        assert!(found.iter().any(|fault| fault.message.contains(why)), "{signals}: {found:#?}");
    }
    for within in ["0s", "0"] {
        let with = json!({ "within": within, "signals": { "a": { "command": ["true"] } } });
        assert!(!scratch.faults("verify.signals", with).is_empty(), "{within}");
    }
}

/// It takes a minute: a limit of ours would be one.
#[test]
fn a_command_may_take_as_long_as_the_plan_allows() {
    let scratch = Scratch::new();
    let with = json!({ "within": "2m", "signals": { "one": { "command": ["sleep", "61"], "max_latency": "90s" } } });
    scratch.step("verify.signals", with).apply().unwrap();
}

#[test]
fn confirming_signals_never_decide() {
    let scratch = Scratch::new();
    let dead = json!({ "http": format!("http://127.0.0.1:{}/", free_port()), "role": "confirming" });
    let with = json!({ "within": "1s", "signals": { "dead": dead, "true": { "command": ["true"] } } });
    let mut verify = scratch.step("verify.signals", with);
    verify.apply().unwrap();
    assert_eq!(
        (verify.row("dead").verdict, verify.row("dead").read.as_str()),
        (SignalVerdict::Red, "connection refused")
    );
}

#[test]
fn a_process_that_is_replaced_is_not_stable() {
    let scratch = Scratch::new();
    script(&scratch.path("flaps"), "echo up\nsleep 0.2\nexit 1\n");
    let with = json!({ "name": "demo", "run": ["./flaps"], "ready_log": "up", "restart": "always" });
    scratch.step("process.start", with).applied();
    let with = json!({ "within": "1200ms", "watch": "1s", "signals": { "stable": { "process": "demo" } } });
    scratch.step("verify.signals", with).apply().unwrap_err();
}

#[test]
fn faults_of_signals_are_all_reported() {
    let mut scratch = Scratch::new();
    for (signal, wanted) in [
        (json!({}), "signal `one` has no source"),
        (json!({ "port": 1, "http": "http://x" }), "signal `one` has two sources"),
        (json!({ "http": "https://x" }), "needs a URL that starts with `http://`"),
        (json!({ "command": [] }), "needs an argument vector"),
        (json!({ "command": ["x"], "kind": "funktional" }), "has the kind `funktional`"),
        (json!({ "command": ["x"], "role": "optional" }), "has the role `optional`"),
        (json!({ "command": ["x"], "mach": "y" }), "has no `mach`"),
        (json!({ "command": ["x"], "max_latency": 3 }), "has a wrong `max_latency`"),
        (json!({ "command": ["x"], "watch": "2m" }), "is longer than `within`"),
        (json!({ "command": ["x"], "role": "advisory" }), "no signal is blocking"),
        (json!({ "log": "x" }), "does not say which log"),
        (json!({ "log_absent": "x", "kind": "negative", "watch": "1s" }), "does not say which log"),
        (json!({ "port": 0 }), "has a wrong `port`"),
        (json!({ "unit": "../x" }), "needs the name of a unit"),
    ] {
        let with = json!({ "signals": { "one": signal.clone() } });
        let faults = scratch.faults("verify.signals", with);
        assert!(faults.iter().any(|fault| fault.message.contains(wanted)), "{signal}: {faults:#?}");
    }
    scratch.services = ["one", "two"].map(|name| Resource::Process(name.to_owned())).to_vec();
    let faults = scratch.faults("verify.signals", json!({ "signals": { "port": { "port": 1 } } }));
    assert!(faults[0].message.contains("does not say which service the port belongs to"), "{faults:#?}");
    scratch.services = vec![Resource::Process("demo".to_owned())];
    let faults = scratch.faults(
        "verify.signals",
        json!({ "watch": "2m", "signals": { "a": {}, "b": { "port": 70000 }, "c": { "log_absent": "x" } } }),
    );
    assert_eq!(faults.len(), 4, "{faults:#?}");
    assert!(scratch.faults("verify.signals", json!({ "signals": {} }))[0].message.contains("at least one signal"));
}

#[test]
fn an_inspection_finds_the_installation_that_runs() {
    let (scratch, port) = gateway("1.0.0", "127.0.0.1");
    let with = json!({ "manager": "process", "name": "gateway" });
    let outputs = scratch.step("service.inspect", with.clone()).probe().results.outputs;
    assert_eq!(outputs["package_root"], json!(scratch.path("app").canonicalize().unwrap()));
    assert_eq!(
        (&outputs["version"], &outputs["running"], &outputs["pid"]),
        (&json!("1.0.0"), &json!(true), &json!(scratch.pid("gateway")))
    );
    assert!(outputs["argv"].as_array().unwrap().contains(&json!(port.to_string())));
    scratch.step("process.stop", json!({ "name": "gateway" })).applied();
    let outputs = scratch.step("service.inspect", with).probe().results.outputs;
    assert_eq!(
        (&outputs["version"], &outputs["running"], &outputs["pid"]),
        (&json!("1.0.0"), &json!(false), &Json::Null)
    );
    for (with, wanted) in [
        (json!({ "manager": "launchd", "name": "x" }), "needs the parameter `job`"),
        (json!({ "manager": "systemd", "name": "x" }), "needs the parameter `unit`"),
        (json!({ "manager": "process", "unit": "x" }), "needs the parameter `name`"),
        (json!({ "manager": "process", "name": "x", "user": true }), "`user` means nothing"),
        (json!({ "manager": "systemd", "unit": "../x" }), "the name of a unit"),
    ] {
        let faults = scratch.faults("service.inspect", with.clone());
        assert!(faults[0].message.contains(wanted), "{with}: {faults:#?}");
    }
}

#[test]
fn an_orphan_is_ended_and_nothing_else() {
    let (scratch, port) = gateway("1.0.0", "127.0.0.1");
    let pid = scratch.pid("gateway");
    let with = |expect: &str| json!({ "port": port, "service": "gateway", "expect": expect, "grace": "2s" });
    assert!(scratch.step("port.orphan-kill", with("demo-gateway")).no_change(), "the service itself");
    // A wrong name, another state directory, no name at all: what a supervisor keeps up is no orphan.
    let typo = json!({ "port": port, "service": "gatewy", "expect": "demo-gateway" });
    let failure = scratch.step("port.orphan-kill", typo).apply().unwrap_err();
    assert_eq!((failure.kind, failure.message.contains("there is no service `gatewy`")), (FailureKind::Refused, true));
    let mut elsewhere = Scratch::new();
    elsewhere.services = vec![Resource::Process("gateway".to_owned())];
    let unnamed = json!({ "port": port, "expect": "demo-gateway" });
    for (scratch, with) in [(&elsewhere, with("demo-gateway")), (&scratch, unnamed)] {
        let failure = scratch.step("port.orphan-kill", with).apply().unwrap_err();
        assert_eq!(failure.kind, FailureKind::Refused);
        assert!(failure.message.contains("belongs to service `gateway`, and its supervisor runs"), "{failure:?}");
    }
    let failure = scratch.step("port.orphan-kill", json!({ "port": port, "expect": "node" })).apply().unwrap_err();
    assert!(failure.message.contains(&format!("pid {pid}")) && failure.message.contains("which is not `node`"));
    assert_eq!(scratch.pid("gateway"), pid);
    // A cache is not cleared under a service that runs.
    std::fs::create_dir_all(scratch.path("tmp/jiti")).unwrap();
    std::fs::write(scratch.path("tmp/jiti/old.cjs"), "old").unwrap();
    let clear = json!({ "service": "gateway", "dir": scratch.path("tmp/jiti") });
    let failure = scratch.step("jiti-cache.clear", clear.clone()).apply().unwrap_err();
    assert!(failure.message.starts_with(&format!("service `gateway` is running, pid {pid}")), "{failure:?}");
    assert!(scratch.path("tmp/jiti/old.cjs").exists());
    scratch.step("process.stop", json!({ "name": "gateway" })).applied();
    assert_eq!(scratch.step("jiti-cache.clear", clear).applied()["removed"], 1);
    let mut orphan = Command::new(demo_gateway())
        .args(["serve", "--app"])
        .arg(scratch.path("app"))
        .arg("--state")
        .arg(scratch.path("data"))
        .args(["--listen", "::", "--port", &port.to_string()])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until("the orphan to listen", || !scratch.reader().port_owners(port).unwrap().is_free());
    // A service that wants the port says who has it.
    let failure = scratch.step("process.start", start(&scratch, "127.0.0.1", port)).apply().unwrap_err();
    assert!(failure.hint.unwrap().contains(&format!("port {port} belongs to pid {}", orphan.id())));
    let mut free = scratch.step("port.orphan-kill", with("demo-gateway"));
    assert!(!free.no_change());
    let outputs = free.applied();
    assert_eq!(outputs["ended"], json!([orphan.id()]));
    orphan.wait().unwrap();
    assert!(free.no_change());
    free.undo(UndoPhase::Undo);
    scratch.step("process.start", start(&scratch, "127.0.0.1", port)).applied();
}

#[test]
fn a_port_that_is_taken_again_is_not_free() {
    let scratch = Scratch::new();
    install(&scratch, "1.0.0");
    let port = free_port();
    let serve = [demo_gateway(), scratch.path("app"), scratch.path("data")].map(|path| path.display().to_string());
    let [gateway, app, data] = serve;
    let again = format!("{gateway} serve --app {app} --state {data} --listen 127.0.0.1 --port {port}");
    // Whatever starts it again is no supervisor of ours, and takes a moment.
    let text = format!("while :; do {again}; sleep 0.2; done");
    let mut keeper = Command::new("sh").args(["-c", &text]).stdout(Stdio::null()).spawn().unwrap();
    until("the first one to listen", || !scratch.reader().port_owners(port).unwrap().is_free());
    let free = json!({ "port": port, "expect": "demo-gateway", "grace": "2s" });
    let failure = scratch.step("port.orphan-kill", free.clone()).apply().unwrap_err();
    assert!(failure.message.contains("is taken again by"), "{failure:?}");
    keeper.kill().unwrap();
    keeper.wait().unwrap();
    scratch.step("port.orphan-kill", free).applied();
}
