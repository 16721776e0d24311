//! Connections that succeed, on hosts with a real sshd.

use super::super::{AgentProgram, Ssh};
use super::stand_in::{ECHO, agent, greeting, host};
use runbook_model::{Escalation, InventoryHost};
use test_hosts::Lab;

/// The transport of this lab.
fn ssh(lab: &test_hosts::Ssh, agent: AgentProgram) -> Ssh {
    Ssh::new(agent).with_program(&lab.program())
}

fn as_user(name: &str, user: &str) -> InventoryHost {
    let mut host = host(name);
    host.ssh.user = Some(user.to_owned());
    host
}

#[test]
fn the_agent_is_placed_once_and_found_whatever_the_login_shell_is() {
    let Some(lab) = Lab::for_test() else { return };
    let there = lab.boot("far").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let agent = agent(dir.path(), ECHO);
    let by_lab = lab.ssh(&[&there]).unwrap();
    let ssh = ssh(&by_lab, agent.clone());
    let place = format!("agent/{}/runbook agent attach", agent.digest());

    assert_eq!(greeting(ssh.connect(&host("far")).unwrap()), format!("root /var/lib/runbook/{place}"));
    // What this machine has now does not matter: it is there.
    std::fs::remove_file(dir.path().join("agent")).unwrap();
    assert_eq!(greeting(ssh.connect(&host("far")).unwrap()), format!("root /var/lib/runbook/{place}"));
    std::fs::write(dir.path().join("agent"), ECHO).unwrap();

    for (user, shell) in
        [("a", "/bin/dash"), ("b", "/bin/bash"), ("c", "/bin/zsh"), ("d", "/usr/bin/fish"), ("e", "/bin/tcsh")]
    {
        there.add_user(user, shell).unwrap();
        let own = format!("{user} /home/{user}/.local/state/runbook/{place}");
        assert_eq!(greeting(ssh.connect(&as_user("far", user)).unwrap()), own, "{shell}");
        assert_eq!(greeting(ssh.connect(&as_user("far", user)).unwrap()), own, "{shell}");
        let text = "a ALL=(ALL) NOPASSWD: ALL\n".replacen('a', user, 1);
        there.write(&format!("/etc/sudoers.d/{user}"), &text).unwrap();
        let root = InventoryHost { escalation: Escalation::Sudo, ..as_user("far", user) };
        assert_eq!(greeting(ssh.connect(&root).unwrap()), format!("root /var/lib/runbook/{place}"), "{shell}");
    }
    let modes = there.sh("stat -c '%a %U' /var/lib/runbook /var/lib/runbook/agent/*/runbook").unwrap();
    assert_eq!(modes.stdout, "700 root\n700 root\n");
}

#[test]
fn hosts_are_reached_at_once_through_a_jump_host_and_the_connection_ends_with_its_link() {
    let Some(lab) = Lab::for_test() else { return };
    let hosts = lab.boot_all(&["bastion", "left", "right"]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let by_lab = lab.ssh(&hosts.iter().collect::<Vec<_>>()).unwrap();
    let ssh = ssh(&by_lab, agent(dir.path(), ECHO)).with_limits(8, 1);
    let behind = |name: &str| {
        let mut host = host(name);
        host.ssh.set_option("ProxyJump".to_owned(), "bastion".to_owned());
        host
    };

    let direct = ssh.connect(&host("left")).unwrap();
    let through = std::thread::scope(|scope| {
        let one = scope.spawn(|| greeting(ssh.connect(&behind("left")).unwrap()));
        let other = scope.spawn(|| greeting(ssh.connect(&behind("right")).unwrap()));
        [one.join().unwrap(), other.join().unwrap()]
    });
    assert!(through.iter().all(|said| said.starts_with("root /var/lib/runbook/agent/")), "{through:?}");
    drop(direct);
    for there in &hosts {
        there.wait_for("! pgrep -x cat", std::time::Duration::from_secs(20)).unwrap();
    }
    let left = std::process::Command::new("pgrep").arg("-f").arg(by_lab.config()).output();
    assert_eq!(String::from_utf8(left.unwrap().stdout).unwrap(), "");
}
