//! Starting a service, and when it counts as up.

use super::{Ready, Service, Spec, State};
use runbook_host::{Host, Identity, LogTail, Reader};
use runbook_model::{Failure, FailureKind, format_duration};
use std::time::{Duration, Instant};

/// A service without a port or a log line to wait for has to stay up for this long.
const STAYS_UP: Duration = Duration::from_millis(300);
/// The longest time between two looks at a service that is coming up; its end is noticed at once.
const LOOK: Duration = Duration::from_millis(20);

impl Service {
    /// Starts it and waits until it is up. It must be down. What did not come up is brought down again.
    pub fn start(&self, host: &Host, spec: &Spec) -> Result<State, Failure> {
        self.keep_spec(host, spec)?;
        let up = self.spawn(host).and_then(|state| match &state.not_started {
            Some(why) => Err(self.cannot_be_started(why)),
            None => self.wait_until_up(host, &state, &spec.ready).map(|()| state),
        });
        if up.is_err() {
            // The first failure is the one to tell about.
            let _ = self.stop(host);
        }
        up
    }

    /// Waits until the service that was just started is up. Fails when it ends, even if it is started again by
    /// itself, and when it takes too long.
    fn wait_until_up(&self, host: &Host, state: &State, ready: &Ready) -> Result<(), Failure> {
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
}
