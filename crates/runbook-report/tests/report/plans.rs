//! What reports say of plans that are not the demo's: they speak with the plan's own names.

use crate::life::{self, Life};
use runbook_model::{Approval, Caller, Event, Outcome, Reading, Role, Roles, SignalSource, SignalVerdict, Verdict};
use runbook_report::{Style, markdown, show, show_json};

/// Words of one program, of which a plan for another one must hear nothing.
const FOREIGN: [&str; 5] = ["openclaw", "channel", "plugin", "jiti", "npm"];

/// The demo's steps as those of a cache server that a package manager upgrades.
fn redis() -> (Life, Roles) {
    let mut roles = life::roles();
    let signal = |name: &str, source| (name.to_owned(), source);
    let sources = [
        signal("ping", SignalSource::Answer),
        signal("unit", SignalSource::Service),
        signal("loaded", SignalSource::Log),
    ];
    roles.insert(life::id("verify"), vec![Role::Signals(sources.into())]);
    roles.get_mut(&life::id("backup")).unwrap().push(Role::Capture(vec!["keyspace".to_owned(), "modules".to_owned()]));
    let green = |name: &str| -> Reading { life::reading(name, "PONG", "PONG", SignalVerdict::Green, None) };
    let readings = ["ping", "unit", "loaded"].map(green).to_vec();
    let life = Life::begin()
        .reads("inventory", 20, "redis 7.2.4")
        .reads("backup", 60, "1 path, 2 files")
        .changes("install", 10, "redis 7.4.1 installed")
        .changes("restart", 310, "redis-server.service is up")
        .started("verify", 1)
        .ended("verify", Outcome::Unchanged { summary: "3 of 3 signals are green".to_owned() }, readings)
        .over(Verdict::Succeeded, "");
    (life, roles)
}

#[test]
fn a_report_speaks_with_the_words_of_its_plan() {
    let (life, roles) = redis();
    let plan = life::plan_of("redis-upgrade", "redis 7.2.4 → 7.4.1");
    let report = life.told(&plan, Some(&roles), None, |run| markdown(run, &Caller::default()));
    for evidence in [
        "| checked | State, program and service files were backed up | `backup`: 1 path, 2 files at 05:27:03, with the answers `keyspace`, `modules` |",
        "the service itself: unit is green: PONG; its answers: ping is green: PONG; its log: loaded is green: PONG |",
    ] {
        assert!(report.contains(evidence), "{report}");
    }
    let shown = life.told(&plan, Some(&roles), None, |run| show(run, &Caller::default(), &Style::plain(100)));
    let json = life.told(&plan, Some(&roles), None, show_json).to_string();
    for text in [report, shown, json] {
        let text = text.to_lowercase();
        let heard: Vec<&&str> = FOREIGN.iter().filter(|word| text.contains(**word)).collect();
        assert!(heard.is_empty(), "{heard:?} in {text}");
    }
}

#[test]
fn a_run_that_kept_no_roles_claims_nothing_of_its_steps() {
    let life = life::succeeded();
    let report = life.told(&life::plan(), None, None, |run| markdown(run, &Caller::default()));
    let lines: Vec<&str> = report.lines().filter(|line| line.contains("did not keep what its steps are for")).collect();
    assert!(lines.iter().all(|line| line.starts_with("| **missing** |")), "{report}");
    assert!(lines.iter().any(|line| line.contains("The update was installed")), "{report}");
    assert!(report.contains("| checked | Each real flow was tried |"), "{report}");
}

#[test]
fn a_reload_is_no_restart() {
    let mut roles = life::roles();
    roles.get_mut(&life::id("restart")).unwrap().push(Role::Reload);
    let report = life::succeeded().told(&life::plan(), Some(&roles), None, |run| markdown(run, &Caller::default()));
    let line = "| not applicable | The restart was confirmed | the plan restarts no service |";
    assert!(report.contains(line), "{report}");
}

#[test]
fn an_approval_stands_among_the_decisions() {
    let approval = Approval { by: "ops".to_owned(), at: 7, because: "calm".to_owned() };
    let life = Life::begin().add(Event::StepApproved { step: life::id("install"), approval });
    let report = life.told(&life::plan(), None, None, |run| markdown(run, &Caller::default()));
    assert!(report.contains("## Decisions\n\n* 05:27:03 `install`: approved by ops: calm\n"), "{report}");
}
