//! Everything that can go wrong between here and an agent, on a real sshd: what is told is a snapshot.

use super::super::{AgentProgram, Ssh, Unreachable};
use super::messages::{scrubbed, told};
use super::stand_in::{ECHO, agent, greeting, host};
use runbook_model::{Escalation, InventoryHost};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use test_hosts::{Host, Lab};

/// Hosts, the way to them, and an agent for them.
struct Stage {
    hosts: Vec<Host>,
    by_lab: test_hosts::Ssh,
    ssh: Ssh,
    dir: TempDir,
    _lab: Lab,
}

impl Stage {
    fn new(names: &[&str]) -> Option<Self> {
        let lab = Lab::for_test()?;
        let hosts = lab.boot_all(names).unwrap();
        let by_lab = lab.ssh(&hosts.iter().collect::<Vec<_>>()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let ssh = Ssh::new(agent(dir.path(), ECHO)).with_program(&by_lab.program());
        Some(Self { hosts, by_lab, ssh, dir, _lab: lab })
    }

    fn sh(&self, script: &str) {
        self.hosts[0].sh(script).unwrap().ok().unwrap();
    }

    /// What is told when this connection fails, as it has to.
    fn fails(&self, name: &str, ssh: &Ssh, host: &InventoryHost) -> Unreachable {
        let error = ssh.connect(host).map(greeting).unwrap_err();
        insta::assert_snapshot!(name, scrubbed(&error, &self.by_lab.dir().to_string_lossy()));
        error
    }

    fn with_agent(&self, text: &str) -> Ssh {
        Ssh::new(agent(self.dir.path(), text)).with_program(&self.by_lab.program())
    }
}

fn changed(name: &str, change: impl FnOnce(&mut InventoryHost)) -> InventoryHost {
    let mut host = host(name);
    change(&mut host);
    host
}

fn with_option(name: &str, keyword: &str, value: &str) -> InventoryHost {
    changed(name, |host| host.ssh.set_option(keyword.to_owned(), value.to_owned()))
}

fn as_user(name: &str, user: &str) -> InventoryHost {
    changed(name, |host| host.ssh.user = Some(user.to_owned()))
}

#[test]
fn before_anybody_is_let_in() {
    let Some(stage) = Stage::new(&["far"]) else { return };
    let ssh = &stage.ssh;
    let known = std::fs::read_to_string(stage.by_lab.known_hosts()).unwrap();

    stage.fails("no-ssh", &ssh.clone().with_program(Path::new("/nowhere/ssh")), &host("far"));
    stage.fails("options", ssh, &with_option("far", "Nonsense", "yes"));
    stage.fails("name", ssh, &changed("far", |host| host.address = "far.runbook.invalid".to_owned()));
    stage.fails("refused", ssh, &changed("far", |host| host.ssh.port = Some(2)));
    stage.fails("authentication", ssh, &as_user("far", "stranger"));
    std::fs::write(stage.by_lab.known_hosts(), "").unwrap();
    stage.fails("host-key-unknown", ssh, &host("far"));
    stage.sh("ssh-keygen -q -t ed25519 -N '' -f other");
    let key = stage.hosts[0].read("other.pub").unwrap();
    let address = known.split(' ').next().unwrap();
    std::fs::write(stage.by_lab.known_hosts(), format!("{address} {key}")).unwrap();
    stage.fails("host-key-changed", ssh, &host("far"));
    std::fs::write(stage.by_lab.known_hosts(), known).unwrap();
    stage.hosts[0].cut_network().unwrap();
    stage.fails("no-answer", ssh, &with_option("far", "ConnectTimeout", "1"));
    stage.hosts[0].restore_network().unwrap();
    stage.hosts[0].wait_for("true", Duration::from_secs(10)).unwrap();
}

#[test]
fn on_the_way_to_an_agent() {
    let Some(stage) = Stage::new(&["far"]) else { return };
    let ssh = &stage.ssh;
    stage.hosts[0].add_user("ops", "/bin/bash").unwrap();
    stage.hosts[0].add_user("shut", "/usr/sbin/nologin").unwrap();
    let ops = as_user("far", "ops");
    let root = InventoryHost { escalation: Escalation::Sudo, ..ops.clone() };

    stage.fails("no-shell", ssh, &as_user("far", "shut"));
    stage.sh("echo 'ops ALL=(ALL) ALL' > /etc/sudoers.d/ops");
    stage.fails("sudo-password", ssh, &root);
    stage.sh("printf '%s\\n' 'ops ALL=(ALL) NOPASSWD: ALL' 'Defaults requiretty' > /etc/sudoers.d/ops");
    stage.fails("sudo", ssh, &root);
    stage.sh("mv /usr/bin/sudo /usr/bin/sudone");
    stage.fails("no-sudo", ssh, &root);

    stage.fails("place", &ssh.clone().with_state_dir("/var/lib/elsewhere"), &ops);
    stage.sh("mkdir /srv/noexec /srv/full && mount -t tmpfs -o noexec tmpfs /srv/noexec");
    stage.fails("noexec", &ssh.clone().with_state_dir("/srv/noexec"), &host("far"));
    let large = stage.with_agent(&format!("{ECHO}{}", "# filled up\n".repeat(40_000)));
    stage.sh("mount -t tmpfs -o size=64k tmpfs /srv/full");
    stage.fails("no-space", &large.with_state_dir("/srv/full"), &host("far"));
    assert_eq!(
        stage.hosts[0].sh("ls -A /srv/full/agent/* /srv/noexec/agent/*").unwrap().stdout.matches('.').count(),
        0
    );

    let elsewhere = stage.with_agent("\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x16\0");
    stage.fails("architecture", &elsewhere, &host("far"));
    stage.fails(
        "broken",
        &stage.with_agent("#!/bin/sh\necho 'version GLIBC_2.99 not found' >&2; exit 1\n"),
        &host("far"),
    );
    let damaged = stage.with_agent(ECHO);
    agent(stage.dir.path(), &ECHO.replace("exec cat", "exec tac"));
    stage.fails("damaged", &damaged, &host("far"));
    agent(stage.dir.path(), ECHO);

    let place = |name: &str, text: &str| {
        stage.hosts[0].write(name, text).unwrap();
        stage.sh(&format!("chmod 755 {name}"));
    };
    place("/usr/local/bin/uname", "#!/bin/sh\necho OpenBSD\n");
    stage.fails("system", ssh, &host("far"));
    stage.sh("rm /usr/local/bin/uname");
    stage.hosts[0].write("/home/ops/.bashrc", "yes\n").unwrap();
    stage.fails("chatty", ssh, &ops);
    stage.hosts[0].write("/home/ops/.bashrc", "echo one moment; exec sleep 1000\n").unwrap();
    let mut hasty = ssh.clone();
    hasty.patience.login = Duration::from_secs(5);
    stage.fails("silent", &hasty, &ops);
    stage.hosts[0].write("/home/ops/.bashrc", "echo a moment please; seq 100\n").unwrap();
    assert!(greeting(ssh.connect(&ops).unwrap()).starts_with("ops /home/ops/.local/state/runbook/agent/"));

    stage.sh("rm -f /usr/bin/sha256sum /usr/bin/shasum /usr/bin/openssl");
    stage.fails("no-digest", &stage.with_agent(&format!("{ECHO}#\n")), &host("far"));
}

#[test]
fn through_a_jump_host() {
    let Some(stage) = Stage::new(&["bastion", "far"]) else { return };
    let behind = with_option("far", "ProxyJump", "bastion");
    let mut no_sshd = behind.clone();
    no_sshd.ssh.port = Some(2);
    stage.fails("behind-a-jump", &stage.ssh, &no_sshd);
    stage.fails("jump-down", &stage.ssh, &with_option("far", "ProxyJump", "bastion:2"));
    stage.sh("echo 'AllowTcpForwarding no' >> /etc/ssh/sshd_config && systemctl restart ssh");
    stage.fails("jump-forbids", &stage.ssh, &behind);
}

#[test]
fn sshd_that_has_too_many_is_tried_again_until_it_has_room() {
    let Some(stage) = Stage::new(&["far"]) else { return };
    stage.sh("printf 'MaxStartups 1:100:1\\nLoginGraceTime 600\\n' >> /etc/ssh/sshd_config && systemctl restart ssh");
    // It holds the one place, and says so once sshd has greeted it.
    let holds = "exec 3<>/dev/tcp/127.0.0.1/22; read -r line <&3; echo held; exec sleep 1000";
    let mut holder = stage.hosts[0].command(["bash", "-c", holds]).unwrap();
    let mut holder = holder.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "held\n");
    // Whether ssh meets a reset or an end first is a race.
    let mut error = stage.ssh.connect(&host("far")).map(greeting).unwrap_err();
    assert!(error.said.contains("kex_exchange_identification: "), "{error:?}");
    error.said.clear();
    insta::assert_snapshot!("busy", told(&error));

    // A line for each call; the first one only asks for the configuration.
    let (counts, calls) = (stage.dir.path().join("ssh"), stage.dir.path().join("calls"));
    let text = format!("#!/bin/sh\necho >> {}\nexec {} \"$@\"\n", calls.display(), stage.by_lab.program().display());
    std::fs::write(&counts, text).unwrap();
    std::fs::set_permissions(&counts, std::fs::Permissions::from_mode(0o755)).unwrap();
    let ssh = stage.ssh.clone().with_program(&counts);
    let connected = std::thread::scope(|scope| {
        let connecting = scope.spawn(|| ssh.connect(&host("far")));
        while std::fs::read(&calls).map_or(0, |calls| calls.len()) < 3 {
            std::thread::yield_now();
        }
        stage.sh("pkill -x sleep");
        connecting.join().unwrap()
    });
    greeting(connected.unwrap());
    holder.wait().unwrap();
}

#[test]
fn a_program_that_is_no_longer_there_is_told() {
    let Some(stage) = Stage::new(&["far"]) else { return };
    let gone: AgentProgram = agent(stage.dir.path(), ECHO);
    std::fs::remove_file(stage.dir.path().join("agent")).unwrap();
    let error = Ssh::new(gone).with_program(&stage.by_lab.program()).connect(&host("far")).map(greeting).unwrap_err();
    assert!(error.to_string().contains("cannot be read: No such file"), "{error}");
}
