//! What a unit really runs, on real units with the layouts of report 2, and changes that touch only that.

use crate::node;
use crate::stage::{apply, assert_said, plan, print};
use crate::ways::{both_ways, is_afar, runbook};
use std::time::Duration;
use test_hosts::{Host, Lab};

/// A gateway small enough to read: it says its version in the journal and when it is asked, and may change its title.
const GATEWAY: &str = "#!/usr/bin/env node
import fs from 'node:fs';
import http from 'node:http';
const { version } = JSON.parse(fs.readFileSync(new URL('./package.json', import.meta.url)));
if (process.env.TITLE) process.title = process.env.TITLE;
http.createServer((_, answer) => answer.end(version)).listen(18789, '127.0.0.1', () => console.log(`gateway ready ${version}`));
";
/// What the gateway answers.
const ASK: &str =
    "#!/bin/bash\nexec 3<>/dev/tcp/127.0.0.1/18789 && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && tail -n 1 <&3\n";
/// The home directory of root on a host.
const HOME: &str = "/root";
const UNIT: &str = "/etc/systemd/system/openclaw.service";
const FUNCTIONAL: &str = "page: { http: \"http://127.0.0.1:18789/\", match: 2026.4.23, kind: functional }";

fn sh(host: &Host, script: &str) -> String {
    print(host.sh(script))
}

/// A host with Node in a prefix, and the program `ask`.
fn boot(lab: &Lab, name: &str, prefix: &str) -> Option<Host> {
    let host = node::boot(lab, name, prefix)?;
    host.write("/usr/local/sbin/ask", ASK).unwrap();
    sh(&host, "chmod 755 /usr/local/sbin/ask");
    Some(host)
}

/// The package in a directory.
fn package(host: &Host, root: &str, version: &str) {
    let manifest = format!(
        "{{ \"name\": \"openclaw\", \"version\": \"{version}\", \"type\": \"module\", \"bin\": {{ \"openclaw\": \"openclaw.mjs\" }} }}\n"
    );
    host.write(&format!("{root}/package.json"), &manifest).unwrap();
    host.write(&format!("{root}/openclaw.mjs"), GATEWAY).unwrap();
    sh(host, &format!("chmod 755 '{root}/openclaw.mjs'"));
}

/// The package in a prefix, as npm installs it.
fn installed(host: &Host, prefix: &str, version: &str) {
    package(host, &format!("{prefix}/lib/node_modules/openclaw"), version);
    sh(host, &format!("mkdir -p {prefix}/bin; ln -s ../lib/node_modules/openclaw/openclaw.mjs {prefix}/bin/openclaw"));
}

fn unit(host: &Host, text: &str) {
    host.write(UNIT, text).unwrap();
    sh(host, "systemctl daemon-reload; systemctl restart openclaw");
    ready(host);
}

fn ready(host: &Host) {
    host.wait_for("ask", Duration::from_secs(20)).unwrap();
}

/// Every file below `dir`: kind, mode, owner, time, target, and content.
fn picture(host: &Host, dir: &str) -> String {
    sh(
        host,
        &format!(
            "cd {dir}; find . -printf '%y %p %m %U:%G %T@ %l\\n' | sort; find . -type f -exec cksum {{}} + | sort"
        ),
    )
}

fn upgrade(change: &str) -> String {
    format!(
        "  - {{ id: inventory, uses: service.inspect, with: {{ manager: systemd, unit: openclaw, package: openclaw }} }}
  - id: backup
    uses: backup.create
    with:
      paths: [\"{{{{ steps.inventory.package_root }}}}\", \"{{{{ steps.inventory.unit_files }}}}\", \"{{{{ steps.inventory.wrappers }}}}\"]
  - {{ id: stop, uses: systemd.stop, with: {{ unit: openclaw }} }}
  - {change}
  - {{ id: start, uses: systemd.start, with: {{ unit: openclaw, settle: 200ms }} }}
  - id: verify
    uses: verify.signals
    with:
      unit: openclaw
      within: 20s
      signals:
        ready: {{ log: gateway ready }}
        missing: {{ log_absent: Cannot find package, kind: negative, watch: 300ms }}
        {FUNCTIONAL}
"
    )
}

#[test]
fn report_2_section_7_an_upgrade_touches_only_the_installation_that_the_unit_uses() {
    both_ways(section_7);
}

fn section_7() {
    let Some(lab) = Lab::for_test() else { return };
    let nvm = &format!("{HOME}/.nvm/versions/node/v22.14.0");
    let Some(host) = boot(&lab, "nvm", nvm) else { return };
    let (used, unused) = (format!("{nvm}/lib/node_modules/openclaw"), "/usr/local/lib/node_modules/openclaw");
    host.write(&format!("{HOME}/.nvm/package.json"), "{ \"name\": \"nvm\", \"version\": \"0.40.1\" }\n").unwrap();
    installed(&host, nvm, "2026.4.15");
    installed(&host, "/usr/local", "2026.3.8");
    package(&host, "/srv/next", "2026.4.23");
    sh(&host, &format!("cp {nvm}/bin/node /usr/local/bin/node"));
    // Which of the two it is says a drop-in.
    host.write(
        "/etc/systemd/system/openclaw.service.d/nvm.conf",
        &format!("[Service]\nEnvironment=PATH={nvm}/bin:/usr/bin:/bin\nExecStart=\nExecStart=-/usr/bin/env openclaw gateway\n"),
    )
    .unwrap();
    unit(&host, "[Service]\nExecStart=/usr/local/bin/openclaw gateway\n");
    let before = picture(&host, "/usr/local");
    let install = |prefix: &str| {
        format!(
            "{{ id: install, uses: npm.install, with: {{ package: openclaw, version: 2026.4.23, from: /srv/next, prefix: \"{prefix}\" }} }}"
        )
    };

    // Somebody names the prefix that comes to mind.
    let elsewhere =
        upgrade(&install("/usr/local")).replace("paths: [", "paths: [/usr/local/lib/node_modules/openclaw, ");
    plan(&host, &elsewhere);
    let pid = sh(&host, "systemctl show openclaw -p MainPID,InvocationID");
    let why = format!("installs openclaw at {unused}, and the service executes {used}");
    assert_said(&apply(&host), 1, &[&why, "nothing was changed"]);
    let dry = runbook(&host, &["apply", "/srv/plan.yaml", "--dry-run"]);
    assert_said(&dry, 1, &[&why, &format!("also installed: 2026.3.8 at {unused} (not used)")]);
    assert_eq!(sh(&host, "systemctl show openclaw -p MainPID,InvocationID"), pid);

    plan(&host, &upgrade(&install("{{ steps.inventory.npm_prefix }}")));
    let line = format!("2026.4.15 at {used}, pid ");
    assert_said(&apply(&host), 0, &[&line, &format!("also installed: 2026.3.8 at {unused} (not used)")]);
    assert_eq!(sh(&host, "ask"), "2026.4.23");
    assert_eq!(picture(&host, "/usr/local"), before, "the other installation is as it was");

    assert_said(&runbook(&host, &["rollback", "--yes"]), 0, &[]);
    ready(&host);
    assert_eq!(sh(&host, "ask"), "2026.4.15");
    assert_eq!(picture(&host, "/usr/local"), before);
}

#[test]
fn report_2_section_8_a_wrapper_over_opt_is_followed_and_its_app_replaced_without_a_network() {
    both_ways(section_8);
}

fn section_8() {
    let Some(lab) = Lab::for_test() else { return };
    let Some(host) = boot(&lab, "edge", "/opt/node") else { return };
    let wrapper = "#!/bin/sh\n# Starts the gateway. exec /bin/false\nset -eu\nAPP_HOME=${APP_HOME:-/opt/openclaw/app}\n\
        [ -r /etc/default/openclaw ] && . /etc/default/openclaw\nexport PATH=\"/opt/node/bin:$PATH\"\n\
        cd \"$(dirname \"$APP_HOME\")\" || exit 1\nexec node --enable-source-maps \"$APP_HOME/openclaw.mjs\" \"$@\"\n";
    host.write("/usr/local/bin/openclaw", wrapper).unwrap();
    host.write("/etc/default/openclaw", "GATEWAY_BIND=lan\n").unwrap();
    package(&host, "/opt/openclaw/app", "2026.3.13");
    package(&host, "/srv/app", "2026.4.23");
    sh(&host, "chmod 755 /usr/local/bin/openclaw; useradd --create-home claw; tar -C /srv -czf /srv/app.tgz app");
    unit(&host, "[Service]\nUser=claw\nExecStart=/usr/local/bin/openclaw gateway\n");
    // The network of a lab leads nowhere, and a controller elsewhere needs it.
    if !is_afar() {
        host.cut_network().unwrap();
    }
    let before = picture(&host, "/usr/local/bin");
    plan(
        &host,
        &upgrade(
            "{ id: deploy, uses: artifact.deploy, with: { from: /srv/app.tgz, to: \"{{ steps.inventory.package_root }}\", strip: 1 } }",
        ),
    );
    assert_said(&apply(&host), 0, &["2026.3.13 at /opt/openclaw/app, pid "]);
    assert_eq!(sh(&host, "ask"), "2026.4.23");
    assert_eq!(picture(&host, "/usr/local/bin"), before);
    assert_said(&runbook(&host, &["rollback", "--yes"]), 0, &[]);
    ready(&host);
    assert_eq!(sh(&host, "ask"), "2026.3.13");
}

/// What is tried, and how.
type Case = (&'static str, fn(&Host));

#[test]
fn what_units_really_run() {
    let Some(lab) = Lab::for_test() else { return };
    let Some(host) = boot(&lab, "inspect", "/usr/local") else { return };
    installed(&host, "/usr/local", "2026.3.8");
    package(&host, "/opt/open claw/app", "2026.1.1");
    sh(&host, "useradd --create-home --shell /bin/bash claw");
    let cases: &[Case] = &[
        ("a gateway and nothing else", a_gateway_and_nothing_else),
        ("a text for a shell keeps its spaces", a_text_for_a_shell_keeps_its_spaces),
        ("a login shell and nvm", a_login_shell_and_nvm),
        ("a process that changed its title", a_process_that_changed_its_title),
        ("a unit that was edited since it was started", a_unit_that_was_edited_since_it_was_started),
        ("a package that was replaced under the process", a_package_that_was_replaced_under_the_process),
        ("what cannot be followed", what_cannot_be_followed),
        ("units that are not there or execute nothing", units_that_are_not_there_or_execute_nothing),
        ("a unit of a user", a_unit_of_a_user),
        ("without a bus", without_a_bus),
    ];
    for (name, case) in cases {
        println!("{name}");
        case(&host);
    }
}

/// Applies a plan that writes outputs of an inspection into a file, one a line.
fn found(host: &Host, with: &str, outputs: &[&str]) -> Vec<String> {
    let lines: String = outputs.iter().map(|name| format!("{{{{ steps.look.{name} | tojson }}}}\\n")).collect();
    plan(
        host,
        &format!(
            "  - {{ id: look, uses: service.inspect, with: {{ {with} }} }}\n  \
             - {{ id: keep, uses: file.write, with: {{ path: /tmp/found, content: \"{lines}\" }} }}\n"
        ),
    );
    assert_said(&apply(host), 0, &[]);
    sh(host, "cat /tmp/found; rm /tmp/found").lines().map(|line| line.trim_matches('"').to_owned()).collect()
}

const SYSTEM: &str = "manager: systemd, unit: openclaw, package: openclaw";
const GLOBAL: &str = "/usr/local/lib/node_modules/openclaw";

fn a_gateway_and_nothing_else(host: &Host) {
    host.write("/etc/default/gateway", "MODE=\"gateway\"\nOPTIONS=--a --b\n").unwrap();
    unit(
        host,
        "[Service]\nUser=claw\nWorkingDirectory=~\nEnvironmentFile=-/etc/default/none\nEnvironmentFile=/etc/default/gateway\n\
         Restart=on-failure\nExecStart=@/usr/local/bin/openclaw oc-%i ${MODE} $OPTIONS --at %H\n",
    );
    let outputs = [
        "package_root",
        "version",
        "npm_prefix",
        "user",
        "home",
        "entry",
        "node",
        "npm",
        "restart",
        "cwd",
        "running_root",
        "running_version",
        "restart_pending",
        "running",
        "log",
        "unit_files",
        "notes",
    ];
    let wanted = [
        GLOBAL,
        "2026.3.8",
        "/usr/local",
        "claw",
        "/home/claw",
        "/usr/local/lib/node_modules/openclaw/openclaw.mjs",
        "/usr/local/bin/node",
        "/usr/local/bin/npm",
        "on-failure",
        "/home/claw",
        GLOBAL,
        "2026.3.8",
        "false",
        "true",
        "journal",
        "[\"/etc/systemd/system/openclaw.service\"]",
        "[]",
    ];
    assert_eq!(found(host, SYSTEM, &outputs), wanted);
    sh(host, "systemctl stop openclaw");
    assert_eq!(
        found(host, SYSTEM, &["version", "pid", "running", "restart_pending"]),
        ["2026.3.8", "null", "false", "false"]
    );
}

fn a_text_for_a_shell_keeps_its_spaces(host: &Host) {
    unit(host, "[Service]\nExecStart=:/bin/sh -c 'exec node \"/opt/open claw/app/openclaw.mjs\" $0 \"a  b\"'\n");
    assert_eq!(found(host, SYSTEM, &["package_root", "running_version"]), ["/opt/open claw/app", "2026.1.1"]);
}

/// nvm itself is not on this host: what stands for it does what nvm.sh does when it is read, in three lines.
fn a_login_shell_and_nvm(host: &Host) {
    let nvm = "/home/claw/.nvm";
    installed(host, &format!("{nvm}/versions/node/v22.1.0"), "2026.4.1");
    installed(host, &format!("{nvm}/versions/node/v20.9.0"), "2026.4.2");
    sh(host, &format!("for v in v22.1.0 v20.9.0; do cp /usr/local/bin/node {nvm}/versions/node/$v/bin/node; done"));
    host.write(&format!("{nvm}/alias/default"), "20\n").unwrap();
    host.write(&format!("{nvm}/nvm.sh"), "PATH=$NVM_DIR/versions/node/v20.9.0/bin:$PATH\nexport PATH\n").unwrap();
    host.write(
        "/home/claw/.bash_profile",
        "export NVM_DIR=\"$HOME/.nvm\"\n[ -s \"$NVM_DIR/nvm.sh\" ] && \\. \"$NVM_DIR/nvm.sh\"\n",
    )
    .unwrap();
    unit(host, "[Service]\nUser=claw\nExecStart=/bin/bash -lc 'exec openclaw gateway'\n");
    let root = format!("{nvm}/versions/node/v20.9.0/lib/node_modules/openclaw");
    let wanted = [root.as_str(), "2026.4.2", &root, "2026.4.2", "false"];
    let outputs = ["package_root", "version", "running_root", "running_version", "restart_pending"];
    assert_eq!(found(host, SYSTEM, &outputs), wanted);
    let line = format!("also installed: 2026.4.1 at {nvm}/versions/node/v22.1.0/lib/node_modules/openclaw (not used)");
    assert_said(&runbook(host, &["apply", "/srv/plan.yaml", "--dry-run"]), 0, &[&line]);
    // Another default: the next start runs something else.
    host.write(&format!("{nvm}/alias/default"), "v22\n").unwrap();
    let next = format!("{nvm}/versions/node/v22.1.0/lib/node_modules/openclaw");
    let wanted = [next.as_str(), "2026.4.1", &root, "2026.4.2", "true"];
    assert_eq!(found(host, SYSTEM, &outputs), wanted);
    let line = format!("the next start runs 2026.4.1 at {next}, what runs now is 2026.4.2 at {root}, pid ");
    assert_said(&runbook(host, &["apply", "/srv/plan.yaml", "--dry-run"]), 0, &[&line]);
}

fn a_process_that_changed_its_title(host: &Host) {
    unit(host, "[Service]\nEnvironment=TITLE=openclaw-gateway\nExecStart=/usr/local/bin/openclaw gateway\n");
    host.wait_for(
        "grep -q ^openclaw-gateway /proc/$(systemctl show -P MainPID openclaw)/cmdline",
        Duration::from_secs(20),
    )
    .unwrap();
    assert_eq!(
        found(host, SYSTEM, &["running_root", "running_version", "restart_pending"]),
        [GLOBAL, "2026.3.8", "false"]
    );
}

fn a_unit_that_was_edited_since_it_was_started(host: &Host) {
    unit(host, "[Service]\nExecStart=/usr/local/bin/openclaw gateway\n");
    host.write(UNIT, "[Service]\nExecStart=/usr/local/bin/node \"/opt/open claw/app/openclaw.mjs\"\n").unwrap();
    let outputs = ["package_root", "running_root", "restart_pending", "notes"];
    let seen = found(host, SYSTEM, &outputs);
    assert_eq!(&seen[..3], [GLOBAL, GLOBAL, "true"], "systemd has not read it");
    assert!(seen[3].contains("daemon-reload"), "{seen:?}");
    sh(host, "systemctl daemon-reload");
    let seen = found(host, SYSTEM, &outputs);
    assert_eq!(&seen[..3], ["/opt/open claw/app", GLOBAL, "true"]);
}

fn a_package_that_was_replaced_under_the_process(host: &Host) {
    unit(host, "[Service]\nExecStart=/usr/local/bin/openclaw gateway\n");
    package(host, GLOBAL, "2026.3.9");
    let seen = found(host, SYSTEM, &["version", "running_root", "running_version", "restart_pending", "notes"]);
    assert_eq!(&seen[..4], ["2026.3.9", GLOBAL, "null", "true"]);
    assert!(seen[4].contains("was changed after it was started"), "{seen:?}");
    package(host, GLOBAL, "2026.3.8");
}

fn what_cannot_be_followed(host: &Host) {
    let wrapper = "#!/bin/sh\nif curl -s http://127.0.0.1:1/; then exec false; fi\nexec openclaw gateway\n";
    host.write("/usr/local/bin/start-gateway", wrapper).unwrap();
    sh(host, "chmod 755 /usr/local/bin/start-gateway");
    unit(host, "[Service]\nExecStart=/usr/local/bin/start-gateway\n");
    let seen = found(host, SYSTEM, &["package_root", "version", "notes"]);
    assert_eq!(&seen[..2], [GLOBAL, "2026.3.8"], "what runs shows it");
    assert!(seen[2].contains("line 2: decides what is started"), "{seen:?}");
    sh(host, "systemctl stop openclaw");
    assert_said(
        &apply(host),
        1,
        &["which installation of openclaw openclaw.service executes cannot be told", "line 2"],
    );
    let seen = found(host, "manager: systemd, unit: openclaw", &["package_root", "running"]);
    assert_eq!(seen, ["null", "false"]);
}

fn units_that_are_not_there_or_execute_nothing(host: &Host) {
    for (unit, wanted) in [("nothing", "there is no unit nothing.service"), ("multi-user.target", "executes nothing")] {
        plan(
            host,
            &format!(
                "  - {{ id: look, uses: service.inspect, with: {{ manager: systemd, unit: {unit} }} }}\n  \
            - {{ id: keep, uses: file.write, with: {{ path: /tmp/found, content: \"{{{{ steps.look.exe }}}}\" }} }}\n"
            ),
        );
        assert_said(&apply(host), 1, &[wanted]);
    }
}

fn a_unit_of_a_user(host: &Host) {
    sh(host, "loginctl enable-linger claw");
    host.wait_for("test -S /run/user/$(id -u claw)/bus", Duration::from_secs(30)).unwrap();
    host.write(
        "/home/claw/.config/systemd/user/openclaw.service",
        "[Service]\nEnvironment=PATH=%h/.nvm/versions/node/v22.1.0/bin:/usr/bin\nExecStart=/usr/bin/env openclaw gateway\n",
    )
    .unwrap();
    sh(host, "chown -R claw /home/claw");
    let as_claw = |words: &str| {
        print(host.run([
            "runuser",
            "-u",
            "claw",
            "--",
            "sh",
            "-c",
            &format!("cd; export XDG_RUNTIME_DIR=/run/user/$(id -u); {words}"),
        ]))
    };
    as_claw("systemctl --user daemon-reload; systemctl --user start openclaw");
    ready(host);
    plan(
        host,
        &format!(
            "  - {{ id: look, uses: service.inspect, with: {{ {SYSTEM}, user: true }} }}\n  \
        - {{ id: keep, uses: file.write, with: {{ path: /home/claw/found, content: \"{{{{ steps.look.running_root }}}} {{{{ steps.look.home }}}} {{{{ steps.look.unit_files | tojson }}}}\" }} }}\n"
        ),
    );
    as_claw("runbook apply /srv/plan.yaml --yes");
    assert_eq!(
        sh(host, "cat /home/claw/found"),
        "/home/claw/.nvm/versions/node/v22.1.0/lib/node_modules/openclaw /home/claw [\"/home/claw/.config/systemd/user/openclaw.service\"]"
    );
    as_claw("systemctl --user stop openclaw");
}

fn without_a_bus(host: &Host) {
    unit(host, "[Service]\nEnvironment=A=b\nExecStart=/bin/sh -c 'exec openclaw gateway'\n");
    sh(host, "systemctl stop dbus.socket dbus.service");
    assert_eq!(found(host, SYSTEM, &["package_root", "running_version"]), [GLOBAL, "2026.3.8"]);
    sh(host, "systemctl start dbus.socket dbus.service");
}
