//! What is said until the agent is there: the script goes over, and each of its marked lines is answered.

use super::agent::AgentProgram;
use super::judge;
use super::unreachable::Reason;
use runbook_host::without_escapes;
use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::time::Duration;

/// What runs on the host until the agent does.
const SCRIPT: &str = include_str!("attach.sh");
/// How much the files of a login shell may print.
const CHATTER: usize = 64 << 10;

/// What the agent is to be.
pub(super) struct Order<'a> {
    /// The word that marks our lines, which nothing else prints.
    pub(super) mark: &'a str,
    pub(super) agent: &'a AgentProgram,
    pub(super) sudo: bool,
    pub(super) state_dir: Option<&'a str>,
}

/// How long each part may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// From the start of ssh to the first line of ours.
    pub(super) login: Duration,
    pub(super) sudo: Duration,
    /// The transfer of the agent's program, with its check.
    pub(super) transfer: Duration,
}

/// How far it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Login,
    Sudo,
    Transfer,
}

impl Stage {
    /// What is waited for.
    pub(super) fn awaited(self) -> &'static str {
        match self {
            Self::Login => "a login with a shell that runs commands",
            Self::Sudo => "`sudo`",
            Self::Transfer => "the transfer of the agent, with its check",
        }
    }
}

impl Patience {
    pub(super) fn limit(&self, stage: Stage) -> Duration {
        match stage {
            Stage::Login => self.login,
            Stage::Sudo => self.sudo,
            Stage::Transfer => self.transfer,
        }
    }
}

/// Why there is no agent.
#[derive(Debug)]
pub(super) enum Stop {
    /// The stream ended; who ended it has said why beside it, or here: the last line that was none of ours.
    Ended(String),
    /// It is known why.
    Known(Reason),
}

/// Speaks until the agent has the stream. `enter` hears of each stage when it begins.
pub(super) fn begin(
    from: &mut impl BufRead,
    to: &mut impl Write,
    order: &Order<'_>,
    enter: &dyn Fn(Stage),
) -> Result<(), Stop> {
    enter(Stage::Login);
    send_script(to, order, order.sudo);
    loop {
        let line = next_line(from, order.mark)?;
        let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match word {
            "attached" => return Ok(()),
            "escalating" => {
                enter(Stage::Sudo);
                send_script(to, order, false);
            }
            "lacks" => {
                enter(Stage::Transfer);
                let (system, processor) = rest.split_once(' ').unwrap_or((rest, ""));
                if let Some(ours) = order.agent.other_than(system, processor) {
                    return Err(Stop::Known(Reason::Architecture { there: rest.to_owned(), ours }));
                }
                send_program(to, order.agent).map_err(Stop::Known)?;
            }
            "failed" => {
                let (what, text) = rest.split_once(' ').unwrap_or((rest, ""));
                return Err(Stop::Known(judge::of_line(what, text.trim())));
            }
            _ => return Err(Stop::Ended(line)),
        }
    }
}

/// The rest of the next marked line. What stands before the first one is what the login shell's files print.
fn next_line(from: &mut impl BufRead, mark: &str) -> Result<String, Stop> {
    let mut chatter = 0;
    let mut last = String::new();
    loop {
        let mut line = Vec::new();
        let read = from.take(CHATTER as u64).read_until(b'\n', &mut line);
        if !matches!(read, Ok(1..)) {
            return Err(Stop::Ended(last));
        }
        let text = String::from_utf8_lossy(&line);
        if let Some(rest) = text.strip_prefix(mark).and_then(|rest| rest.strip_prefix(' ')) {
            return Ok(rest.trim_end().to_owned());
        }
        chatter += line.len();
        if chatter >= CHATTER {
            return Err(Stop::Known(Reason::Chatty(CHATTER)));
        }
        if !text.trim().is_empty() {
            last = without_escapes(text.trim_end());
        }
    }
}

/// Who does not take it has said why, or does so now: that is read, and what failed here is not told.
fn send_script(to: &mut impl Write, order: &Order<'_>, sudo: bool) {
    let length = order.agent.length.to_string();
    let escalation = if sudo { "sudo" } else { "none" };
    let words = [order.mark, &order.agent.digest, &length, escalation, order.state_dir.unwrap_or_default()];
    let words: Vec<String> = words.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect();
    let _ = to.write_all(format!("set -- {}\n{SCRIPT}", words.join(" ")).as_bytes()).and_then(|()| to.flush());
}

/// The same for the program; what is told is that it cannot be read here.
fn send_program(to: &mut impl Write, agent: &AgentProgram) -> Result<(), Reason> {
    let unreadable = |error: io::Error| Reason::Agent(agent.path.display().to_string(), error.to_string());
    let mut file = File::open(&agent.path).map_err(unreadable)?.take(agent.length);
    let mut piece = vec![0; 64 << 10];
    loop {
        let count = file.read(&mut piece).map_err(unreadable)?;
        let Some(piece) = piece.get(..count).filter(|piece| !piece.is_empty()) else { break };
        if to.write_all(piece).is_err() {
            return Ok(());
        }
    }
    let _ = to.flush();
    if file.limit() > 0 {
        return Err(unreadable(io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter")));
    }
    Ok(())
}
