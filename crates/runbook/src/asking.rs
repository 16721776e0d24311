//! Whoever sits at the terminal decides where the evidence does not. The question is shown with the run; here is the answer.

use runbook_engine::Asker;
use runbook_model::{Decided, Decision, StepId, format_duration};
use runbook_session::host_facts;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::getpgrp;
use rustix::termios::{QueueSelector, tcflush, tcgetpgrp};
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

/// How often it is looked whether the question still stands.
const LOOK: Duration = Duration::from_millis(200);

/// The terminal on standard input.
pub(crate) struct AtTerminal {
    /// How long an answer is waited for.
    patience: Duration,
    /// Whoever has it asks: a line that is typed answers one question.
    turn: Mutex<()>,
}

impl AtTerminal {
    /// Answers are waited for so long, each from when its question stands.
    pub(crate) fn new(patience: Duration) -> Self {
        Self { patience, turn: Mutex::default() }
    }

    /// Waits until no other question stands. `None` once `withdrawn` says so.
    fn turn(&self, withdrawn: &dyn Fn() -> bool) -> Option<MutexGuard<'_, ()>> {
        while !withdrawn() {
            match self.turn.try_lock() {
                Ok(turn) => return Some(turn),
                Err(TryLockError::Poisoned(turn)) => return Some(turn.into_inner()),
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK),
            }
        }
        None
    }
}

impl Asker for AtTerminal {
    fn patience(&self) -> Duration {
        self.patience
    }

    fn answer(&self, step: &StepId, withdrawn: &dyn Fn() -> bool) -> Option<Decided> {
        let _turn = self.turn(withdrawn)?;
        let begin = Instant::now();
        let mut typed = Vec::new();
        let mut stands = false;
        loop {
            if withdrawn() {
                return None;
            }
            let Some(left) = self.patience.checked_sub(begin.elapsed()).filter(|left| !left.is_zero()) else {
                let within = format_duration(self.patience);
                return Some(Decided::nobody(format!("nobody answered within {within}")));
            };
            if !in_foreground() {
                std::thread::sleep(left.min(LOOK));
                continue;
            }
            if !stands {
                stands = true;
                nothing_typed_ahead();
                ask(step);
            }
            match read_some(&mut typed, left.min(LOOK)) {
                Ok(true) => {}
                Ok(false) => return Some(Decided::nobody("the terminal is gone")),
                Err(error) => return Some(Decided::nobody(format!("the terminal cannot be read: {error}"))),
            }
            while let Some(end) = typed.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = typed.drain(..=end).collect();
                match meaning(&String::from_utf8_lossy(&line)) {
                    Some(decision) => {
                        return Some(Decided { decision, by: host_facts().user, because: String::new() });
                    }
                    None => ask(step),
                }
            }
        }
    }
}

/// What was typed before a question stood answers something else. To be called right before the question is written.
pub(crate) fn nothing_typed_ahead() {
    // What cannot be thrown away cannot be read either, and reading tells what is wrong.
    let _ = tcflush(io::stdin(), QueueSelector::IFlush);
}

/// Says which question stands: there may be several.
fn ask(step: &StepId) {
    // In one piece: the account of the run is written to the same screen by another thread. Nobody may be there to read it.
    let _ = io::stderr().write_all(format!("  `{step}`: rollback, again or keep?\n").as_bytes());
}

/// Whether the terminal gives this process what is typed. One in the background that reads is stopped, and one that is
/// stopped waits for ever. Where there is no such thing as a background, reading tells what is wrong.
fn in_foreground() -> bool {
    tcgetpgrp(io::stdin()).map_or(true, |foreground| foreground == getpgrp())
}

/// Whole words alone: a slip of a finger must not keep anything. A bare Enter takes it back.
fn meaning(line: &str) -> Option<Decision> {
    match line.trim().to_lowercase().as_str() {
        "" | "rollback" => Some(Decision::RollBack),
        "again" => Some(Decision::ReadAgain),
        "keep" => Some(Decision::Keep),
        _ => None,
    }
}

/// Adds what is typed within `limit`. Whether anybody is still there.
fn read_some(typed: &mut Vec<u8>, limit: Duration) -> io::Result<bool> {
    let stdin = io::stdin();
    let limit = Timespec { tv_sec: limit.as_secs().cast_signed(), tv_nsec: limit.subsec_nanos().into() };
    match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&limit)) {
        Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(true),
        Ok(_) => {}
        Err(error) => return Err(error.into()),
    }
    // It may have gone to the background meanwhile.
    if !in_foreground() {
        return Ok(true);
    }
    let mut buffer = [0; 256];
    let read = rustix::io::read(&stdin, &mut buffer)?;
    typed.extend_from_slice(buffer.get(..read).unwrap_or_default());
    Ok(read > 0)
}

#[cfg(test)]
mod tests {
    use super::meaning;
    use runbook_model::Decision;

    #[test]
    fn only_a_whole_word_keeps_what_is_not_proven() {
        assert_eq!(meaning("keep\n"), Some(Decision::Keep));
        assert_eq!(meaning(" Again\n"), Some(Decision::ReadAgain));
        assert_eq!(meaning("\n"), Some(Decision::RollBack));
        for other in ["k\n", "y\n", "yes\n", "keep it\n"] {
            assert_eq!(meaning(other), None, "{other}");
        }
    }
}
