//! Commands that take a plan take a rollout as well: what `check`, `graph` and `vars` say of one.

use crate::corpus::{directory, runbook};
use serde_json::Value;
use std::process::{Output, Stdio};

fn on(corpus: &str, arguments: &[&str]) -> Output {
    runbook(&directory(corpus)).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_sound_rollout_says_how_many_stages_and_hosts_it_has() {
    let output = on("sound-plans", &["check", "rollout.yaml", "one-step.yaml"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(
        said.starts_with("rollout.yaml: greeting-everywhere is sound, 4 stages, 6 hosts\none-step.yaml: "),
        "{said}"
    );
}

#[test]
fn the_graph_shows_stages_waves_and_the_reason_of_every_edge() {
    let output = on("sound-plans", &["graph", "rollout.yaml"]);
    let wanted = "canary  (estate/greeting.yaml, canary)
    wave 1: vm-a
edge  (estate/greeting.yaml)
    after `canary`: `edge` needs it (rollout.yaml:21:24)
    wave 1: edge-1
    wave 2: edge-2, edge-3
nvm  (estate/greeting.yaml)
    after `canary`: `nvm` needs it (rollout.yaml:22:24)
    wave 1: vm-b
mac  (estate/greeting.yaml, canary)
    after `edge`: `mac` needs it (rollout.yaml:16:13)
    after `nvm`: `mac` needs it (rollout.yaml:16:19)
    wave 1: mac
";
    assert_eq!(text(&output.stdout), wanted);
    for drawing in ["mermaid", "dot"] {
        let output = on("sound-plans", &["graph", "rollout.yaml", "--as", drawing]);
        let drawn = text(&output.stdout);
        assert_eq!(drawn.matches("->").count(), 4, "{drawn}");
        assert!(drawn.contains("edge: edge-1, edge-2, edge-3"), "{drawn}");
    }
}

#[test]
fn variables_are_told_once_for_hosts_that_have_the_same() {
    let output = on("sound-plans", &["vars", "rollout.yaml", "--var", "from=a flag"]);
    let said = text(&output.stdout);
    let headings: Vec<&str> = said.lines().filter(|line| line.starts_with("== ")).collect();
    assert_eq!(
        headings,
        ["== canary: vm-a", "== mac: mac", "== edge: edge-1", "== edge: edge-2, edge-3", "== nvm: vm-b"]
    );
    let document = on("sound-plans", &["vars", "rollout.yaml", "--format", "json"]);
    let found: Value = serde_json::from_slice(&document.stdout).unwrap();
    let row = |group: usize, name: &str| {
        let vars = found[group]["vars"].as_array().unwrap();
        let var = vars.iter().find(|var| var["name"] == name).unwrap();
        (var["value"].as_str().unwrap().to_owned(), var["layer"].as_str().unwrap().to_owned())
    };
    assert_eq!(row(0, "text"), ("hi".to_owned(), "stage".to_owned()));
    assert_eq!(row(1, "from"), ("staging".to_owned(), "environment".to_owned()));
    assert_eq!(row(2, "owner"), ("claw".to_owned(), "inventory".to_owned()));
    assert_eq!(row(3, "owner"), ("ops".to_owned(), "plan-default".to_owned()));
    assert!(said.contains("from   a flag  command-line"), "{said}");
}

/// Every shipped plan is judged for its host, the canary comes first, and the Mac last.
#[test]
fn the_rollout_of_the_second_report_is_sound() {
    let estate = directory("../playbooks/openclaw/estate");
    let output = runbook(&estate).args(["check", "rollout.yaml"]).output().unwrap();
    let (said, told) = (text(&output.stdout), text(&output.stderr));
    assert_eq!((said, told), ("rollout.yaml: openclaw-2026.3.23-2 is sound, 5 stages, 5 hosts\n", ""));
    let output = runbook(&estate).args(["graph", "rollout.yaml", "--format", "json"]).output().unwrap();
    let graph: Value = serde_json::from_slice(&output.stdout).unwrap();
    let order: Vec<&str> =
        graph["stages"].as_array().unwrap().iter().map(|stage| stage["id"].as_str().unwrap()).collect();
    assert_eq!(order, ["canary", "nvm", "edge", "gateway", "mac"]);
}

#[test]
fn a_rollout_comes_through_a_pipe_as_a_plan_does() {
    let corpus = directory("sound-plans");
    let file = std::fs::File::open(corpus.join("rollout.yaml")).unwrap();
    let output = runbook(&corpus).args(["check", "-"]).stdin(Stdio::from(file)).output().unwrap();
    assert_eq!(text(&output.stdout), "<stdin>: greeting-everywhere is sound, 4 stages, 6 hosts\n");
}

#[test]
fn programs_get_what_is_wrong_with_a_rollout_and_its_plans_in_one_document() {
    let output =
        on("broken-plans", &["check", "--format", "json", "rollout-plans.yaml", "rollout-without-a-canary.yaml"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let codes: Vec<&str> =
        found["diagnostics"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
    assert_eq!((output.status.code(), codes), (Some(1), vec!["RB0201", "RB0203", "RB0419"]));
}
