//! Who else starts a unit, and bringing it down and up together with them.
//!
//! Sockets, timers and paths that trigger it go down before it and come up with it: a socket before the unit, for systemd
//! gives it none once it runs. Who starts it in another way (the bus, a cron job, a unit that upholds it) is kept out by `hold.rs`.

use super::{Unit, UnitState, Verb};
use crate::manner::Manner;
use runbook_host::{Host, Reader};
use runbook_model::Failure;
use runbook_step::Work;

/// How often somebody else may be faster with a start of the unit than this with its sockets.
const ATTEMPTS: u32 = 10;

/// How a unit is brought up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rise {
    /// What runs already may stay: nothing of it is older than what was changed.
    Start,
    /// What runs already is replaced.
    Anew,
}

impl Unit {
    /// The units that start it and are active, in the order in which they are to be stopped.
    pub fn triggers(&self, host: &Reader, state: &UnitState) -> Result<Vec<String>, Failure> {
        let mut active = Vec::new();
        for name in state.get("TriggeredBy").split_whitespace() {
            if !self.beside(name).state(host)?.is_down() {
                active.push(name.to_owned());
            }
        }
        Ok(active)
    }

    /// `; gw.socket and gw.timer, which start it, are stopped first; org.gw on the bus starts it as well`, for predictions.
    pub fn starters_words(&self, host: &Reader, state: &UnitState) -> Result<String, Failure> {
        let triggers = self.triggers(host, state)?;
        let mut words = match triggers.as_slice() {
            [] => String::new(),
            [one] => format!("; {one}, which starts it, is stopped first"),
            several => format!("; {}, which start it, are stopped first", several.join(" and ")),
        };
        let bus = Some(state.get("BusName")).filter(|name| !name.is_empty()).map(|name| format!("{name} on the bus"));
        let upholders = state.get("UpheldBy").split_whitespace().map(str::to_owned);
        let others: Vec<String> = bus.into_iter().chain(upholders).collect();
        if !others.is_empty() {
            words.push_str(&format!("; others that start it wait until then: {}", others.join(", ")));
        }
        Ok(words)
    }

    /// Brings it down with all that starts it, and keeps everybody from starting it until it is let go. Whether it was up.
    pub fn bring_down(&self, work: &Work<'_>, manner: Manner) -> Result<bool, Failure> {
        let host = work.host;
        let state = self.state(host)?;
        let triggers = self.triggers(host, &state)?;
        self.owe(work, &triggers)?;
        for name in &triggers {
            let trigger = self.beside(name);
            trigger.stop(host, manner)?;
        }
        let kept = self.hold(host, &state)?;
        if !kept && state.load == super::Load::Loaded {
            work.say(format!(
                "{self} cannot be kept down: this user may not write its drop-ins, so others may start it"
            ));
        }
        let stopped = self.stop(host, manner)?;
        // A stop may have come while one of them was on its way up.
        for name in &triggers {
            self.beside(name).stop(host, manner)?;
        }
        Ok(stopped)
    }

    /// Brings it up, and with it what starts it: `triggers`, and what this run owes.
    pub fn bring_up(
        &self,
        work: &Work<'_>,
        manner: Manner,
        rise: Rise,
        triggers: &[String],
    ) -> Result<UnitState, Failure> {
        let host = work.host;
        let (sockets, rest) = self.missing(work, triggers)?;
        self.read_again(host)?;
        let is_up = self.state(host)?.is_up();
        self.open_sockets(work, manner, &sockets)?;
        let state = match rise {
            Rise::Anew if is_up && sockets.is_empty() => self.restart(host, manner)?,
            _ => self.start(host, manner)?,
        };
        self.start_triggers(work, &rest)?;
        self.forget_hold(host)?;
        self.forget_owed(work)?;
        Ok(state)
    }

    /// Has systemd read the unit's files if they were changed since: what is on the disk is what shall run.
    fn read_again(&self, host: &Host) -> Result<(), Failure> {
        if self.state(host)?.needs_reload { self.daemon_reload(host) } else { Ok(()) }
    }

    /// Lets others start it, with its sockets up before anybody does: systemd starts no socket of a unit that runs.
    fn open_sockets(&self, work: &Work<'_>, manner: Manner, sockets: &[String]) -> Result<(), Failure> {
        let host = work.host;
        let manner = manner.lenient();
        if sockets.is_empty() {
            return self.release(host);
        }
        let mut attempt = 1;
        loop {
            let state = self.state(host)?;
            if state.is_up() || attempt > 1 {
                self.hold(host, &state)?;
                self.stop(host, manner)?;
                // It may have been started as often as systemd allows, which a socket does not survive.
                self.reset_failed(host)?;
            }
            self.release(host)?;
            match self.start_triggers(work, sockets) {
                Err(_) if attempt < ATTEMPTS => attempt += 1,
                ended => return ended,
            }
        }
    }

    /// Lets others start it again, and brings back what starts it, whether it is up or not.
    pub(super) fn let_others(&self, work: &Work<'_>, manner: Manner, triggers: &[String]) -> Result<(), Failure> {
        let (sockets, rest) = self.missing(work, triggers)?;
        self.open_sockets(work, manner, &sockets)?;
        self.start_triggers(work, &rest)?;
        self.forget_hold(work.host)?;
        self.forget_owed(work)
    }

    /// Whether a socket is down that has to come up before it.
    pub(super) fn lacks_socket(&self, work: &Work<'_>, triggers: &[String]) -> Result<bool, Failure> {
        Ok(!self.missing(work, triggers)?.0.is_empty())
    }

    /// Whether something that starts it is down and has to come up.
    pub(super) fn lacks_starters(&self, work: &Work<'_>, triggers: &[String]) -> Result<bool, Failure> {
        let (sockets, rest) = self.missing(work, triggers)?;
        Ok(!sockets.is_empty() || !rest.is_empty())
    }

    /// What starts it, was taken down by this run, and is down.
    pub(super) fn starters_that_are_down(&self, work: &Work<'_>) -> Result<Vec<String>, Failure> {
        let (mut sockets, rest) = self.missing(work, &[])?;
        sockets.extend(rest);
        Ok(sockets)
    }

    /// Which of `triggers` and of those that this run owes are down: sockets, and the others.
    fn missing(&self, work: &Work<'_>, triggers: &[String]) -> Result<(Vec<String>, Vec<String>), Failure> {
        let mut wanted = triggers.to_vec();
        wanted.extend(self.owed(work)?.into_iter().flat_map(|owed| owed.triggers));
        wanted.sort_unstable();
        wanted.dedup();
        Ok(self.down_of(work.host, wanted)?.into_iter().partition(|name| name.ends_with(".socket")))
    }

    /// Starts units that start this one. systemd has to show them up.
    pub fn start_triggers(&self, work: &Work<'_>, names: &[String]) -> Result<(), Failure> {
        for name in names {
            let trigger = self.beside(name);
            if trigger.state(work.host)?.active == "failed" {
                trigger.reset_failed(work.host)?;
            }
            let since = work.host.now_ms();
            let result = trigger.job(work.host, Verb::Start)?;
            let state = trigger.state(work.host)?;
            if state.is_down() {
                let what =
                    format!("{trigger}, which starts {self}, does not come up: the job to start it {}", result.words());
                return Err(trigger.explained(work.host, &state, since, &what));
            }
        }
        Ok(())
    }

    fn down_of(&self, host: &Reader, names: Vec<String>) -> Result<Vec<String>, Failure> {
        let mut down = Vec::new();
        for name in names {
            if self.beside(&name).state(host)?.is_down() {
                down.push(name);
            }
        }
        Ok(down)
    }

    /// Another unit of the same manager.
    pub(super) fn beside(&self, name: &str) -> Self {
        Self { name: name.to_owned(), user: self.user }
    }
}
