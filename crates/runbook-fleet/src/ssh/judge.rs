//! What went wrong, from what ssh said and how far the host's side came. The texts are those of OpenSSH and of sudo, in English.

use super::unreachable::{JumpFault, Reason};

/// What was known of the way before anybody connected.
pub(super) struct Way<'a> {
    /// What ssh takes for the address.
    pub(super) address: &'a str,
    /// The last jump host before it.
    pub(super) jump: Option<&'a str>,
}

/// What ssh prints where the other end of the way is no socket but a jump host.
const BEHIND_A_JUMP: &str = "UNKNOWN port 65535";

/// What a text means on this way.
type Meaning = fn(&Way<'_>) -> Reason;
/// Texts of ssh, the first that is found counts.
const TEXTS: &[(&str, Meaning)] = &[
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", |_| Reason::HostKeyChanged),
    ("Host key verification failed", |_| Reason::HostKeyUnknown),
    ("Permission denied (", |_| Reason::Authentication),
    ("Too many authentication failures", |_| Reason::Authentication),
    ("Bad configuration option", |_| Reason::Options),
    ("terminating, ", |_| Reason::Options),
    ("command-line line 0", |_| Reason::Options),
    ("Could not resolve hostname", |way| Reason::Name(way.address.to_owned())),
    ("Name or service not known", |way| Reason::Name(way.address.to_owned())),
    ("name resolution", |way| Reason::Name(way.address.to_owned())),
    ("Connection refused", |_| Reason::Refused),
    ("timed out", |_| Reason::NoAnswer),
    ("Timeout, server", |_| Reason::NoAnswer),
    ("No route to host", |_| Reason::NoAnswer),
    ("Network is unreachable", |_| Reason::NoAnswer),
    ("exchange_identification", |_| Reason::Busy(1)),
    ("Exceeded MaxStartups", |_| Reason::Busy(1)),
    ("Not allowed at this time", |_| Reason::Busy(1)),
];

/// Why ssh ended before the host's side said anything.
pub(super) fn of_ssh(said: &str, way: &Way<'_>) -> Reason {
    let jump = way.jump.unwrap_or("a jump host");
    if said.contains("administratively prohibited") {
        return Reason::Jump(jump.to_owned(), JumpFault::Forbids);
    }
    // It is reached, and says what it met behind it.
    let from_jump = said.contains("stdio forwarding failed");
    let own = TEXTS.iter().find(|(text, _)| said.contains(text)).map(|(_, reason)| reason(way));
    match own {
        // Of two hosts the one that is in the way speaks; a key and a user are the target's only where it was reached.
        Some(_) if said.contains(BEHIND_A_JUMP) && !from_jump => Reason::Jump(jump.to_owned(), JumpFault::Unreachable),
        Some(reason) => reason,
        None => Reason::Ended,
    }
}

/// Why nothing came after ssh had let the user in and the login shell was to become `sh`.
pub(super) fn of_login(said: &str, code: Option<i32>, way: &Way<'_>) -> Reason {
    match (of_ssh(said, way), code) {
        (Reason::Ended, Some(code)) if code != 255 => Reason::NoShell,
        (reason, _) => reason,
    }
}

/// Why `sudo` did not give a shell.
pub(super) fn of_sudo(said: &str) -> Reason {
    let wants = ["password is required", "authentication is required", "no tty present"];
    if wants.iter().any(|text| said.contains(text)) { Reason::SudoPassword } else { Reason::Sudo }
}

/// What a line of the host's side says that begins with `failed`.
pub(super) fn of_line(what: &str, text: &str) -> Reason {
    let is = |words: &[&str]| words.iter().any(|word| text.contains(word));
    match what {
        "system" => Reason::System(text.to_owned()),
        "sudo" => Reason::NoSudo,
        "digest" => Reason::NoDigest,
        "damaged" => Reason::Damaged,
        "place" if is(&["No space left", "quota exceeded"]) => Reason::NoSpace(text.to_owned()),
        "place" => Reason::Place(text.to_owned()),
        "noexec" => Reason::NoExec(text.to_owned()),
        "run" => Reason::Broken(text.to_owned()),
        _ => Reason::Ended,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAY: Way<'_> = Way { address: "far", jump: Some("bastion") };

    #[test]
    fn what_ssh_said_is_known() {
        let jump = |fault| Reason::Jump("bastion".to_owned(), fault);
        for (said, reason) in [
            ("ssh: connect to host 192.0.2.1 port 22: Connection refused", Reason::Refused),
            ("ssh: connect to host 192.0.2.1 port 22: Connection timed out", Reason::NoAnswer),
            ("ssh: Could not resolve hostname far: Name or service not known", Reason::Name("far".to_owned())),
            ("ops@far: Permission denied (publickey).", Reason::Authentication),
            ("kex_exchange_identification: read: Connection reset by peer", Reason::Busy(1)),
            ("ssh_exchange_identification: Connection closed by remote host", Reason::Busy(1)),
            ("command-line: line 0: Bad configuration option: nonsense", Reason::Options),
            (
                "channel 0: open failed: administratively prohibited: open failed\nstdio forwarding failed",
                jump(JumpFault::Forbids),
            ),
            (
                "channel 0: open failed: connect failed: Connection refused\nstdio forwarding failed\n\
                 kex_exchange_identification: Connection closed by remote host\nConnection closed by UNKNOWN port 65535",
                Reason::Refused,
            ),
            (
                "ssh: connect to host bastion port 22: No route to host\nConnection closed by UNKNOWN port 65535",
                jump(JumpFault::Unreachable),
            ),
            ("something that nobody has seen", Reason::Ended),
            ("", Reason::Ended),
        ] {
            assert_eq!(of_ssh(said, &WAY), reason, "{said}");
        }
    }

    #[test]
    fn a_login_that_gives_no_shell_is_not_a_connection_that_broke() {
        assert_eq!(of_login("This account is currently not available.", Some(1), &WAY), Reason::NoShell);
        assert_eq!(of_login("exec: sh: not found", Some(127), &WAY), Reason::NoShell);
        assert_eq!(of_login("client_loop: send disconnect: Broken pipe", Some(255), &WAY), Reason::Ended);
    }

    #[test]
    fn what_the_host_said_is_known() {
        assert!(matches!(of_line("place", "head: error writing: No space left on device"), Reason::NoSpace(_)));
        assert!(matches!(of_line("place", "mkdir: cannot create directory: Permission denied"), Reason::Place(_)));
        assert_eq!(of_line("noexec", "/srv"), Reason::NoExec("/srv".to_owned()));
        assert_eq!(of_line("something new", ""), Reason::Ended);
        assert_eq!(of_sudo("sudo: a password is required"), Reason::SudoPassword);
        assert_eq!(of_sudo("sudo: sorry, you must have a tty to run sudo"), Reason::Sudo);
    }
}
