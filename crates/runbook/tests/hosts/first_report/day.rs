//! What people do on that day, and what they look at.

use super::gateway::{self, STATE, file};
use crate::stage::{install_runbook, print};
use crate::told::Told;
use crate::ways::{command, ended, runbook};
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use test_hosts::{Host, Lab, Node, Registry};

/// Everything that decides what runs: the package, its command, the unit.
const PROGRAM: &str =
    "/usr/local/lib/node_modules/openclaw /usr/local/bin/openclaw /etc/systemd/system/openclaw.service";

/// Long enough for a busy machine; nothing waits for it to pass.
const SOON: Duration = Duration::from_secs(30);

/// One line of the report's checklist.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) sign: String,
    pub(super) says: String,
    pub(super) evidence: String,
}

/// The host, and the registry that it installs from.
pub(super) struct Day {
    pub(super) host: Host,
    _registry: Registry,
}

impl Day {
    /// The old version runs and answers in both channels.
    pub(super) fn begin(lab: &Lab, node: &Node) -> Self {
        let registry = lab.registry(node).unwrap();
        gateway::publish(&registry);
        let host = lab.boot("gateway").unwrap();
        node.put_on(&host, "/usr/local").unwrap();
        install_runbook(&host);
        gateway::settle(&host, &registry);
        for plan in ["upgrade.yaml", "unpin.yaml"] {
            host.copy_in(file(plan), &format!("/srv/plans/{plan}"), 0o644).unwrap();
        }
        Self { host, _registry: registry }
    }

    /// What a script that must succeed printed.
    pub(super) fn sh(&self, script: &str) -> String {
        print(self.host.sh(script))
    }

    /// The answer that somebody gets who writes into a channel.
    pub(super) fn write_to(&self, channel: &str) -> String {
        print(self.host.run(["node", "/srv/chat.mjs", channel, "ping"]))
    }

    /// Every byte, mode, owner and time of the program.
    pub(super) fn program(&self) -> String {
        self.sh(&format!(
            "find {PROGRAM} -printf '%p %y %m %U:%G %T@ %l\\n' | sort; find {PROGRAM} -type f -exec sha256sum {{}} + | sort"
        ))
    }

    /// What the service noted of its own turns.
    pub(super) fn books(&self) -> String {
        self.host.read(&format!("{STATE}/cron/runs.jsonl")).unwrap()
    }

    /// Writes the plan of an upgrade to `version` as somebody does who has read about that version and has the next two hours
    /// for it, and applies it; `heard` gets every event in the moment in which it is told.
    pub(super) fn upgrade(&self, version: &str, heard: impl FnMut(&serde_json::Value)) -> Told {
        let [from, to] = ["- 1 hour", "+ 2 hours"].map(|when| self.sh(&format!("date -u -d 'now {when}' +%H:%M")));
        let edit = format!(
            "s/, for: [^,]*,/, for: {version},/; s/from: \"[^\"]*\", to: \"[^\"]*\"/from: \"{from}\", to: \"{to}\"/"
        );
        print(self.host.run(["sed", "-i", &edit, "/srv/plans/upgrade.yaml"]));
        self.apply("upgrade.yaml", &[&format!("target={version}")], heard)
    }

    /// Applies a plan with these variables.
    pub(super) fn apply(&self, plan: &str, vars: &[&str], mut heard: impl FnMut(&serde_json::Value)) -> Told {
        let path = format!("/srv/plans/{plan}");
        let mut words = vec!["apply", &path, "--yes", "--format", "ndjson"];
        words.extend(vars.iter().flat_map(|var| ["--var", var]));
        let mut run = command(&self.host, &words).stdout(Stdio::piped()).spawn().unwrap();
        let mut events = Vec::new();
        for line in BufReader::new(run.stdout.take().unwrap()).lines() {
            events.push(serde_json::from_str(&line.unwrap()).unwrap());
            heard(events.last().unwrap());
        }
        println!("{}", print(Ok(runbook(&self.host, &["show"]))));
        let code = run.wait().unwrap().code().unwrap();
        ended(&self.host, code);
        Told { events, code }
    }

    /// The lines of the checklist for one host in the report of the latest run.
    pub(super) fn checklist(&self) -> Vec<Line> {
        let report = print(Ok(runbook(&self.host, &["report"])));
        println!("{report}");
        let (_, list) = report.split_once("## Checklist for one host\n").unwrap();
        let (list, _) = list.split_once("\n## ").unwrap();
        let cells = |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
        let rows = list.lines().filter(|line| line.starts_with('|')).skip(2).map(cells);
        let line = |row: Vec<String>| match <[String; 3]>::try_from(row) {
            Ok([sign, says, evidence]) => Line { sign, says, evidence },
            Err(row) => panic!("{row:?} has not three cells in\n{report}"),
        };
        rows.map(line).collect()
    }

    /// Whether the host reaches the registry.
    pub(super) fn reaches_the_registry(&self) -> bool {
        self.sh("npm ping --fetch-retries=0 --fetch-timeout=1000 >/dev/null 2>&1 && echo yes || echo no") == "yes"
    }

    /// Plugs the network in again once the run that was cut off from it is taken back.
    pub(super) fn mend_the_network_after_the_run(&self) {
        self.host.wait_for("runbook history | grep -q 'rolled back'", Duration::from_secs(180)).unwrap();
        assert!(!self.reaches_the_registry());
        self.mend_the_network();
    }

    /// Plugs the network in again and waits until packages can be had.
    pub(super) fn mend_the_network(&self) {
        self.host.restore_network().unwrap();
        self.host.wait_for("npm ping --fetch-retries=0", SOON).unwrap();
    }
}

/// Milliseconds since 1970: hosts have the machine's clock.
pub(super) fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}
