//! The playbooks, each called as its page says: sound with every environment, on Linux and on a Mac.

use crate::corpus::plans;
use runbook_engine::{Saved, compile};
use runbook_model::{Code, Diagnostic, HostFacts, Plan, SourceMap};
use runbook_plan::{Document, Request, load};
use runbook_steps::Catalogue;
use std::fs;
use std::path::{Path, PathBuf};

/// A playbook with the variables that its page gives it.
struct Call {
    playbook: PathBuf,
    vars: Vec<String>,
}

fn directory() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks/openclaw")).unwrap()
}

/// The commands `runbook apply PLAYBOOK --env ENV --var …` of the page; a line may go on behind a backslash.
fn calls() -> Vec<Call> {
    let page = fs::read_to_string(directory().join("README.md")).unwrap().replace("\\\n", " ");
    let commands = page.lines().filter_map(|line| line.strip_prefix("runbook apply "));
    commands
        .map(|command| {
            let mut words = command.split_whitespace();
            let playbook = directory().join(words.next().unwrap());
            let mut vars = Vec::new();
            while let Some(word) = words.next() {
                match word {
                    "--var" => vars.push(words.next().unwrap().to_owned()),
                    "--env" => drop(words.next()),
                    other => panic!("the page calls {} with {other}", playbook.display()),
                }
            }
            Call { playbook, vars }
        })
        .collect()
}

fn linux() -> HostFacts {
    let text = str::to_owned;
    HostFacts {
        os: text("linux"),
        arch: text("x86_64"),
        libc: text("gnu"),
        init: text("systemd"),
        name: text("gateway"),
        user: text("root"),
        home: text("/home/operator"),
    }
}

fn mac() -> HostFacts {
    let text = str::to_owned;
    HostFacts { os: text("macos"), arch: text("aarch64"), libc: text("system"), init: text("launchd"), ..linux() }
}

/// What is found in the playbook, and the plan.
fn judge(call: &Call, environment: &Path, host: HostFacts) -> (Option<Plan>, Vec<Diagnostic>) {
    let catalogue = Catalogue::default();
    let outputs = |uses: &str| {
        let kind = catalogue.get(uses)?;
        let doc = kind.doc();
        (!doc.open_outputs).then(|| doc.outputs.iter().map(|output| output.name.to_owned()).collect())
    };
    let [text, overlay] = [call.playbook.as_path(), environment].map(|file| fs::read_to_string(file).unwrap());
    let loaded = load(Request {
        plan: Document { name: "playbook", text: &text },
        environment: Some("any"),
        overlay: Some(Document { name: "environment", text: &overlay }),
        layers: Vec::new(),
        sources: SourceMap::default(),
        vars: &call.vars,
        base: &directory(),
        host,
        outputs: &outputs,
    });
    let mut found = loaded.diagnostics;
    if let Some(plan) = loaded.plan.clone() {
        found.extend(compile(Saved { plan, sources: loaded.sources, parallel: 4 }, Catalogue::default()).1);
    }
    (loaded.plan, found)
}

#[test]
fn every_playbook_has_a_command_on_its_page() {
    let called: Vec<PathBuf> = calls().into_iter().map(|call| call.playbook).collect();
    for playbook in plans(&directory()) {
        assert!(called.contains(&playbook), "no command for {}", playbook.display());
    }
}

#[test]
fn every_playbook_is_sound_with_every_environment_on_every_system() {
    for call in calls() {
        for environment in plans(&directory().join("environments")) {
            for host in [linux(), mac()] {
                let about = format!("{} with {} on {}", call.playbook.display(), environment.display(), host.os);
                let (plan, found) = judge(&call, &environment, host);
                let messages: Vec<&str> = found.iter().map(|fault| fault.message.as_str()).collect();
                assert!(messages.is_empty(), "{about}: {messages:#?}");
                assert!(plan.unwrap().window.is_some(), "{about}: it has no maintenance window");
            }
        }
    }
}

/// Whoever wants another version has to read about that one: the review is not a line that fits everything.
#[test]
fn an_upgrade_to_a_version_that_nobody_has_read_about_is_refused() {
    let environment = directory().join("environments/prod.yaml");
    let installs = |call: &Call| call.vars.iter().any(|var| var.starts_with("reviewed="));
    let mut tried = 0;
    for mut call in calls().into_iter().filter(installs) {
        call.vars.retain(|var| !var.starts_with("reviewed="));
        call.vars.push("reviewed=2026.1.1".to_owned());
        let (_, found) = judge(&call, &environment, linux());
        assert!(found.iter().any(|fault| fault.code == Code::STALE_REVIEW), "{}", call.playbook.display());
        tried += 1;
    }
    assert!(tried >= 5, "{tried} playbooks have a review");
}
