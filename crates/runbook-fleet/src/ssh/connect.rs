//! From a host of the inventory to a stream of bytes to its agent.

use super::agent::AgentProgram;
use super::arguments::{arguments, jump, typed};
use super::dialogue::{Order, Patience, Stage, Stop, begin};
use super::gates::Gates;
use super::judge::{self, Way};
use super::link::Link;
use super::unreachable::{Reason, Unreachable};
use super::watch::Watch;
use runbook_model::{Escalation, InventoryHost};
use std::cell::Cell;
use std::fmt;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Command};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How many connections there are at once where nothing is said: sshd takes ten that are not logged in, on each host and jump host.
const ALL: usize = 32;
const PER_JUMP: usize = 4;
/// How long a connection waits for its turn.
const TURN: Duration = Duration::from_secs(600);
/// How long ssh may take to read its configuration.
const CONFIGURATION: Duration = Duration::from_secs(10);
/// How often is tried where sshd hangs up at once.
const TRIES: u32 = 6;
/// The first pause between two tries; each one is twice as long, and up to half shorter or longer by chance.
const PAUSE: Duration = Duration::from_millis(250);
const PATIENCE: Patience =
    Patience { login: Duration::from_secs(60), sudo: Duration::from_secs(30), transfer: Duration::from_secs(600) };

/// Connections by OpenSSH. A clone has the same limits and the same count.
#[derive(Clone, Debug)]
pub struct Ssh {
    agent: AgentProgram,
    program: PathBuf,
    state_dir: Option<String>,
    gates: Gates,
    pub(super) patience: Patience,
}

/// A stream of bytes to the agent of a host.
pub struct Connection {
    /// What the agent says.
    pub reader: Box<dyn Read + Send>,
    /// What it is told.
    pub writer: Box<dyn Write + Send>,
    /// The child process that carries both; the connection ends with it.
    pub link: Link,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("link", &self.link).finish_non_exhaustive()
    }
}

impl Ssh {
    /// Connections to agents that are this program, with the `ssh` that is on `PATH`.
    pub fn new(agent: AgentProgram) -> Self {
        Self { agent, program: "ssh".into(), state_dir: None, gates: Gates::new(ALL, PER_JUMP), patience: PATIENCE }
    }

    /// The same with another `ssh`.
    #[must_use]
    pub fn with_program(self, program: &Path) -> Self {
        Self { program: program.to_owned(), ..self }
    }

    /// The same with this state directory on every host; without one each host has its own.
    #[must_use]
    pub fn with_state_dir(self, dir: &str) -> Self {
        Self { state_dir: Some(dir.to_owned()), ..self }
    }

    /// The same with at most `all` connections at once, of which at most `per_jump` go through one jump host.
    #[must_use]
    pub fn with_limits(self, all: usize, per_jump: usize) -> Self {
        Self { gates: Gates::new(all, per_jump), ..self }
    }

    /// Connects to `host`, and places the agent there if it is not there. Each wait in it has an end.
    pub fn connect(&self, host: &InventoryHost) -> Result<Connection, Unreachable> {
        let jump = self.jump(host)?;
        let permit = self.gates.enter(jump.as_deref(), TURN);
        let permit = permit.ok_or_else(|| unreachable(host, Reason::NoTurn(TURN), String::new()))?;
        let way = Way { address: &host.address, jump: jump.as_deref() };
        let mut tries = 1;
        loop {
            match self.attempt(host, &way) {
                Err(Unreachable { reason: Reason::Busy(_), .. }) if tries < TRIES => {
                    thread::sleep(pause(tries));
                    tries += 1;
                }
                Err(Unreachable { reason: Reason::Busy(_), said, .. }) => {
                    return Err(unreachable(host, Reason::Busy(tries), said));
                }
                Err(other) => return Err(other),
                Ok(mut connection) => {
                    connection.link.permit = Some(permit);
                    return Ok(connection);
                }
            }
        }
    }

    /// The jump host that ssh would take, by its own reading of its configuration.
    fn jump(&self, host: &InventoryHost) -> Result<Option<String>, Unreachable> {
        let mut command = Command::new(&self.program);
        command.arg("-G").args(arguments(host));
        let (link, _, mut output) = self.start(host, command)?;
        let watch = Watch::new(CONFIGURATION, link.ender());
        let mut text = String::new();
        let read = output.read_to_string(&mut text);
        if watch.fired() {
            let reason = Reason::Silent { limit: CONFIGURATION, what: "the reading of ssh's configuration" };
            return Err(unreachable(host, reason, link.said()));
        }
        match (read, link.ending()) {
            (Ok(_), Some(0)) => Ok(jump(&text)),
            _ => Err(unreachable(host, Reason::Options, link.said())),
        }
    }

    fn attempt(&self, host: &InventoryHost, way: &Way<'_>) -> Result<Connection, Unreachable> {
        let mut command = Command::new(&self.program);
        // Any login shell understands this; everything else goes to `sh`.
        command.args(arguments(host)).arg("exec sh");
        let (link, mut writer, output) = self.start(host, command)?;
        let mut reader = BufReader::new(output);
        let mark = format!("runbook-{:016x}", chance());
        let order = Order {
            mark: &mark,
            agent: &self.agent,
            sudo: host.escalation == Escalation::Sudo,
            state_dir: self.state_dir.as_deref(),
        };
        let stage = Cell::new(Stage::Login);
        let watch = Watch::new(self.patience.limit(stage.get()), link.ender());
        let begun = begin(&mut reader, &mut writer, &order, &|next| {
            stage.set(next);
            watch.within(self.patience.limit(next));
        });
        let (reason, printed) = match begun {
            Ok(()) if !watch.fired() => {
                return Ok(Connection { reader: Box::new(reader), writer: Box::new(writer), link });
            }
            Err(Stop::Known(reason)) => (reason, String::new()),
            Ok(()) | Err(_) if watch.fired() => {
                let (limit, what) = (self.patience.limit(stage.get()), stage.get().awaited());
                (Reason::Silent { limit, what }, String::new())
            }
            Ok(()) => (Reason::Ended, String::new()),
            Err(Stop::Ended(printed)) => {
                // Both ends of ours stay open until it has said why.
                let code = link.ending();
                let reason = match stage.get() {
                    Stage::Login => judge::of_login(&link.said(), code, way),
                    Stage::Sudo => judge::of_sudo(&link.said()),
                    Stage::Transfer => judge::of_ssh(&link.said(), way),
                };
                (reason, printed)
            }
        };
        let said = [printed, link.said()].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n");
        Err(unreachable(host, reason, said))
    }

    fn start(&self, host: &InventoryHost, command: Command) -> Result<(Link, ChildStdin, ChildStdout), Unreachable> {
        let failed = |error: io::Error| {
            let reason = Reason::NoSsh(self.program.display().to_string(), error.to_string());
            unreachable(host, reason, String::new())
        };
        Link::start(command).map_err(failed)
    }
}

fn unreachable(host: &InventoryHost, reason: Reason, said: String) -> Unreachable {
    Unreachable { host: host.name.to_string(), tried: typed(host), reason, said }
}

/// How long to wait after so many tries.
fn pause(tries: u32) -> Duration {
    let longest = PAUSE * 2_u32.pow(tries - 1);
    let part = f64::from(u32::try_from(chance() >> 32).unwrap_or_default()) / f64::from(u32::MAX);
    longest.mul_f64(0.5 + part)
}

/// A number that others do not have. The time is one as well, where the system gives none.
fn chance() -> u64 {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    getrandom::u64().unwrap_or_else(|_| u64::try_from(now() & u128::from(u64::MAX)).unwrap_or_default())
}
