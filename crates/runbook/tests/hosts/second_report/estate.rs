//! The five hosts of the second report, each as it was before, and a controller that is elsewhere.

use super::plugins::{self, OLD, mended_connector, new_weixin, old_weixin, released_connector};
use crate::afar::{Said, agent};
use crate::stage::print;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use test_hosts::{Host, Lab, Node, Registry, Ssh};

/// Long enough for a busy machine; nothing waits for it to pass.
const SOON: Duration = Duration::from_secs(60);

/// The home of root, whose nvm is one.
pub(super) const ROOT: &str = "/root";
/// Where nvm keeps that node, from there.
const NVM: &str = ".nvm/versions/node/v22.23.3";
/// What Homebrew calls its place.
pub(super) const BREW: &str = "/opt/homebrew";
/// The home of the user whose Mac it is.
pub(super) const MAC: &str = "/home/claw";

const INVENTORY: &str = "
kind: Inventory
version: 1
name: openclaw
hosts:
  vm-a: { labels: { layout: npm, role: canary }, exercises: [core, feishu, dingtalk] }
  vm-b: { labels: { layout: nvm }, exercises: [core, feishu, dingtalk] }
  edge: { labels: { layout: wrapper }, exercises: [core, feishu, dingtalk] }
  gw: { labels: { layout: gateway }, exercises: [core] }
  mac: { labels: { layout: mac }, ssh: { user: claw }, exercises: [core, dingtalk, wecom, imessage, weixin] }
";

const ENVIRONMENT: &str = r#"
kind: Environment
version: 1
vars: { zone: UTC, days: [mon, tue, wed, thu, fri, sat, sun], opens: "00:00", closes: "23:59", within: 30s, watch: 2s }
"#;

/// The hosts, and the registry that all but the edge install from.
pub(super) struct Estate {
    hosts: Vec<Host>,
    ssh: Ssh,
    dir: tempfile::TempDir,
    _registry: Registry,
}

impl Estate {
    pub(super) fn new(lab: &Lab, node: &Node) -> Self {
        let registry = lab.registry(node).unwrap();
        plugins::publish(&registry);
        let hosts = lab.boot_all(&["vm-a", "vm-b", "edge", "gw", "mac"]).unwrap();
        std::thread::scope(|scope| {
            for host in &hosts {
                let url = registry.url();
                scope.spawn(move || settle(host, node, &url));
            }
        });
        let ssh = lab.ssh(&hosts.iter().collect::<Vec<_>>()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let playbooks = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks/openclaw");
        assert!(Command::new("cp").arg("-r").arg(playbooks).arg(dir.path()).status().unwrap().success());
        let estate = Self { hosts, ssh, dir, _registry: registry };
        estate.write("inventory.yaml", INVENTORY);
        estate.write("environments/test.yaml", ENVIRONMENT);
        estate.edit("estate/rollout.yaml", &[("prod", "test"), ("soak: 30m", "soak: 2s"), ("[ops]", "[root]")]);
        estate
    }

    pub(super) fn host(&self, name: &str) -> &Host {
        self.hosts.iter().find(|host| host.name() == name).unwrap()
    }

    /// What a script that must succeed printed on that host.
    pub(super) fn sh(&self, host: &str, script: &str) -> String {
        print(self.host(host).sh(script))
    }

    /// Everything that a rollout might change on that host, by content.
    pub(super) fn picture(&self, host: &str) -> String {
        let dirs = "/usr/local/lib/node_modules/openclaw /opt/openclaw /opt/homebrew/lib/node_modules/openclaw \
                    ~/.nvm/versions/node/*/lib/node_modules/openclaw /home/*/.openclaw ~/.openclaw";
        let pids = "pgrep -x openclaw-gatewa | sort";
        self.sh(host, &format!("find {dirs} -type f -exec sha256sum {{}} + 2>/dev/null | sort -k2; {pids}"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("openclaw").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Replaces texts that are there once in a file of the checkout.
    pub(super) fn edit(&self, name: &str, pairs: &[(&str, &str)]) {
        let mut text = std::fs::read_to_string(self.path(name)).unwrap();
        for (from, to) in pairs {
            assert_eq!(text.matches(from).count(), 1, "{from} in {name}");
            text = text.replace(from, to);
        }
        self.write(name, &text);
    }

    pub(super) fn command(&self, words: &[&str]) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(env!("CARGO_BIN_EXE_runbook"));
        command.args(words).current_dir(self.path("estate")).stdin(Stdio::null());
        command.env("PATH", format!("{}:{path}", self.ssh.dir().display()));
        command.env("RUNBOOK_AGENT", agent()).env("RUNBOOK_STATE_DIR", self.dir.path().join("state"));
        command
    }

    pub(super) fn run(&self, words: &[&str]) -> Said {
        Said::of(&mut self.command(words))
    }
}

fn settle(host: &Host, node: &Node, registry: &str) {
    let npmrc = || host.write(&format!("{ROOT}/.npmrc"), &format!("registry={registry}\n")).unwrap();
    match host.name() {
        "vm-a" => {
            npmrc();
            canary(host, node);
        }
        "vm-b" => {
            npmrc();
            nvm(host, node);
        }
        "edge" => edge(host, node),
        "gw" => {
            npmrc();
            gateway_only(host, node);
        }
        _ => {
            npmrc();
            mac(host, node);
        }
    }
}

/// The prefix that the unit of the nvm host uses.
pub(super) fn nvm_prefix() -> String {
    format!("{ROOT}/{NVM}")
}

/// A configuration with these built-in channels, and a record of the connector as a release of the registry.
fn configuration(channels: &str) -> String {
    format!(
        r#"{{ "channels": {channels}, "plugins": {{ "installs": {{ "dingtalk-connector": {{ "source": "npm", "spec": "dingtalk-connector", "version": "0.8.2" }} }}, "entries": {{}} }} }}"#
    )
}

fn install(host: &Host, prefix: &str) {
    let npm = "npm install --global --no-audit --no-fund --no-update-notifier --loglevel=error";
    print(host.sh(&format!("export PATH={prefix}/bin:$PATH; {npm} openclaw@{OLD}")));
}

/// A unit that runs `exec` as `user`, up and connected.
fn unit(host: &Host, user: &str, exec: &str, line: &str) {
    let text = format!(
        "[Service]\nUser={user}\nExecStart={exec}\nRestart=on-failure\n[Install]\nWantedBy=multi-user.target\n"
    );
    host.write("/etc/systemd/system/openclaw.service", &text).unwrap();
    print(host.sh("systemctl daemon-reload && systemctl start openclaw"));
    host.wait_for(&format!("journalctl -u openclaw -o cat | grep -qF '{line}'"), SOON).unwrap();
}

fn state_of_openclaw(host: &Host, channels: &str) {
    host.write("/home/openclaw/.openclaw/openclaw.json", &configuration(channels)).unwrap();
    print(host.sh("useradd --home-dir /home/openclaw openclaw; chown -R openclaw: /home/openclaw"));
}

/// The most standard layout: a global npm installation by root.
fn canary(host: &Host, node: &Node) {
    node.put_on(host, "/usr/local").unwrap();
    install(host, "/usr/local");
    released_connector(host, "/home/openclaw/.openclaw/extensions/dingtalk-connector");
    released_connector(host, "/srv/plugins/dingtalk-connector-0.8.3");
    print(host.sh("cd /srv/plugins/dingtalk-connector-0.8.3 && npm install --package-lock-only --loglevel=error"));
    mended_connector(host, "/srv/plugins/dingtalk-connector");
    state_of_openclaw(host, r#"["[feishu] connected"]"#);
    unit(host, "openclaw", "/usr/local/bin/openclaw gateway run", "dingtalk-connected");
}

/// Two installations: the unit runs that of nvm, the other one is of long ago.
fn nvm(host: &Host, node: &Node) {
    for prefix in ["/usr/local", &nvm_prefix()] {
        node.put_on(host, prefix).unwrap();
        install(host, prefix);
    }
    released_connector(host, &format!("{ROOT}/.openclaw/extensions/dingtalk-connector"));
    host.write(&format!("{ROOT}/.openclaw/openclaw.json"), &configuration(r#"["[feishu] connected"]"#)).unwrap();
    let nvm = nvm_prefix();
    let exec = format!("{nvm}/bin/node {nvm}/lib/node_modules/openclaw/openclaw.mjs gateway run");
    unit(host, "root", &exec, "dingtalk-connected");
}

/// A wrapper over an application in `/opt`, and no way to a registry: there is no npm on it.
fn edge(host: &Host, node: &Node) {
    node.put_on(host, "/usr/local").unwrap();
    print(host.sh("rm -r /usr/local/bin/npm /usr/local/bin/npx /usr/local/lib/node_modules"));
    for name in ["openclaw.mjs", "package.json"] {
        host.copy_in(plugins::file("openclaw").join(name), &format!("/opt/openclaw/app/{name}"), 0o644).unwrap();
    }
    host.copy_in(plugins::file(&format!("releases/{OLD}.mjs")), "/opt/openclaw/app/sdk.mjs", 0o644).unwrap();
    print(host.sh(&format!("sed -i s/0.0.0/{OLD}/ /opt/openclaw/app/package.json")));
    host.write(
        "/usr/local/bin/openclaw",
        "#!/bin/sh\nexec /usr/local/bin/node /opt/openclaw/app/openclaw.mjs \"$@\"\n",
    )
    .unwrap();
    print(host.sh("chmod 755 /usr/local/bin/openclaw"));
    released_connector(host, "/home/openclaw/.openclaw/extensions/dingtalk-connector");
    state_of_openclaw(host, r#"["[feishu] connected"]"#);
    unit(host, "openclaw", "/usr/local/bin/openclaw gateway run", "dingtalk-connected");
}

/// Nothing but the gateway; one that was started by hand holds its port, another one is somebody else's and has its own.
fn gateway_only(host: &Host, node: &Node) {
    node.put_on(host, "/usr/local").unwrap();
    install(host, "/usr/local");
    state_of_openclaw(host, "[]");
    for (name, port) in [("orphan", 18789), ("neighbour", 18800)] {
        let start = format!("cd /; setsid runuser -u openclaw -- openclaw gateway {port} >/dev/null 2>&1 </dev/null &");
        print(host.sh(&start));
        host.wait_for(&format!("ss -Hltn sport = {port} | grep -q ."), SOON).unwrap();
        print(host.sh(&format!(
            "ss -Hltnp sport = {port} | grep -o 'pid=[0-9]*' | head -n 1 | cut -d= -f2 > /run/{name}.pid"
        )));
    }
    unit(host, "openclaw", "/usr/local/bin/openclaw gateway run", "another gateway instance is already listening");
}

/// Homebrew and launchd, both of a user. There is no Mac here: what makes it another platform is its C library, and a stand-in keeps its jobs.
fn mac(host: &Host, node: &Node) {
    host.write("/lib/ld-musl-x86_64.so.1", "").unwrap();
    host.add_user("claw", "/bin/bash").unwrap();
    node.put_on(host, BREW).unwrap();
    install(host, BREW);
    let stand_in = test_rules::program("test-launchd", "launchctl-stand-in");
    host.copy_in(stand_in, "/usr/local/libexec/stand-in", 0o755).unwrap();
    host.write("/usr/local/bin/launchctl", "#!/bin/sh\nexec /usr/local/libexec/stand-in at /run/launchd \"$@\"\n")
        .unwrap();
    // It ends when its input does.
    let serves = "sleep infinity | /usr/local/libexec/stand-in serve /run/launchd recent";
    let unit = format!("[Service]\nUser=claw\nRuntimeDirectory=launchd\nExecStart=/bin/sh -c '{serves}'\n");
    host.write("/etc/systemd/system/launchd.service", &unit).unwrap();
    for (job, words) in [("gateway", "gateway</string><string>run"), ("node", "node</string><string>run")] {
        let list = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\">\n<dict>\n<key>Label</key><string>ai.openclaw.{job}</string>\n\
             <key>ProgramArguments</key><array><string>{BREW}/bin/node</string><string>{BREW}/lib/node_modules/openclaw/openclaw.mjs</string>\
             <string>{words}</string></array>\n<key>RunAtLoad</key><true/>\n<key>KeepAlive</key><true/>\n\
             <key>ThrottleInterval</key><integer>1</integer>\n\
             <key>StandardOutPath</key><string>{MAC}/Library/Logs/{job}.log</string>\n</dict>\n</plist>\n"
        );
        host.write(&format!("{MAC}/Library/LaunchAgents/ai.openclaw.{job}.plist"), &list).unwrap();
    }
    released_connector(host, &format!("{MAC}/.openclaw/extensions/dingtalk-connector"));
    old_weixin(host, &format!("{MAC}/.openclaw/extensions/openclaw-weixin"));
    new_weixin(host, "/srv/plugins/openclaw-weixin-2.0.1");
    let channels = r#"["imessage-running", "wecom-connected"]"#;
    host.write(&format!("{MAC}/.openclaw/openclaw.json"), &configuration(channels)).unwrap();
    print(host.sh(&format!(
        "cp ~/.npmrc {MAC}; mkdir -p {MAC}/Library/Logs; chmod 755 /usr/local/bin/launchctl; \
         chown -R claw: {MAC} {BREW}; systemctl start launchd"
    )));
    let claw = "runuser -u claw -- launchctl";
    host.wait_for(&format!("{claw} list"), SOON).unwrap();
    for job in ["gateway", "node"] {
        let list = format!("{MAC}/Library/LaunchAgents/ai.openclaw.{job}.plist");
        print(host.sh(&format!("{claw} bootstrap gui/$(id -u claw) {list}")));
    }
    host.wait_for(&format!("grep -q weixin-running {MAC}/Library/Logs/gateway.log"), SOON).unwrap();
}
