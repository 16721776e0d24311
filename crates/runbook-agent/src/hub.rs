//! The run that this agent is at work on, and who follows it. Records are not here: the journal has them.

use runbook_engine::{Control, Interrupt, Observer};
use runbook_model::{Record, RunId, StepId};
use runbook_session::{CommandError, Exit, Reservation};
use runbook_wire::Done;
use std::collections::VecDeque;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedSender;

/// How much may be told beside records that nobody has heard yet; the oldest goes first.
const UNHEARD: usize = 256;

/// What connections and runs of an agent share.
#[derive(Default)]
pub(crate) struct Hub {
    inside: Mutex<Inside>,
    changed: Condvar,
}

#[derive(Default)]
struct Inside {
    live: Option<Live>,
    /// How the last run ended, for whoever comes back too late.
    last: Option<Done>,
    connections: usize,
    /// The links that are there, each with its work and its epoch.
    links: Vec<(String, u64, UnixStream)>,
    reserved: Option<Reserved>,
    /// Somebody removes the agent: nothing begins meanwhile.
    leaving: bool,
    retired: bool,
}

/// The host is held for a work whose run is still to come.
struct Reserved {
    work: String,
    held: Reservation,
    until: Instant,
}

struct Live {
    run: RunId,
    controls: UnboundedSender<Control>,
    /// The number of the last record that is in the journal.
    seq: u64,
    /// What was told beside records, each with its number.
    told: VecDeque<(u64, News)>,
    next: u64,
    now_ms: i64,
}

/// What is told beside records.
#[derive(Clone, Debug)]
pub(crate) enum News {
    /// What a step does, after the record of that number.
    Progress(u64, StepId, String),
    /// What a control means.
    Interrupted(Interrupt),
}

/// How a run stands for somebody who has heard a part of it.
pub(crate) struct Standing {
    /// What is new beside records, and the number of the next.
    pub(crate) news: Vec<News>,
    pub(crate) next: u64,
    /// The host's clock as the run has it.
    pub(crate) now_ms: Option<i64>,
    /// Whether the run is this agent's, and goes on.
    pub(crate) is_live: bool,
    /// How it ended, if it was this agent's last one.
    pub(crate) done: Option<Done>,
}

impl Hub {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A run begins; whoever tells it something finds `controls`.
    ///
    /// # Errors
    /// The agent is being removed.
    pub(crate) fn begin(
        self: &Arc<Self>,
        run: RunId,
        controls: UnboundedSender<Control>,
    ) -> Result<Box<dyn Observer>, CommandError> {
        let live = Live { run, controls, seq: 0, told: VecDeque::new(), next: 0, now_ms: 0 };
        let run = live.run.clone();
        let mut inside = self.inside();
        inside.stays()?;
        inside.live = Some(live);
        Ok(Box::new(Watching(Arc::clone(self), run)))
    }

    /// The run is over, or left.
    pub(crate) fn end(&self, done: Done) {
        let mut inside = self.inside();
        // Another one may have begun already: the host is free a moment before this is told.
        if inside.live.as_ref().is_some_and(|live| live.run == done.run) {
            inside.live = None;
        }
        inside.last = Some(done);
        self.changed.notify_all();
    }

    /// Tells the run something. Whether it is one of this agent.
    pub(crate) fn tell(&self, run: &RunId, control: Control) -> bool {
        let inside = self.inside();
        let live = inside.live.as_ref().filter(|live| live.run == *run);
        live.is_some_and(|live| live.controls.send(control).is_ok())
    }

    /// The run that this agent is at work on.
    pub(crate) fn at_work_on(&self) -> Option<RunId> {
        self.inside().live.as_ref().map(|live| live.run.clone())
    }

    /// How `run` stands for somebody who has heard of everything before `next`.
    pub(crate) fn standing(&self, run: &RunId, next: u64) -> Standing {
        let inside = self.inside();
        let live = inside.live.as_ref().filter(|live| live.run == *run);
        let done = inside.last.as_ref().filter(|done| done.run == *run && live.is_none());
        let told = live.iter().flat_map(|live| &live.told).filter(|(nth, _)| *nth >= next);
        Standing {
            news: told.map(|(_, news)| news.clone()).collect(),
            next: live.map_or(next, |live| live.next),
            now_ms: live.map(|live| live.now_ms).filter(|now| *now > 0),
            is_live: live.is_some(),
            done: done.cloned(),
        }
    }

    /// Holds the host for `work` during `time`, by what `hold` makes of the reservation that it has already.
    pub(crate) fn reserve(
        &self,
        work: &str,
        time: Duration,
        hold: impl FnOnce(Option<&Reservation>) -> Result<Reservation, CommandError>,
    ) -> Result<(), CommandError> {
        let mut inside = self.inside();
        inside.stays()?;
        let held =
            hold(inside.reserved.as_ref().filter(|reserved| reserved.work == work).map(|reserved| &reserved.held))?;
        inside.reserved = Some(Reserved { work: work.to_owned(), held, until: Instant::now() + time });
        self.changed.notify_all();
        Ok(())
    }

    /// What `work` has reserved.
    pub(crate) fn reserved(&self, work: &str) -> Option<Reservation> {
        let inside = self.inside();
        inside.reserved.as_ref().filter(|reserved| reserved.work == work).map(|reserved| reserved.held.clone())
    }

    /// Lets go of what `work` has reserved; a run that shares its lock goes on holding that.
    pub(crate) fn release(&self, work: &str) {
        let mut inside = self.inside();
        inside.reserved = inside.reserved.take().filter(|reserved| reserved.work != work);
        self.changed.notify_all();
    }

    /// Waits until something happens in a run, at most so long.
    pub(crate) fn wait(&self, limit: Duration) {
        let inside = self.inside();
        drop(self.changed.wait_timeout(inside, limit));
    }

    /// A link of `work` is there. Older ones of it end, and what they hold is let go before this returns, or within `limit` if they are
    /// busy.
    pub(crate) fn supersede(&self, work: &str, epoch: u64, stream: UnixStream, limit: Duration) {
        let mut inside = self.inside();
        for (of, older, stream) in &inside.links {
            if of == work && *older < epoch {
                // It may be gone already.
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        inside.links.push((work.to_owned(), epoch, stream));
        let older = |inside: &mut Inside| inside.links.iter().any(|(of, older, _)| of == work && *older < epoch);
        drop(self.changed.wait_timeout_while(inside, limit, older));
    }

    /// That link is gone.
    pub(crate) fn unlink(&self, work: &str, epoch: u64) {
        self.inside().links.retain(|(of, number, _)| of != work || *number != epoch);
        self.changed.notify_all();
    }

    /// Somebody connected; it lasts until the value is dropped. `None` where the agent is about to end.
    pub(crate) fn connected(self: &Arc<Self>) -> Option<Connected> {
        let mut inside = self.inside();
        if inside.retired {
            return None;
        }
        inside.connections += 1;
        Some(Connected(Arc::clone(self)))
    }

    /// From now on nothing begins and nothing is reserved, until the value is dropped. `Err` is the run that goes on.
    pub(crate) fn leave(self: &Arc<Self>) -> Result<Leaving, RunId> {
        let mut inside = self.inside();
        if let Some(live) = &inside.live {
            return Err(live.run.clone());
        }
        inside.leaving = true;
        Ok(Leaving(Arc::clone(self)))
    }

    /// Waits until the agent had nothing to do for `idle`, or is told to end and has nothing to do. Nobody can connect afterwards.
    pub(crate) fn wait_for_the_end(&self, idle: Duration) {
        let mut inside = self.inside();
        let mut since = Instant::now();
        loop {
            inside.reserved = inside.reserved.take().filter(|reserved| reserved.until > Instant::now());
            if inside.live.is_some() || inside.connections > 0 || inside.reserved.is_some() {
                since = Instant::now();
            } else if inside.retired || since.elapsed() >= idle {
                inside.retired = true;
                return;
            }
            let ends =
                inside.reserved.as_ref().map(|reserved| reserved.until.saturating_duration_since(Instant::now()));
            let left = idle.saturating_sub(since.elapsed()).min(ends.unwrap_or(idle)).min(Duration::from_secs(1));
            inside = self.changed.wait_timeout(inside, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Inside {
    /// An agent that is being removed takes nothing on.
    fn stays(&self) -> Result<(), CommandError> {
        match self.leaving || self.retired {
            true => Err(CommandError::new(Exit::Held, "the agent is being removed from this host").hint("do it again")),
            false => Ok(()),
        }
    }
}

/// Keeps everything from beginning while the agent is removed.
pub(crate) struct Leaving(Arc<Hub>);

impl Leaving {
    /// Ends the agent at the next moment at which it has nothing to do.
    pub(crate) fn retire(self) {
        self.0.inside().retired = true;
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.inside().leaving = false;
        self.0.changed.notify_all();
    }
}

/// A connection that is counted.
pub(crate) struct Connected(Arc<Hub>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.inside().connections -= 1;
        self.0.changed.notify_all();
    }
}

/// Hears of the run, and wakes who follows it.
struct Watching(Arc<Hub>, RunId);

impl Watching {
    fn update(&self, change: impl FnOnce(&mut Live)) {
        if let Some(live) = self.0.inside().live.as_mut().filter(|live| live.run == self.1) {
            change(live);
        }
        self.0.changed.notify_all();
    }

    fn add(&self, news: impl FnOnce(u64) -> News) {
        self.update(|live| {
            if live.told.len() == UNHEARD {
                live.told.pop_front();
            }
            live.told.push_back((live.next, news(live.seq)));
            live.next += 1;
        });
    }
}

impl Observer for Watching {
    fn record(&mut self, record: &Record) {
        self.update(|live| live.seq = record.seq);
    }

    fn progress(&mut self, step: &StepId, note: &str) {
        self.add(|seq| News::Progress(seq, step.clone(), note.to_owned()));
    }

    fn tick(&mut self, now_ms: i64) {
        self.update(|live| live.now_ms = now_ms);
    }

    fn interrupted(&mut self, interrupt: Interrupt) {
        self.add(|_| News::Interrupted(interrupt));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc::unbounded_channel;

    #[test]
    fn nothing_begins_on_an_agent_that_is_being_removed() {
        let hub = Arc::new(Hub::default());
        let run = RunId::from_entropy([1; 10]);
        let begin = || hub.begin(run.clone(), unbounded_channel().0).map(drop);
        let reserve = || hub.reserve("work", Duration::MAX, |_| Err(CommandError::refused("asked the host")));
        let leaving = hub.leave().unwrap();
        assert_eq!(begin().unwrap_err().exit, Exit::Held);
        assert_eq!(reserve().unwrap_err().exit, Exit::Held);
        // It was refused, and the agent stays.
        drop(leaving);
        assert_eq!(reserve().unwrap_err().message, "asked the host");
        begin().unwrap();
        assert_eq!(hub.leave().err(), Some(run.clone()), "a run that goes on is not left");
        hub.end(Done::of(run.clone()));
        hub.leave().unwrap().retire();
        assert_eq!(begin().unwrap_err().exit, Exit::Held);
        assert!(hub.connected().is_none());
    }
}
