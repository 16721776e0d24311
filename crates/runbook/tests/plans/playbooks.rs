//! The playbooks, each called as its page says: sound with every environment, on Linux and on a Mac.

use crate::corpus::plans;
use runbook_engine::{Saved, compile};
use runbook_model::{Code, Diagnostic, HostFacts, Plan, SourceMap};
use runbook_plan::{Document, Request, load};
use runbook_session::HostSecrets;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A playbook with the variables that its page gives it.
struct Call {
    playbook: PathBuf,
    vars: Vec<String>,
    /// Whether the page names an environment.
    env: bool,
}

impl Call {
    /// The same call with another value of a variable.
    fn with(&self, name: &str, value: &str) -> Self {
        let prefix = format!("{name}=");
        let mut vars = self.vars.clone();
        vars.retain(|var| !var.starts_with(&prefix));
        vars.push(format!("{prefix}{value}"));
        Self { playbook: self.playbook.clone(), vars, env: self.env }
    }
}

fn directory() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks/openclaw")).unwrap()
}

/// The commands `runbook apply PLAYBOOK --env ENV --var …` of the page; a line may go on behind a backslash.
fn calls() -> Vec<Call> {
    let page = fs::read_to_string(directory().join("README.md")).unwrap().replace("\\\n", " ");
    let commands = page.lines().filter_map(|line| line.trim_start().strip_prefix("runbook apply "));
    commands
        .map(|command| {
            let mut words = words(command).into_iter();
            let playbook = directory().join(words.next().unwrap());
            let mut vars = Vec::new();
            let mut env = false;
            while let Some(word) = words.next() {
                match word.as_str() {
                    "--var" => vars.push(words.next().unwrap()),
                    "--env" => env = words.next().is_some(),
                    other => panic!("the page calls {} with {other}", playbook.display()),
                }
            }
            Call { playbook, vars, env }
        })
        .collect()
}

/// The words of a command as a shell has them: blanks between single quotes do not part.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for (index, part) in command.split('\'').enumerate() {
        if index % 2 == 1 {
            words.last_mut().unwrap().push_str(part);
            continue;
        }
        let mut pieces = part.split(char::is_whitespace);
        words.last_mut().unwrap().push_str(pieces.next().unwrap());
        words.extend(pieces.map(str::to_owned));
    }
    words.retain(|word| !word.is_empty());
    words
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
    let catalogue = runbook_kinds::catalogue();
    let outputs = |uses: &str| {
        let kind = catalogue.get(uses)?;
        let doc = kind.doc();
        (!kind.has_open_outputs()).then(|| doc.outputs.iter().map(|output| output.name.to_owned()).collect())
    };
    let [text, overlay] = [call.playbook.as_path(), environment].map(|file| fs::read_to_string(file).unwrap());
    let loaded = load(Request {
        plan: Document { name: "playbook", text: &text },
        environment: call.env.then_some("any"),
        overlay: call.env.then_some(Document { name: "environment", text: &overlay }),
        layers: Vec::new(),
        sources: SourceMap::default(),
        vars: &call.vars,
        base: &directory(),
        host,
        outputs: &outputs,
    });
    let mut found = loaded.diagnostics;
    if let Some(plan) = loaded.plan.clone() {
        found.extend(compile(Saved::new(plan, loaded.sources, 4), runbook_kinds::catalogue(), Arc::new(HostSecrets)).1);
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
                let changes = !call.playbook.ends_with("pack.yaml");
                assert_eq!(plan.unwrap().window.is_some(), changes, "{about}: what changes has a maintenance window");
            }
        }
    }
}

/// A person who wants another version has to read about that one: the review is not a line that fits everything.
#[test]
fn an_upgrade_to_a_version_that_nobody_has_read_about_is_refused() {
    let environment = directory().join("environments/prod.yaml");
    let installs = |call: &Call| call.vars.iter().any(|var| var.starts_with("reviewed="));
    let mut tried = 0;
    for call in calls().into_iter().filter(installs) {
        for other in ["reviewed", "target"] {
            let changed = call.with(other, "2026.1.1");
            let (_, found) = judge(&changed, &environment, linux());
            let refused = found.iter().any(|fault| fault.code == Code::STALE_REVIEW);
            assert!(refused, "{} with another `{other}`", call.playbook.display());
        }
        tried += 1;
    }
    assert!(tried >= 5, "{tried} playbooks have a review");
}

/// A command of the page that upgrades to such a release would wait for a line that it never says.
#[test]
fn a_release_before_2026_4_is_waited_for_by_the_line_that_it_says() {
    let environment = directory().join("environments/prod.yaml");
    let early = |call: &Call| call.vars.iter().any(|var| var.starts_with("target=2026.3."));
    let mut tried = 0;
    for call in calls().into_iter().filter(early) {
        let plan = format!("{:?}", judge(&call, &environment, linux()).0.unwrap().steps);
        assert!(plan.contains("[gateway] listening on ws://"), "{}", call.playbook.display());
        assert!(!plan.contains("[gateway] ready ("), "{}", call.playbook.display());
        tried += 1;
    }
    assert!(tried >= 4, "{tried} commands install a release before 2026.4");
}

/// The command for an emergency opens the window of an environment that is closed on most days.
#[test]
fn the_command_for_an_emergency_opens_the_window_on_every_day() {
    let call = calls().into_iter().find(|call| call.vars.iter().any(|var| var.starts_with("days="))).unwrap();
    let (plan, _) = judge(&call, &directory().join("environments/prod.yaml"), linux());
    let window = plan.unwrap().window.unwrap();
    assert_eq!(window.days, ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]);
    assert_eq!((window.from, window.to), (0, 24 * 60 - 1));
}

/// A session is never guessed, and its transcript is not named apart from it: two that do not belong together cannot be given.
#[test]
fn a_session_is_unpinned_by_its_key_alone() {
    let call = calls().into_iter().find(|call| call.playbook.ends_with("unpin-session.yaml")).unwrap();
    let environment = directory().join("environments/prod.yaml");
    assert!(call.vars.iter().all(|var| var.starts_with("session=")), "{:?}", call.vars);
    let unnamed = Call { playbook: call.playbook, vars: Vec::new(), env: true };
    let (_, found) = judge(&unnamed, &environment, linux());
    assert!(found.iter().any(|fault| fault.message.contains("`session`")), "{found:#?}");
}

/// The user's PATH may lead to another copy than the one that the unit executes.
#[test]
fn no_playbook_asks_whichever_openclaw_is_on_the_path() {
    for playbook in plans(&directory()) {
        let text = fs::read_to_string(&playbook).unwrap();
        assert!(!text.contains("--, openclaw,"), "{}", playbook.display());
    }
}

/// A command that loads plugins may break the gateway: what `verify` watched for is watched for again beside it.
#[test]
fn what_is_watched_for_is_watched_for_again_beside_the_last_commands() {
    let mut tried = 0;
    for playbook in plans(&directory()) {
        let text = fs::read_to_string(&playbook).unwrap();
        // One that changes no service has nothing to confirm.
        let Some((before, confirm)) = text.split_once("- id: confirm\n") else { continue };
        tried += 1;
        assert!(confirm.contains("watch: \"{{ vars.watch }}\""), "{}", playbook.display());
        for line in before.lines().filter(|line| line.contains("log_absent:") || line.contains("kind: functional }")) {
            assert!(confirm.contains(line), "{}: {line}", playbook.display());
        }
    }
    assert_eq!(tried, 8);
}

/// A node with other channels, another unit or another orphan is a variable, and no edit in two places.
#[test]
fn what_differs_from_node_to_node_is_a_variable_with_one_default() {
    for playbook in plans(&directory()) {
        let text = fs::read_to_string(&playbook).unwrap();
        let about = playbook.display();
        let (vars, steps) = text.split_once("\nsteps:\n").unwrap();
        for fixed in ["slack", "whatsapp", "feishu", "wecom", "imessage", "Cannot find package"] {
            let named =
                steps.lines().filter(|line| !line.trim_start().starts_with('#')).any(|line| line.contains(fixed));
            assert!(!named, "{about} has {fixed} in its steps");
        }
        let unit = vars.lines().find(|line| line.trim_start().starts_with("unit:"));
        assert!(unit.is_none_or(|line| line.contains("default: openclaw.service")), "{about}: {unit:?}");
        assert!(!steps.contains("port.orphan-kill") || steps.contains("owner: \"{{ vars."), "{about}");
    }
}

/// The steps of a playbook with this kind, each as it is written.
fn steps(playbook: &str, uses: &str) -> Vec<String> {
    let text = fs::read_to_string(directory().join(playbook)).unwrap();
    let kind = format!("uses: {uses}\n");
    text.split("\n  - id: ").filter(|step| step.contains(&kind)).map(str::to_owned).collect()
}

/// Modules are compiled for one Node: it has to be the one that runs the gateway, not the first one on the operator's PATH.
#[test]
fn dependencies_of_plugins_are_installed_with_the_node_of_the_gateway() {
    let playbooks = ["plugin-from-source.yaml", "upgrade-macos.yaml", "upgrade-global-npm.yaml", "upgrade-nvm.yaml"];
    let found = playbooks.map(|playbook| steps(playbook, "npm.ci"));
    assert_eq!(found.each_ref().map(Vec::len), [1, 2, 1, 1]);
    for step in found.iter().flatten() {
        assert!(step.contains("npm: \"{{ steps.inventory.npm }}\""), "{step}");
        assert!(step.contains("node: \"{{ steps.inventory.node }}\""), "{step}");
    }
}

/// A directory that somebody wrote down may not be the one that the unit executes.
#[test]
fn what_the_wrapper_starts_is_what_is_kept_and_replaced() {
    let root = "\"{{ steps.inventory.package_root }}\"";
    for uses in ["backup.create", "artifact.deploy"] {
        assert!(steps("upgrade-wrapper.yaml", uses)[0].contains(root), "{uses}");
    }
}
