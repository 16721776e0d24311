//! When a service that was started counts as up, and what to say when it does not come up.

use super::{Life, Ready, Service, State};
use runbook_host::LogTail;
use runbook_host::{Host, Identity, Reader};
use runbook_model::{Failure, FailureKind, ServiceSeen, format_duration};
use std::time::{Duration, Instant};

/// A service without a port or a log line to wait for has to stay up for this long.
const STAYS_UP: Duration = Duration::from_millis(300);
/// The longest time between two looks at a service that is coming up; its end is noticed at once.
const LOOK: Duration = Duration::from_millis(20);
/// How many of the last lines of its log a failure shows.
const LAST_LINES: usize = 15;

impl Service {
    /// Waits until the service that was just started is up. Fails when it ends, even if it is started again by
    /// itself, and when it takes too long.
    pub(super) fn wait_until_up(&self, host: &Host, state: &State, ready: &Ready) -> Result<(), Failure> {
        let Some(child) = &state.child else { return Err(self.ended(host, state)) };
        if ready.port.is_none() && ready.log.is_none() {
            return if host.wait_gone(child, STAYS_UP)? { Err(self.ended(host, state)) } else { Ok(()) };
        }
        let limit = Duration::from_millis(ready.within_ms);
        let until = Instant::now() + limit;
        let spec_log = self.spec(host)?.map(|spec| spec.log);
        let mut tail = spec_log.zip(state.log_since).map(|(log, mark)| LogTail::new(log, mark));
        let mut said = ready.log.is_none();
        loop {
            if let (Some(tail), Some(text)) = (&mut tail, &ready.log) {
                tail.read(host, &mut |line| said |= line.text.contains(text.as_str()))?;
            }
            let waits_for = match ready.port {
                Some(port) if !self.listens_on(host, port)? => Some(format!("to listen on port {port}")),
                _ if !said => ready.log.as_ref().map(|text| format!("to log `{text}`")),
                _ => None,
            };
            let Some(waits_for) = waits_for else { return Ok(()) };
            host.still_wanted()?;
            if host.wait_gone(child, LOOK)? {
                return Err(self.ended(host, state));
            }
            if Instant::now() >= until {
                let message =
                    format!("service `{}` did not come up: it had {} {waits_for}", self.name, format_duration(limit));
                return Err(self.explained(host, state, Failure::new(FailureKind::TimedOut, message)));
            }
        }
    }

    fn listens_on(&self, host: &Reader, port: u16) -> Result<bool, Failure> {
        let owners = host.port_owners(port)?;
        let own: Vec<Identity> = self.tree(host)?.into_iter().map(|process| process.identity).collect();
        Ok(owners.processes().iter().any(|process| own.contains(&process.identity)))
    }

    fn ended(&self, host: &Reader, before: &State) -> Failure {
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
    fn explained(&self, host: &Reader, state: &State, failure: Failure) -> Failure {
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
        let hint = failure
            .hint
            .clone()
            .or_else(|| self.port_hint(host, spec.ready.port, &lines))
            .unwrap_or_else(|| format!("read its log {} for the cause", spec.log.display()));
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

    /// What the process table says.
    pub fn life(&self, host: &Reader) -> Result<Life, Failure> {
        self.state(host)?.map_or(Ok(Life::Down), |state| state.life(host))
    }

    /// How it is, for the end of a run.
    pub(crate) fn seen(&self, host: &Reader) -> Result<ServiceSeen, Failure> {
        let life = self.life(host)?;
        let up = matches!(life, Life::Running(_) | Life::Unsupervised(_));
        Ok(ServiceSeen { up: Some(up), words: life.words(), start: None })
    }
}
