//! Whoever sits at the terminal decides where the evidence does not. The question is shown with the run; here is the answer.

use crate::facts::host_facts;
use runbook_engine::Asker;
use runbook_model::{Decided, Decision, StepId, format_duration};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// How often it is looked whether the question still stands.
const LOOK: Duration = Duration::from_millis(200);

/// The terminal on standard input.
pub(crate) struct AtTerminal {
    /// How long an answer is waited for.
    pub(crate) patience: Duration,
}

impl Asker for AtTerminal {
    fn patience(&self) -> Duration {
        self.patience
    }

    fn answer(&self, _: &StepId, withdrawn: &dyn Fn() -> bool) -> Option<Decided> {
        let begin = Instant::now();
        let mut typed = Vec::new();
        loop {
            if withdrawn() {
                return None;
            }
            let Some(left) = self.patience.checked_sub(begin.elapsed()).filter(|left| !left.is_zero()) else {
                let within = format_duration(self.patience);
                return Some(Decided::nobody(format!("nobody answered within {within}")));
            };
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
                    // Nobody may be there to read it any more.
                    None => drop(writeln!(io::stderr(), "  rollback, again or keep?")),
                }
            }
        }
    }
}

/// Whole words alone: what was typed ahead must not keep anything. A bare Enter takes it back.
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
