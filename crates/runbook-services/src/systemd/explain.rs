//! Why a unit is not as it should be: what systemd says of its end, and what it said itself.

use super::{Unit, UnitState};
use runbook_host::{Command, Host};
use runbook_model::{Failure, FailureKind};
use std::time::Duration;

/// How many of the last lines a failure shows.
const LAST_LINES: usize = 15;
const LIMIT: Duration = Duration::from_secs(10);

impl Unit {
    /// The failure `what`, with the reasons that `state` holds and the last lines since `since_ms`, when the job was
    /// asked for.
    pub(super) fn explained(&self, host: &Host, state: &UnitState, since_ms: i64, what: &str) -> Failure {
        let lines = self.last_lines(host, since_ms);
        let timed_out = state.result == "timeout";
        let kind = if timed_out { FailureKind::TimedOut } else { FailureKind::Failed };
        let ending = state.ending().map(|ending| format!(": {ending}")).unwrap_or_default();
        let scope = if self.user { "--user " } else { "" };
        let hint =
            state.next_action().map_or_else(|| format!("read `journalctl {scope}-u {self}` for the cause"), Into::into);
        Failure::new(kind, format!("{what}{ending}")).detail(lines).hint(hint)
    }

    /// The last lines that the unit wrote since then, and that systemd wrote about it; empty if the journal cannot be
    /// read. Not by invocation: journald finds that out too late for a process that ended at once.
    fn last_lines(&self, host: &Host, since_ms: i64) -> String {
        // What has been written a moment ago may still be on its way into the journal. Only root may ask for this.
        let limited = |argv: Vec<String>| Command { limit: Some(LIMIT), ..Command::new(argv) };
        let _ = host.ask(&limited(vec!["journalctl".to_owned(), "--sync".to_owned()]));
        let mut argv = ["journalctl", "--no-pager", "--quiet", "--output=cat"].map(str::to_owned).to_vec();
        argv.push(format!("--{}={}", if self.user { "user-unit" } else { "unit" }, self.name));
        argv.push(format!("--lines={LAST_LINES}"));
        argv.push(format!("--since=@{}.{:03}", since_ms.div_euclid(1000), since_ms.rem_euclid(1000)));
        match host.ask(&limited(argv)) {
            Ok(output) if output.status.success() => runbook_host::without_escapes(&output.text()),
            _ => String::new(),
        }
    }
}

impl UnitState {
    /// How it ended, in words; `None` if systemd sees nothing wrong.
    pub(super) fn ending(&self) -> Option<String> {
        let status = self.get("ExecMainStatus");
        let again = match self.restarts {
            0 => "",
            _ => "; systemd has started it again by itself",
        };
        let how = match (self.result.as_str(), self.get("ExecMainCode")) {
            ("success" | "", _) if self.lacks_conditions() => "its conditions do not hold".to_owned(),
            ("success" | "", "1") if !self.is_up() => format!("its main process ended with exit status {status}"),
            ("success" | "", _) if self.restarts == 0 => return None,
            ("success" | "", _) => "its main process ended".to_owned(),
            ("exit-code", _) if status == "0" => "a command of it ended with an error (Result=exit-code)".to_owned(),
            ("exit-code", _) => format!("its main process ended with exit status {status} (Result=exit-code)"),
            ("signal" | "core-dump", _) => {
                format!("its main process was killed by signal {status} (Result={})", self.result)
            }
            ("timeout", _) => "it took longer than its TimeoutStartSec= or TimeoutStopSec= (Result=timeout)".to_owned(),
            ("start-limit-hit", _) => "it was started too often in a short time (Result=start-limit-hit)".to_owned(),
            ("protocol", _) => "it did not say that it is ready, as its Type= promises (Result=protocol)".to_owned(),
            (other, _) => format!("Result={other}"),
        };
        Some(format!("{how}{again}"))
    }

    /// The next action, where the end tells it (systemd.exec(5), "Process Exit Codes").
    fn next_action(&self) -> Option<&'static str> {
        match (self.result.as_str(), self.get("ExecMainStatus")) {
            ("start-limit-hit", _) => {
                Some("correct what makes it end, then `systemctl reset-failed` allows a new start")
            }
            ("exit-code", "203") => {
                Some("systemd could not execute the program of ExecStart=; correct the path or its mode")
            }
            ("exit-code", "200") => Some("systemd could not enter its WorkingDirectory=; make it, or correct the unit"),
            ("exit-code", "217") => Some("systemd does not know its User=; make the user, or correct the unit"),
            _ => None,
        }
    }

    /// A property as systemd told it; empty if it told none.
    pub fn get(&self, property: &str) -> &str {
        self.properties.get(property).map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(text: &str) -> String {
        UnitState::parse(text).ending().unwrap_or_default()
    }

    #[test]
    fn the_end_of_a_unit_is_told_in_words() {
        assert_eq!(
            ending("ActiveState=failed\nResult=exit-code\nExecMainCode=1\nExecMainStatus=3\n"),
            "its main process ended with exit status 3 (Result=exit-code)"
        );
        assert_eq!(
            ending(
                "ActiveState=activating\nSubState=auto-restart\nResult=signal\nExecMainCode=2\nExecMainStatus=9\nNRestarts=2\n"
            ),
            "its main process was killed by signal 9 (Result=signal); systemd has started it again by itself"
        );
        assert_eq!(
            ending("ActiveState=inactive\nResult=success\nExecMainCode=1\nExecMainStatus=0\nConditionResult=yes\n"),
            "its main process ended with exit status 0"
        );
        assert_eq!(
            ending("ActiveState=inactive\nResult=success\nConditionResult=no\nConditionTimestampMonotonic=5\n"),
            "its conditions do not hold"
        );
        assert_eq!(ending("ActiveState=active\nResult=success\nNRestarts=0\nConditionResult=yes\n"), "");
    }
}
