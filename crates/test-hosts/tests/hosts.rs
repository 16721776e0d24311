//! What a host is, proven on real ones.

#![expect(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::time::Duration;
use test_hosts::{Host, Lab, Node, Output};

/// Long enough for a busy machine; nothing waits for it to pass.
const SOON: Duration = Duration::from_secs(20);

fn print(output: test_hosts::Result<Output>) -> String {
    output.unwrap().ok().unwrap()
}

fn pings(from: &Host, to: &Host) -> bool {
    from.run(["ping", "-c1", "-W1", &to.address().to_string()]).unwrap().code == 0
}

#[test]
fn hosts_run_systemd_and_meet() {
    let Some(lab) = Lab::for_test() else { return };
    let hosts = lab.boot_all(&["left", "right"]).unwrap();
    let [left, right] = hosts.as_slice() else { panic!("two hosts were asked for") };

    assert_eq!(print(left.run(["systemctl", "is-system-running"])), "running");
    assert_eq!(print(left.run(["hostname"])), "left");
    assert!(print(left.run(["journalctl", "--unit", "ssh.service", "--no-pager"])).contains("Server listening"));
    assert!(pings(left, right));
    assert!(pings(right, left));
    assert_eq!(right.sh("exit 7").unwrap().code, 7);
}

#[test]
fn hosts_share_nothing_but_the_kernel() {
    let Some(lab) = Lab::for_test() else { return };
    let hosts = lab.boot_all(&["left", "right"]).unwrap();
    let [left, right] = hosts.as_slice() else { panic!("two hosts were asked for") };

    print(left.run(["systemd-run", "--unit=lone", "sleep", "infinity"]));
    assert_eq!(print(left.sh("cat /sys/fs/cgroup/system.slice/lone.service/cgroup.procs | wc -l")), "1");
    assert_ne!(right.sh("test -e /sys/fs/cgroup/system.slice/lone.service").unwrap().code, 0);
    for file in ["/etc/machine-id", "/proc/sys/kernel/random/boot_id", "/etc/ssh/ssh_host_ed25519_key.pub"] {
        assert_ne!(left.read(file).unwrap(), right.read(file).unwrap(), "{file}");
    }
    assert_ne!(left.sh("echo 1 >/proc/sys/kernel/sysrq").unwrap().code, 0);
}

#[test]
fn files_go_in_and_come_out() {
    let Some(lab) = Lab::for_test() else { return };
    let host = lab.boot("files").unwrap();

    host.write("/srv/new/note", "two\nlines\n").unwrap();
    assert_eq!(host.read("/srv/new/note").unwrap(), "two\nlines\n");
    host.copy_in("/bin/true", "/usr/local/bin/does-nothing", 0o750).unwrap();
    assert_eq!(print(host.run(["stat", "-c", "%a %U", "/usr/local/bin/does-nothing"])), "750 root");
    assert_eq!(host.run(["does-nothing"]).unwrap().code, 0);
    assert!(host.read("/no/such/file").is_err());
    // A link of the host leads to a file of the host.
    print(host.sh("ln -s /etc/hostname /srv/link"));
    assert_eq!(host.read("/srv/link").unwrap(), "files\n");
}

#[test]
fn a_tree_goes_in() {
    let Some(lab) = Lab::for_test() else { return };
    let host = lab.boot("tree").unwrap();
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

    host.copy_tree(here, "/srv/sources").unwrap();
    assert_eq!(host.read("/srv/sources/boot.sh").unwrap(), include_str!("../src/boot.sh"));
    assert!(host.copy_tree("/no/such/tree", "/srv/none").is_err());
}

#[test]
fn hosts_reach_one_service_of_the_machine_and_no_other() {
    let Some(lab) = Lab::for_test() else { return };
    let host = lab.boot("inside").unwrap();
    let service = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = service.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut caller in service.incoming().flatten() {
            let mut line = String::new();
            BufReader::new(caller.try_clone().unwrap()).read_line(&mut line).unwrap();
            caller.write_all(format!("heard {line}").as_bytes()).unwrap();
        }
    });
    let ask = |port: u16| {
        let script = format!("exec 3<>/dev/tcp/{}/{port} && echo hello >&3 && cat <&3", lab.gate());
        host.run(["bash", "-c", &script]).unwrap()
    };

    lab.forward(4873, address).unwrap();
    assert_eq!(ask(4873).stdout, "heard hello\n");
    assert_ne!(ask(address.port()).code, 0);
}

#[test]
fn a_host_installs_from_a_registry_and_nothing_is_behind_it() {
    let Some(lab) = Lab::for_test() else { return };
    let Some(node) = Node::for_test() else { return };
    let host = lab.boot("node").unwrap();
    node.put_on(&host, "/usr/local").unwrap();
    let registry = lab.registry(&node).unwrap();
    let package = tempfile::tempdir().unwrap();
    for version in ["1.0.0", "1.1.0"] {
        let manifest = format!(r#"{{ "name": "lab-hello", "version": "{version}", "bin": "hello.js" }}"#);
        let program = format!("#!/usr/bin/env node\nconsole.log('hello from {version}')\n");
        std::fs::write(package.path().join("package.json"), manifest).unwrap();
        std::fs::write(package.path().join("hello.js"), program).unwrap();
        registry.publish(package.path()).unwrap();
    }

    print(host.sh(&format!("echo registry={} > ~/.npmrc", registry.url())));
    assert_eq!(print(host.run(["npm", "view", "lab-hello", "version"])), "1.1.0");
    print(host.run(["npm", "install", "--global", "lab-hello@1.0.0"]));
    assert_eq!(print(host.run(["lab-hello"])), "hello from 1.0.0");
    let stranger = host.run(["npm", "view", "left-pad", "version"]).unwrap();
    assert!(stranger.code != 0 && stranger.stderr.contains("E404"), "{stranger:?}");
    drop(registry);
    assert_ne!(host.run(["npm", "ping", "--fetch-retries=0"]).unwrap().code, 0);
}

#[test]
fn the_network_is_cut_and_restored() {
    let Some(lab) = Lab::for_test() else { return };
    let hosts = lab.boot_all(&["left", "right"]).unwrap();
    let [left, right] = hosts.as_slice() else { panic!("two hosts were asked for") };

    left.cut_network().unwrap();
    assert!(!pings(left, right));
    assert!(!pings(right, left));
    left.restore_network().unwrap();
    left.wait_for(&format!("ping -c1 -W1 {}", right.address()), SOON).unwrap();
}

#[test]
fn after_a_hard_power_off_the_disk_is_there_and_nothing_else() {
    let Some(lab) = Lab::for_test() else { return };
    let mut host = lab.boot("unlucky").unwrap();
    let before =
        (host.address(), host.read("/etc/machine-id").unwrap(), host.read("/proc/sys/kernel/random/boot_id").unwrap());
    host.write("/var/lib/kept", "on the disk\n").unwrap();
    host.write("/run/lost", "in memory\n").unwrap();
    print(host.run(["sync", "/var/lib/kept"]));

    host.power_off_hard().unwrap();
    assert!(host.run(["true"]).is_err());
    host.boot_again().unwrap();

    assert_eq!(host.read("/var/lib/kept").unwrap(), "on the disk\n");
    assert!(host.read("/run/lost").is_err());
    let after =
        (host.address(), host.read("/etc/machine-id").unwrap(), host.read("/proc/sys/kernel/random/boot_id").unwrap());
    assert_eq!((&before.0, &before.1), (&after.0, &after.1));
    assert_ne!(before.2, after.2);
    assert_eq!(
        print(host.run(["journalctl", "--list-boots", "--quiet"])).lines().filter(|line| line.contains("UTC")).count(),
        2
    );
}

#[test]
fn ssh_reaches_hosts_by_name_also_through_one_of_them_and_as_another_user() {
    let Some(lab) = Lab::for_test() else { return };
    let hosts = lab.boot_all(&["front", "back"]).unwrap();
    let [front, back] = hosts.as_slice() else { panic!("two hosts were asked for") };
    back.add_user("ops", "/usr/bin/fish").unwrap();
    let ssh = lab.ssh(&[front, back]).unwrap();
    let config = ssh.config();
    let says = |words: &[&str]| {
        let options = ["ssh", "-oBatchMode=yes", "-F", config.to_str().unwrap()];
        print(lab.run(options.iter().chain(words)))
    };

    assert_eq!(says(&["front", "hostname"]), "front");
    assert_eq!(says(&["-J", "front", "ops@back", "hostname; whoami; echo $FISH_VERSION"]).lines().count(), 3);
    let by_itself = std::process::Command::new(ssh.program()).args(["back", "hostname"]).output().unwrap();
    assert_eq!(String::from_utf8(by_itself.stdout).unwrap(), "back\n");
    std::fs::write(ssh.known_hosts(), "").unwrap();
    let unknown = std::process::Command::new(ssh.program()).args(["-oBatchMode=yes", "back", "true"]).output().unwrap();
    assert!(String::from_utf8(unknown.stderr).unwrap().contains("Host key verification failed"));
}
