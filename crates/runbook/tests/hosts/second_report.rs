//! The rollout of the second field report: five hosts, one after the other and side by side as the report tells it, led by one command
//! with the shipped playbooks. The package, the hosts and what they had are in `second_report/`.

mod estate;
mod plugins;

use crate::afar::{Said, assert_said, ended};
use estate::{BREW, Estate, MAC, ROOT, nvm_prefix};
use plugins::{MENDED, OLD, RELEASED, TARGET};
use std::process::Stdio;
use std::time::{Duration, Instant};
use test_hosts::{Lab, Node};

const ALL: [&str; 5] = ["vm-a", "vm-b", "edge", "gw", "mac"];

#[test]
fn the_rollout_of_the_second_report() {
    let Some(lab) = Lab::for_test() else { return };
    let Some(node) = Node::for_test() else { return };
    let began = Instant::now();
    let estate = Estate::new(&lab, &node);
    println!("five hosts as they were: {:?}", began.elapsed());
    the_mac_takes_nothing_that_was_compiled_elsewhere(&estate);
    println!("the first attempt, with the release of the connector");
    the_canary_fails_and_nobody_else_is_touched(&estate);
    println!("{:?}; the second attempt, with its mended source", began.elapsed());
    let said = the_second_attempt(&estate);
    println!("{:?}\n{}", began.elapsed(), said.stdout);
    the_nvm_host_changed_the_copy_of_its_unit(&estate);
    the_edge_has_what_the_canary_proved(&estate);
    the_gateway_lost_exactly_its_orphan(&estate);
    the_mac_built_its_own(&estate);
    one_report_tells_of_all(&estate);
    println!("{:?}", began.elapsed());
}

fn the_mac_takes_nothing_that_was_compiled_elsewhere(estate: &Estate) {
    let takes =
        "promote: { connector-source: any }\n    vars:\n      connector: \"{{ artifacts.connector-source.path }}\"";
    let other = "promote: { connector: same-platform }\n    vars:\n      connector: \"{{ artifacts.connector.path }}\"";
    estate.edit("estate/rollout.yaml", &[(takes, other)]);
    assert_said(&estate.run(&["plan", "rollout.yaml"]), 1, &["same-platform", "mac", "musl"]);
    estate.edit("estate/rollout.yaml", &[(other, takes)]);
}

fn the_canary_fails_and_nobody_else_is_touched(estate: &Estate) {
    let source = "plugin: /srv/plugins/dingtalk-connector\n";
    let release = format!("plugin: /srv/plugins/dingtalk-connector-{RELEASED}\n");
    estate.edit("estate/rollout.yaml", &[(source, &release), ("plugin_version: 0.8.4", "plugin_version: 0.8.3")]);
    let before = ALL.map(|host| estate.picture(host));
    let failed = estate.run(&["apply", "rollout.yaml", "--yes"]);
    assert_said(&failed, 3, &["the canary vm-a is not ok", "4 hosts left alone", "1 host rolled back"]);
    let after = ALL.map(|host| estate.picture(host));
    assert_eq!(after[1..], before[1..], "nobody else was touched");
    let files =
        |picture: &str| picture.lines().filter(|line| line.contains('/')).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(files(&after[0]), files(&before[0]), "the canary is as it was");
    for host in &ALL[1..] {
        assert_eq!(estate.sh(host, "ls /var/lib/runbook/runs 2>/dev/null || true"), "", "{host}");
    }
    estate.edit("estate/rollout.yaml", &[(&release, source), ("plugin_version: 0.8.3", "plugin_version: 0.8.4")]);
}

/// It is approved from another process as soon as it asks.
fn the_second_attempt(estate: &Estate) -> Said {
    let mut apply = estate.command(&["apply", "rollout.yaml", "--yes"]);
    let apply = apply.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(300);
    while !estate.run(&["rollout", "show", "--format", "ndjson"]).stdout.contains("approval-asked") {
        if Instant::now() > deadline {
            let said = estate.run(&["rollout", "show"]);
            panic!("nobody was asked: {}{}", said.stdout, said.stderr);
        }
    }
    assert_said(&estate.run(&["rollout", "approve"]), 0, &["was told"]);
    let said = ended(apply);
    assert_said(&said, 0, &["5 hosts ok", "mac: approved by root", "canary: passed"]);
    said
}

fn version(estate: &Estate, host: &str, root: &str) -> String {
    estate.sh(host, &format!("grep -o '\"version\": \"[^\"]*\"' {root}/package.json | cut -d'\"' -f4"))
}

fn log(estate: &Estate, host: &str) -> String {
    estate.sh(host, "journalctl -u openclaw -o cat --no-pager | tail -n 20")
}

fn the_nvm_host_changed_the_copy_of_its_unit(estate: &Estate) {
    assert_eq!(version(estate, "vm-b", &format!("{}/lib/node_modules/openclaw", nvm_prefix())), TARGET);
    assert_eq!(version(estate, "vm-b", "/usr/local/lib/node_modules/openclaw"), OLD);
    assert!(log(estate, "vm-b").contains("dingtalk-connected"));
    let built = estate.sh(
        "vm-b",
        &format!("cat {ROOT}/.openclaw/extensions/dingtalk-connector/node_modules/dingtalk-stream/built.json"),
    );
    assert!(built.contains("vm-b"), "{built}");
}

fn the_edge_has_what_the_canary_proved(estate: &Estate) {
    assert_eq!(version(estate, "edge", "/opt/openclaw/app"), TARGET);
    let connector = "/home/openclaw/.openclaw/extensions/dingtalk-connector";
    assert_eq!(version(estate, "edge", connector), MENDED);
    let built = estate.sh("edge", &format!("cat {connector}/node_modules/dingtalk-stream/built.json"));
    assert!(built.contains("vm-a"), "{built}");
    let whole = format!("cd {connector} && find . -type f -exec sha256sum {{}} + | sort -k2");
    assert_eq!(estate.sh("edge", &whole), estate.sh("vm-a", &whole));
    let record = estate.sh("edge", "cat /home/openclaw/.openclaw/openclaw.json");
    assert!(record.contains(MENDED) && record.contains(r#""source": "path""#) && !record.contains("spec"), "{record}");
}

fn the_gateway_lost_exactly_its_orphan(estate: &Estate) {
    estate.sh("gw", "! kill -0 $(cat /run/orphan.pid) 2>/dev/null");
    estate.sh("gw", "kill -0 $(cat /run/neighbour.pid)");
    let answers = "node -e 'fetch(\"http://127.0.0.1:18789\").then((answer) => answer.text()).then(console.log)'";
    let pid = estate.sh("gw", "systemctl show openclaw --property MainPID --value");
    assert_eq!(estate.sh("gw", answers), format!("{TARGET} {pid}"));
}

fn the_mac_built_its_own(estate: &Estate) {
    assert_eq!(version(estate, "mac", &format!("{BREW}/lib/node_modules/openclaw")), TARGET);
    let stream = format!("{MAC}/.openclaw/extensions/dingtalk-connector/node_modules/dingtalk-stream");
    let built = estate.sh("mac", &format!("cat {stream}/built.json"));
    assert!(built.contains("musl") && built.contains("mac"), "{built}");
    let log = estate.sh("mac", &format!("cat {MAC}/Library/Logs/gateway.log"));
    let now = &log[log.rfind("listening").unwrap()..];
    for line in ["imessage-running", "wecom-connected", "dingtalk-connected", "weixin-running"] {
        assert!(now.contains(line), "{log}");
    }
}

fn one_report_tells_of_all(estate: &Estate) {
    let report = estate.run(&["rollout", "report"]);
    let told = ["attempt 2", "| edge | edge | ok |", "approved by root", "From the runs of 5 hosts."];
    assert_said(&report, 0, &told);
    println!("{}", report.stdout);
    let lines: Vec<&str> = report.stdout.lines().filter(|line| line.starts_with("| checked |")).collect();
    assert_eq!(lines.len(), 12, "every line of the report's checklist has its evidence");
    let first = estate.run(&["rollout", "report", "openclaw-2026.3.23-2", "--attempt", "1"]);
    assert_said(&first, 0, &["Rolled back.", "createPluginRuntimeStore is not a function", "From the runs of 1 host."]);
}
