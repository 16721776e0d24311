//! The arguments of ssh, and what ssh makes of them with the operator's own configuration.

use runbook_model::InventoryHost;

/// What the connection sets for itself: it carries bytes for a program, and nobody is asked. Of an option that is given twice ssh takes the
/// first one.
const OURS: &[&str] = &[
    "BatchMode=yes",
    "RequestTTY=no",
    "RemoteCommand=none",
    "ControlMaster=no",
    "ControlPath=none",
    "PermitLocalCommand=no",
    "EscapeChar=none",
    "LogLevel=INFO",
];

/// What counts unless the inventory says otherwise.
const UNLESS_SAID: &[(&str, &str)] =
    &[("ConnectTimeout", "10"), ("ServerAliveInterval", "15"), ("ServerAliveCountMax", "3")];

/// The arguments up to the address, without the command.
pub(super) fn arguments(host: &InventoryHost) -> Vec<String> {
    let mut words = vec!["-T".to_owned()];
    let mut option = |text: String| words.extend(["-o".to_owned(), text]);
    OURS.iter().for_each(|ours| option((*ours).to_owned()));
    let said = |keyword: &str| host.ssh.options.keys().any(|key| key.eq_ignore_ascii_case(keyword));
    host.ssh.options.iter().for_each(|(keyword, value)| option(format!("{keyword}={value}")));
    UNLESS_SAID.iter().filter(|(key, _)| !said(key)).for_each(|(key, value)| option(format!("{key}={value}")));
    words.extend(host.ssh.user.iter().flat_map(|user| ["-l".to_owned(), user.clone()]));
    words.extend(host.ssh.port.iter().flat_map(|port| ["-p".to_owned(), port.to_string()]));
    words.extend(["--".to_owned(), host.address.clone()]);
    words
}

/// What a person would type to try the same.
pub(super) fn typed(host: &InventoryHost) -> String {
    let port = host.ssh.port.map_or(String::new(), |port| format!("-p {port} "));
    let jump = host.ssh.options.iter().find(|(key, _)| key.eq_ignore_ascii_case("ProxyJump"));
    let jump = jump.map_or(String::new(), |(_, jump)| format!("-J {jump} "));
    let user = host.ssh.user.as_ref().map_or(String::new(), |user| format!("{user}@"));
    format!("ssh {port}{jump}{user}{}", host.address)
}

/// The last jump host in what `ssh -G` says, without user and port: whose connections are counted.
pub(super) fn jump(configuration: &str) -> Option<String> {
    let value = |line: &str| line.strip_prefix("proxyjump ").map(str::to_owned);
    let all = configuration.lines().find_map(value).filter(|value| value != "none")?;
    let last = all.rsplit(',').next().unwrap_or_default().trim_start_matches("ssh://");
    let host = last.rsplit('@').next().unwrap_or_default();
    // An address of IPv6 stands in brackets.
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssh::tests::host;

    #[test]
    fn what_the_inventory_says_comes_before_what_counts_otherwise() {
        let mut far = host("far");
        far.ssh.user = Some("ops".to_owned());
        far.ssh.port = Some(2222);
        far.ssh.set_option("connecttimeout".to_owned(), "3".to_owned());
        far.ssh.set_option("ProxyJump".to_owned(), "bastion".to_owned());
        let words = arguments(&far).join(" ");
        assert!(words.starts_with("-T -o BatchMode=yes -o "), "{words}");
        let end = "-o LogLevel=INFO -o ProxyJump=bastion -o connecttimeout=3 -o ServerAliveInterval=15 -o ServerAliveCountMax=3 \
                   -l ops -p 2222 -- far";
        assert!(words.ends_with(end), "{words}");
        assert_eq!(typed(&far), "ssh -p 2222 -J bastion ops@far");
        assert_eq!(typed(&host("plain")), "ssh plain");
    }

    #[test]
    fn the_last_jump_host_counts() {
        for (said, name) in [
            ("hostname far\nproxyjump bastion\nport 22\n", Some("bastion")),
            ("proxyjump one,ops@two:2222\n", Some("two")),
            ("proxyjump ssh://ops@[2001:db8::1]:22\n", Some("2001:db8::1")),
            ("proxyjump none\n", None),
            ("user root\n", None),
        ] {
            assert_eq!(jump(said).as_deref(), name, "{said}");
        }
    }
}
