//! How long the gateway's port did not answer, as a prober on the host measures it: see probe.mjs.

use super::Result;
use super::clock::seconds;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use test_hosts::Host;

const PROGRAM: &str = include_str!("probe.mjs");

/// A moment at which the port began or ceased to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Turn {
    at_ms: u64,
    up: bool,
}

/// A process on the host that connects every 100 ms.
pub(super) struct Prober {
    process: Child,
    turns: Arc<Mutex<Vec<Turn>>>,
}

impl Prober {
    /// Starts it.
    pub(super) fn start(host: &Host, port: u16) -> Result<Self> {
        let mut node = host.command(["/usr/local/bin/node", "--input-type=module", "--eval", PROGRAM, "--"])?;
        let mut process = node.arg(port.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let turns = Arc::new(Mutex::new(Vec::new()));
        if let Some(said) = process.stdout.take() {
            let turns = Arc::clone(&turns);
            std::thread::spawn(move || {
                for turn in BufReader::new(said).lines().map_while(|line| line.ok()).filter_map(|line| turn(&line)) {
                    turns.lock().unwrap_or_else(PoisonError::into_inner).push(turn);
                }
            });
        }
        Ok(Self { process, turns })
    }

    /// The times without an answer since `begin_ms`, as one line.
    pub(super) fn since(&self, begin_ms: u64) -> String {
        let turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner).clone();
        shown(&gaps(&turns, begin_ms, now_ms()))
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A line of the prober: `down 1700000000000`.
fn turn(line: &str) -> Option<Turn> {
    let (word, at) = line.split_once(' ')?;
    Some(Turn { at_ms: at.parse().ok()?, up: word == "up" })
}

/// How long each time without an answer lasted between the two moments.
fn gaps(turns: &[Turn], begin_ms: u64, end_ms: u64) -> Vec<Duration> {
    let mut found = Vec::new();
    let mut down_at =
        turns.iter().rfind(|turn| turn.at_ms <= begin_ms).is_some_and(|turn| !turn.up).then_some(begin_ms);
    for turn in turns.iter().filter(|turn| turn.at_ms > begin_ms && turn.at_ms <= end_ms) {
        match (down_at, turn.up) {
            (None, false) => down_at = Some(turn.at_ms),
            (Some(since), true) => {
                found.push(Duration::from_millis(turn.at_ms.saturating_sub(since)));
                down_at = None;
            }
            _ => {}
        }
    }
    found.extend(down_at.map(|since| Duration::from_millis(end_ms.saturating_sub(since))));
    found
}

fn shown(gaps: &[Duration]) -> String {
    match gaps {
        [] => "never down".to_owned(),
        [one] => format!("down for {}", seconds(*one)),
        many => {
            let each: Vec<String> = many.iter().copied().map(seconds).collect();
            format!("down {} times: {}; {} in all", many.len(), each.join(" + "), seconds(many.iter().sum()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> Vec<Turn> {
        lines.split(", ").filter_map(turn).collect()
    }

    #[test]
    fn times_without_an_answer_are_counted_from_the_beginning_on() {
        let turns = read("up 0, down 1000, up 3000, down 5000, up 5500");
        let ms = |gaps: Vec<Duration>| gaps.iter().map(Duration::as_millis).collect::<Vec<_>>();
        assert_eq!(ms(gaps(&turns, 500, 9000)), [2000, 500]);
        assert_eq!(ms(gaps(&turns, 2000, 9000)), [1000, 500], "it was down at the beginning");
        assert_eq!(ms(gaps(&turns, 4000, 5200)), [200], "it is down at the end");
        assert!(gaps(&turns, 6000, 9000).is_empty());
    }

    #[test]
    fn they_are_told_in_one_line() {
        let gaps = [Duration::from_millis(2000), Duration::from_millis(500)];
        assert_eq!(shown(&gaps), "down 2 times: 2.0 s + 0.5 s; 2.5 s in all");
        assert_eq!(shown(&gaps[..1]), "down for 2.0 s");
        assert_eq!(shown(&[]), "never down");
    }
}
