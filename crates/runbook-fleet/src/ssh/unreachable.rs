//! Why a host cannot be reached: each way in which a connection fails, in words, with what to do next. `judge.rs` finds out which it was.

use std::time::Duration;
use thiserror::Error;

/// A host that could not be reached.
#[derive(Debug, Error)]
#[error("cannot reach `{host}` ({tried}): {reason}")]
pub struct Unreachable {
    /// The host's name in the inventory.
    pub host: String,
    /// What was tried, as a person would type it.
    pub tried: String,
    /// What kept it from being reached.
    pub reason: Reason,
    /// The last lines of what ssh and the host said beside it; may be empty.
    pub said: String,
}

/// What kept a host from being reached.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Reason {
    /// There is no ssh here.
    #[error("`{0}` cannot be run on this machine: {1}")]
    NoSsh(String, String),
    /// Options or configuration that ssh refuses.
    #[error("ssh refuses its options or its configuration")]
    Options,
    /// Nothing of ours can be read or sent.
    #[error("the agent's program {0} cannot be read: {1}")]
    Agent(String, String),
    /// Other connections did not end in time.
    #[error("no other connection ended within {}", seconds(.0))]
    NoTurn(Duration),
    /// The name has no address.
    #[error("nobody knows an address for `{0}`")]
    Name(String),
    /// Nobody listens.
    #[error("nobody listens there (connection refused)")]
    Refused,
    /// No answer, or no way there.
    #[error("no answer came from there")]
    NoAnswer,
    /// The jump host is not reached, or does not let anybody through.
    #[error("the way leads through `{0}`, and {1}")]
    Jump(String, JumpFault),
    /// A key that nobody has accepted yet.
    #[error("its host key is not known")]
    HostKeyUnknown,
    /// Another key than the one that is known.
    #[error("its host key is another one than the one that is known")]
    HostKeyChanged,
    /// Nobody is let in.
    #[error("it does not let the user in")]
    Authentication,
    /// More connections at once than sshd takes.
    #[error(
        "sshd hangs up before it says who it is, at each of {0} tries: it has too many connections that are not logged in (MaxStartups)"
    )]
    Busy(u32),
    /// The login shell does not start `sh`.
    #[error("the user's login shell does not start `sh`")]
    NoShell,
    /// Neither Linux nor macOS.
    #[error("it runs {0}, and there is an agent for Linux and macOS")]
    System(String),
    /// The files that a login shell reads print without end.
    #[error("the files that its login shell reads, such as `.bashrc`, printed more than {} KiB", .0 / 1024)]
    Chatty(usize),
    /// The login shell, sudo or the first start hangs.
    #[error("{what} did not happen within {}", seconds(.limit))]
    Silent {
        /// How long was waited.
        limit: Duration,
        /// What was waited for.
        what: &'static str,
    },
    /// No sudo there.
    #[error("there is no `sudo`")]
    NoSudo,
    /// It asks for a password, and nobody is asked.
    #[error("`sudo` wants a password")]
    SudoPassword,
    /// It refuses for another reason.
    #[error("`sudo` refuses")]
    Sudo,
    /// Nothing can be executed where the agent's place is.
    #[error("nothing can be executed where the agent has its place, {0}")]
    NoExec(String),
    /// No room for the agent.
    #[error("there is no room for the agent: {0}")]
    NoSpace(String),
    /// The agent cannot be put in place.
    #[error("the agent cannot be put in its place: {0}")]
    Place(String),
    /// Another processor or system than the agent's.
    #[error("it is {there}, and the agent is for {ours}")]
    Architecture {
        /// System and processor of the host.
        there: String,
        /// Those of the agent.
        ours: String,
    },
    /// The agent does not run there.
    #[error("the agent does not run there: {0}")]
    Broken(String),
    /// What came is not what was sent.
    #[error("what came is not the agent that was sent")]
    Damaged,
    /// Nothing there can compare digests.
    #[error("it has none of `sha256sum`, `shasum` and `openssl`, so that the agent cannot be checked there")]
    NoDigest,
    /// Agent and controller have no version of the protocol in common.
    #[error("its agent speaks the protocol {there}, and this `runbook` speaks {ours}")]
    Protocol {
        /// What the agent speaks, such as `1` or `2 to 3`.
        there: String,
        /// What is spoken here.
        ours: String,
    },
    /// Clocks that are too far apart.
    #[error("its clock is {} {} this one, and {} are allowed", seconds(.off), if *.ahead { "ahead of" } else { "behind" }, seconds(.allowed))]
    ClockSkew {
        /// How far.
        off: Duration,
        /// Whether the host's clock shows more.
        ahead: bool,
        /// The inventory's `max_clock_skew`.
        allowed: Duration,
    },
    /// Something else.
    #[error("the connection ended before the agent was there")]
    Ended,
}

/// What is wrong with a jump host.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum JumpFault {
    /// It is not reached itself.
    #[error("it cannot be reached itself")]
    Unreachable,
    /// It forwards nothing.
    #[error("it forwards no connections (AllowTcpForwarding)")]
    Forbids,
}

impl Unreachable {
    /// What to do next.
    pub fn hint(&self) -> String {
        let (tried, host) = (&self.tried, &self.host);
        match &self.reason {
            Reason::NoSsh(..) => "install OpenSSH's client".to_owned(),
            Reason::Options => format!("compare `ssh.options` of `{host}` in the inventory, and your ssh_config, with ssh_config(5)"),
            Reason::Agent(..) => "build it with `cargo xtask dist`, and name it with --agent FILE".to_owned(),
            Reason::NoTurn(_) => "wait for what is under way, or select fewer hosts".to_owned(),
            Reason::Name(_) => format!("correct `address` of `{host}` in the inventory, or give the name a `Host` block in your ssh_config"),
            Reason::Refused => format!("start sshd there, or correct `address` and `ssh.port` of `{host}` in the inventory"),
            Reason::NoAnswer => "look whether it is on, and what is between: firewall, VPN, jump host".to_owned(),
            Reason::Jump(jump, JumpFault::Unreachable) => format!("make `ssh {jump} true` work, or correct `ProxyJump`"),
            Reason::Jump(jump, JumpFault::Forbids) => format!("allow forwarding in sshd_config of `{jump}`, or go through another host"),
            Reason::HostKeyUnknown => format!("compare its fingerprint with what its console says, and accept it once: `{tried}`"),
            Reason::HostKeyChanged => "find out why first: it may be a new machine, or somebody in between. Then remove the old key with `ssh-keygen -R`".to_owned(),
            Reason::Authentication => format!("make `{tried} true` work without a question: a key in an agent, `ssh.user`, or `IdentityFile` in `ssh.options`"),
            Reason::Busy(_) => "raise MaxStartups in its sshd_config, or connect to fewer hosts at once".to_owned(),
            Reason::NoShell => "give the user a login shell that runs commands, or take another user".to_owned(),
            Reason::System(_) => format!("leave `{host}` out"),
            Reason::Chatty(_) => "let those files print only for terminals: `case $- in *i*) … esac`".to_owned(),
            Reason::Silent { .. } => format!("look what hangs there: `{tried} sh -c true`"),
            Reason::NoSudo => format!("install it, or log in as root and write `become: none` for `{host}`"),
            Reason::SudoPassword => format!("allow it in sudoers (`USER ALL=(ALL) NOPASSWD: ALL`), or log in as root and write `become: none` for `{host}`"),
            Reason::Sudo => format!("make `{tried} sudo -n true` work"),
            Reason::NoExec(_) => "mount it without `noexec`, or name another state directory with --state-dir".to_owned(),
            Reason::NoSpace(_) => "make room, or name another state directory with --state-dir".to_owned(),
            Reason::Place(_) => format!("correct the state directory there, or write `become: sudo` for `{host}`"),
            Reason::Architecture { .. } => "name a `runbook` that is built for it with --agent FILE".to_owned(),
            Reason::Broken(_) => "name a static `runbook` with --agent FILE; `cargo xtask dist` builds one".to_owned(),
            Reason::Damaged => "try again".to_owned(),
            Reason::NoDigest => "install one of them there".to_owned(),
            Reason::Protocol { .. } => "use the same `runbook` here and there: end what the agent has open with the one that began it, then go on with this one".to_owned(),
            Reason::ClockSkew { .. } => format!("set its clock (NTP), or raise `max_clock_skew` of `{host}` in the inventory"),
            Reason::Ended => format!("make `{tried} sh -c true` work"),
        }
    }
}

fn seconds(duration: &Duration) -> String {
    runbook_model::format_duration(*duration)
}
