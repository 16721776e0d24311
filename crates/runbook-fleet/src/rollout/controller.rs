//! The loop: what comes in is decided on, what is decided is put on record, and only then told to hosts. `decide` knows no clock, no host
//! and no journal; nothing here decides.

use super::kept::{Attempted, Kept};
use super::seen::{FromHost, Seen};
use super::site::Site;
use super::worker::Worker;
use runbook_journal::{Attempt, Error, Holder, Letter, RolloutJournal, StateDir};
use runbook_model::{HostName, Uptime};
use runbook_rollout::{
    Action, Came, Controller as Who, IllegalRecord, Input, Now, Order, RolloutEvent, RolloutRecord, RolloutState, Told,
    Waves, WhyLeave, decide, wakes,
};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// How often is looked at what other processes told.
const LETTERS: Duration = Duration::from_millis(250);
/// How long what is due waits for what came before it and is not read yet.
const LATE: Duration = Duration::from_secs(1);
/// How long all hosts together may take to let go at the end; one that does not is free when its reservation ends.
const LETTING_GO: Duration = Duration::from_secs(30);

/// Makes the way to a host for the controller of that epoch.
pub type Sites = Box<dyn FnMut(&HostName, u64) -> Box<dyn Site> + Send>;

/// What a controller is given beside the rollout.
pub struct Setup {
    /// Who acts.
    pub by: String,
    /// Makes the ways to hosts.
    pub site: Sites,
    /// Hears all that happens; whoever does not listen holds nothing up.
    pub watch: Sender<Seen>,
    /// What a person tells it here.
    pub told: Receiver<Told>,
    /// How long this host is up, and in which boot.
    pub uptime: Box<dyn Fn() -> Uptime + Send>,
}

/// Why a rollout cannot be begun or gone on with.
#[derive(Debug, thiserror::Error)]
pub enum RolloutError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] Error),
    /// What was decided does not follow from what is on record. It is a fault of runbook.
    #[error(transparent)]
    Illegal(#[from] IllegalRecord),
    /// A record cannot be written as JSON.
    #[error("a record cannot be written: {0}")]
    Json(#[from] serde_json::Error),
    /// No thread for a host.
    #[error("no thread can be had for a host: {0}")]
    Thread(#[from] io::Error),
    /// An earlier attempt is not over.
    #[error("{0} is not over; go on with it, or cancel it, before the next one begins")]
    Open(Attempt),
}

/// How a controller ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Which attempt it was.
    pub attempt: Attempt,
    /// Why it ended.
    pub why: WhyLeave,
    /// What is known of the attempt.
    pub state: RolloutState,
}

/// The one controller of an attempt.
pub struct Controller {
    journal: RolloutJournal,
    waves: Waves,
    state: RolloutState,
    setup: Setup,
    workers: BTreeMap<HostName, Worker>,
    inbox: Receiver<FromHost>,
    to_inbox: Sender<FromHost>,
    /// How long it had gone on, and what the clock said, when this controller came.
    from: (u64, Uptime),
    left: Option<WhyLeave>,
    /// What other processes told and is not decided on yet.
    letters: VecDeque<Letter>,
    looked_at: Option<Instant>,
    /// When something is due, in the time that it has gone on.
    wake: Option<u64>,
    /// Since when something is due.
    due_since: Option<Instant>,
    #[cfg(test)]
    pub(super) dies_after: Option<u64>,
}

impl Controller {
    /// Begins the next attempt at `rollout`, which is what `kept` makes for its number. Nothing is asked of a host before
    /// [`run`](Self::run).
    ///
    /// # Errors
    /// Another controller holds it, or the attempt before is not over.
    pub fn begin(
        dir: &StateDir,
        rollout: &str,
        holder: &Holder,
        kept: impl FnOnce(u32) -> Kept,
        setup: Setup,
    ) -> Result<Self, RolloutError> {
        let mut waves = None;
        let saved = |number, before: Option<&Attempt>| {
            if let Some(last) = before
                && !Attempted::read(dir, last)?.state.finished
            {
                return Err(RolloutError::Open(last.clone()));
            }
            let kept = kept(number);
            let text = serde_json::to_string(&kept)?;
            waves = Some(kept.waves);
            Ok(text)
        };
        let journal = RolloutJournal::begin(dir, rollout, holder, saved)?;
        let waves = waves.ok_or_else(|| Error::NoSuchAttempt(rollout.to_owned()))?;
        Ok(Self::of(journal, waves, RolloutState::default(), setup))
    }

    /// Goes on with an attempt, from what is on record of it.
    ///
    /// # Errors
    /// Another controller holds it, or there is none such.
    pub fn resume(dir: &StateDir, attempt: &Attempt, holder: &Holder, setup: Setup) -> Result<Self, RolloutError> {
        let journal = RolloutJournal::open(dir, attempt, holder)?;
        // Read behind the lock: nobody writes any more.
        let Attempted { kept, state, .. } = Attempted::read(dir, attempt)?;
        Ok(Self::of(journal, kept.waves, state, setup))
    }

    fn of(journal: RolloutJournal, waves: Waves, state: RolloutState, setup: Setup) -> Self {
        let now = (setup.uptime)();
        // Time that nobody was there counts, in the same boot.
        let missed = state.controller.as_ref().filter(|(who, _)| !who.boot.is_empty() && who.boot == now.boot);
        let since = missed.map_or(0, |(who, came)| came + now.ms.saturating_sub(who.uptime_ms));
        let from = (state.elapsed_ms.max(since), now);
        let (to_inbox, inbox) = channel();
        Self {
            journal,
            waves,
            state,
            setup,
            workers: BTreeMap::new(),
            inbox,
            to_inbox,
            from,
            left: None,
            letters: VecDeque::new(),
            looked_at: None,
            wake: None,
            due_since: None,
            #[cfg(test)]
            dies_after: None,
        }
    }

    /// Which attempt it is.
    pub fn attempt(&self) -> &Attempt {
        self.journal.attempt()
    }

    /// What it asks of which hosts.
    pub fn waves(&self) -> &Waves {
        &self.waves
    }

    /// What is known of it.
    pub fn state(&self) -> &RolloutState {
        &self.state
    }

    /// Goes on until there is nothing more to do, or another controller acts.
    ///
    /// # Errors
    /// The journal cannot be written; then nothing more is asked of any host, and what runs there ends by itself.
    pub fn run(mut self) -> Result<Ended, RolloutError> {
        let epoch = self.state.epoch + 1;
        let hosts: Vec<HostName> = self.waves.asked_hosts().into_iter().cloned().collect();
        for host in hosts {
            let site = (self.setup.site)(&host, epoch);
            let worker = Worker::start(host.as_str(), site, self.setup.by.clone(), self.to_inbox.clone())?;
            self.workers.insert(host, worker);
        }
        let (by, Uptime { ms: uptime_ms, boot }) = (self.setup.by.clone(), self.from.1.clone());
        let who = Who { by, uptime_ms, boot };
        self.react(if self.state.seq == 0 { Came::Start(who) } else { Came::TakeOver(who) })?;
        let why = loop {
            if let Some(why @ WhyLeave::Superseded) = self.left {
                break why;
            }
            if let Ok(told) = self.setup.told.try_recv() {
                self.react(Came::Told(told))?;
            } else if let Some(letter) = self.letter()? {
                self.open(&letter)?;
            } else if let Some(why) = self.left {
                break why;
            } else if let Some(came) = self.wait() {
                self.react(came)?;
            }
        };
        if why == WhyLeave::Finished {
            self.let_go();
        }
        Ok(Ended { attempt: self.journal.attempt().clone(), why, state: self.state })
    }

    /// Decides on what a letter says. It is thrown away once that is on record, or where it cannot be understood.
    fn open(&mut self, letter: &Letter) -> Result<(), RolloutError> {
        match serde_json::from_str(&letter.body) {
            Ok(told) => self.react(Came::Told(told))?,
            Err(error) => tracing::warn!("a letter to this rollout is not understood: {error}"),
        }
        Ok(self.journal.heard(letter)?)
    }

    /// Hosts that are there are told what they were last asked: that nobody keeps them any more.
    fn let_go(&self) {
        let until = Instant::now() + LETTING_GO;
        self.workers.values().for_each(Worker::ends);
        self.workers.values().for_each(|worker| worker.wait(until));
    }

    /// What comes in next from hosts or with time; `None` where it is time to look whether a person told something.
    fn wait(&mut self) -> Option<Came> {
        let left = self.wake.map(|at| Duration::from_millis(at.saturating_sub(self.now().elapsed_ms)));
        let due = left.is_some_and(|left| left.is_zero());
        // What came while this machine slept is read before anything is taken for late; a host that never stops talking holds up nothing.
        let since = due.then(|| self.due_since.unwrap_or_else(Instant::now));
        self.due_since = since;
        if since.is_some_and(|since| since.elapsed() >= LATE) {
            self.due_since = None;
            return Some(Came::Tick);
        }
        match self.inbox.recv_timeout(left.map_or(LETTERS, |left| left.min(LETTERS))) {
            Ok(FromHost::Came(came)) => Some(came),
            Ok(FromHost::Seen(seen)) => {
                // Whoever does not listen any more holds nothing up.
                let _ = self.setup.watch.send(seen);
                None
            }
            // It holds a sender itself.
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => due.then_some(Came::Tick),
        }
    }

    /// What another process told and is not decided on yet.
    fn letter(&mut self) -> Result<Option<Letter>, RolloutError> {
        if self.letters.is_empty() && self.looked_at.is_none_or(|looked| looked.elapsed() >= LETTERS) {
            self.looked_at = Some(Instant::now());
            for letter in self.journal.letters()? {
                match letter {
                    Ok(letter) => self.letters.push_back(letter),
                    Err(error) => tracing::warn!("a letter to this rollout cannot be read: {error}"),
                }
            }
        }
        Ok(self.letters.pop_front())
    }

    fn now(&self) -> Now {
        let (base, from) = &self.from;
        let elapsed_ms = base + (self.setup.uptime)().ms.saturating_sub(from.ms);
        Now { elapsed_ms: elapsed_ms.max(self.state.elapsed_ms), date_ms: runbook_session::now_ms() }
    }

    /// What came may mean that there is more to do.
    fn react(&mut self, came: Came) -> Result<(), RolloutError> {
        self.left = None;
        let now = self.now();
        let actions = decide(&self.state, &self.waves, &Input { now, came });
        let (mut events, mut orders) = (Vec::new(), Vec::new());
        for action in actions {
            match action {
                Action::Record(event) => events.push(event),
                Action::Send(order) => orders.push(order),
                Action::Leave(why) => self.left = Some(why),
            }
        }
        self.record(events, now)?;
        self.wake = wakes(&self.state, &self.waves, now);
        orders.into_iter().for_each(|order| self.ask(order));
        Ok(())
    }

    /// Appends, then applies, then tells.
    fn record(&mut self, events: Vec<RolloutEvent>, now: Now) -> Result<(), RolloutError> {
        let mut state = self.state.clone();
        let mut records = Vec::new();
        for event in events {
            let takes = matches!(event, RolloutEvent::Started { .. } | RolloutEvent::TakenOver { .. });
            let (seq, epoch) = (state.seq + 1, state.epoch + u64::from(takes));
            let record = RolloutRecord { seq, at: now.date_ms, elapsed_ms: now.elapsed_ms, epoch, event };
            state.apply(&record)?;
            records.push(record);
        }
        if records.is_empty() {
            return Ok(());
        }
        let bodies = records.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
        #[cfg(test)]
        if let Some(last) = self.dies_after.filter(|last| *last <= state.seq) {
            let written = bodies.get(..(last - self.state.seq) as usize).unwrap_or_default();
            self.journal.append(written)?;
            return Err(io::Error::other("killed").into());
        }
        self.journal.append(&bodies)?;
        self.state = state;
        for record in records {
            // Whoever does not listen any more holds nothing up.
            let _ = self.setup.watch.send(Seen::Record(Box::new(record)));
        }
        Ok(())
    }

    fn ask(&self, order: Order) {
        if let Some(worker) = self.workers.get(order.host()) {
            worker.ask(order, &self.setup.by);
        }
    }
}
