//! Why a service is not up: how it ended, what it wrote itself, and who holds its port.

use super::{Service, State};
use runbook_host::{Identity, LogTail, Reader};
use runbook_model::Failure;
use std::time::{Duration, Instant};

/// How many of the last lines of its log a failure shows.
const LAST_LINES: usize = 15;

impl Service {
    pub(super) fn ended(&self, host: &Reader, before: &State) -> Failure {
        // The supervisor writes how it ended a moment later than the process is gone.
        let until = Instant::now() + Duration::from_secs(1);
        let mut how = None;
        while how.is_none() && Instant::now() < until {
            how = self.state(host).ok().flatten().and_then(|state| state.last_exit);
            if how.is_none() {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        let how = how.unwrap_or_else(|| "an unknown exit code".to_owned());
        let failure = Failure::failed(format!("service `{}` ended with {how} right after it was started", self.name));
        let failure = if how.contains("behind") {
            failure.hint("it puts itself in the background; give it the option that keeps it in the foreground")
        } else {
            failure
        };
        self.explained(host, before, failure)
    }

    /// The failure with the last lines of the log, and with what they or the port say about the cause.
    pub(super) fn explained(&self, host: &Reader, state: &State, failure: Failure) -> Failure {
        let Ok(Some(spec)) = self.spec(host) else { return failure };
        let mut lines = std::collections::VecDeque::new();
        if let Some(mark) = state.log_since {
            let mut keep = |line: runbook_host::LogLine| {
                lines.push_back(line.text);
                if lines.len() > LAST_LINES {
                    lines.pop_front();
                }
            };
            let mut tail = LogTail::new(spec.log.clone(), mark);
            let _ = tail.read(host, &mut keep);
            tail.rest(&mut keep);
        }
        let lines: Vec<String> = lines.into();
        let hint = failure.hint.clone().or_else(|| self.port_hint(host, spec.ready.port, &lines));
        let hint = hint.unwrap_or_else(|| format!("read its log {} for the cause", spec.log.display()));
        failure.detail(lines.join("\n")).hint(hint)
    }

    fn port_hint(&self, host: &Reader, port: Option<u16>, lines: &[String]) -> Option<String> {
        let owners = port.map(|port| (port, host.port_owners(port)));
        if let Some((port, Ok(owners))) = owners {
            let own: Vec<Identity> = self.tree(host).ok()?.into_iter().map(|process| process.identity).collect();
            if let Some(other) = owners.processes().into_iter().find(|process| !own.contains(&process.identity)) {
                let what = host.executed(&other.identity).ok()?.unwrap_or_default();
                return Some(format!(
                    "port {port} belongs to {} ({}); end that one with `port.orphan-kill` if it is an orphan",
                    other.identity,
                    what.line()
                ));
            }
            if owners.unseen().is_some() {
                return Some(format!("port {port} belongs to a process of another user"));
            }
        }
        let taken = |line: &&String| {
            let line = line.to_ascii_lowercase();
            line.contains("address already in use") || line.contains("eaddrinuse")
        };
        lines.iter().find(taken)?;
        Some("its port is taken by another process; `ss -lntp` shows by which".to_owned())
    }
}
