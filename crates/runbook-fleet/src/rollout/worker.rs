//! The thread of one host: what is asked of it one after the other, again where the link is lost, and what steers the run that it follows.

use super::seen::{FromHost, Seen};
use super::site::{RunEnd, Said, Says, Site, Steered, Trouble};
use runbook_engine::{Control, Letter};
use runbook_model::RunId;
use runbook_rollout::{Came, Order, Target, TargetVerdict};
use std::collections::VecDeque;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// How long is waited before a host that was lost is asked again: at first, and at most.
const AGAIN: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));

/// A host as the controller has it.
pub(super) struct Worker(Arc<Shared>);

struct Shared {
    asked: Mutex<Asked>,
    changed: Condvar,
}

#[derive(Default)]
struct Asked {
    orders: VecDeque<Order>,
    /// How often something was asked.
    count: u64,
    /// The run that is followed now.
    followed: Option<(RunId, UnboundedSender<Control>)>,
    /// Nothing more is asked; what was asked is still done.
    ends: bool,
    gone: bool,
    /// Whether the thread has ended.
    ended: bool,
}

impl Worker {
    /// Starts the thread of a host.
    pub(super) fn start(name: &str, site: Box<dyn Site>, by: String, inbox: Sender<FromHost>) -> io::Result<Self> {
        let shared = Arc::new(Shared { asked: Mutex::default(), changed: Condvar::new() });
        let mut host = Host { shared: Arc::clone(&shared), site, by, inbox };
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            host.work();
            host.shared.asked().ended = true;
            host.shared.changed.notify_all();
        })?;
        Ok(Self(shared))
    }

    /// Asks the host. What is asked of a target counts from the last time on.
    pub(super) fn ask(&self, order: Order, by: &str) {
        let mut asked = self.0.asked();
        if let (Some(run), Some((followed, told))) = (run_of(&order), &asked.followed)
            && run == followed
        {
            let letter = match &order {
                Order::Commit { .. } => Some(Letter::Commit { by: by.to_owned() }),
                Order::Cancel { .. } => Some(Letter::Cancel),
                // It is followed already.
                _ => None,
            };
            // What is told may be lost with the link: then it is asked for, in place of what was.
            if letter.is_none_or(|letter| told.send(letter.into()).is_err()) {
                return;
            }
        }
        asked.orders.retain(|other| !is_replaced(other, &order));
        asked.orders.push_back(order);
        asked.count += 1;
        drop(asked);
        self.0.changed.notify_all();
    }

    /// Nothing more will be asked. What was asked is done once, a host that cannot be reached is not asked again.
    pub(super) fn ends(&self) {
        self.0.asked().ends = true;
        self.0.changed.notify_all();
    }

    /// Waits until all that was asked is done, at most until then.
    pub(super) fn wait(&self, until: Instant) {
        let left = until.saturating_duration_since(Instant::now());
        drop(self.0.changed.wait_timeout_while(self.0.asked(), left, |asked| !asked.ended));
    }
}

impl Drop for Worker {
    /// The thread ends when it is done with what it does; runs go on without it.
    fn drop(&mut self) {
        let mut asked = self.0.asked();
        asked.gone = true;
        asked.orders.clear();
        if let Some((_, told)) = asked.followed.take() {
            // Nobody listens where the run is just over.
            let _ = told.send(Letter::Leave.into());
        }
        drop(asked);
        self.0.changed.notify_all();
    }
}

impl Shared {
    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The run that an order is about, where it follows or steers one before its end.
fn run_of(order: &Order) -> Option<&RunId> {
    match order {
        Order::Begin { run, .. }
        | Order::Follow { run, .. }
        | Order::Commit { run, .. }
        | Order::Cancel { run, .. } => Some(run),
        _ => None,
    }
}

/// Whether `newer` says what is to become of the same.
fn is_replaced(older: &Order, newer: &Order) -> bool {
    let same = run_of(older).is_some() && run_of(older) == run_of(newer);
    let keeps = |order: &Order| matches!(order, Order::Reserve { .. } | Order::Release(_));
    older == newer || same || (keeps(older) && keeps(newer))
}

struct Host {
    shared: Arc<Shared>,
    site: Box<dyn Site>,
    by: String,
    inbox: Sender<FromHost>,
}

impl Host {
    fn work(&mut self) {
        let mut apart = AGAIN.0;
        while let Some(order) = self.next() {
            match self.tried(&order) {
                Ok(came) => {
                    apart = AGAIN.0;
                    came.into_iter().for_each(|came| self.say(came));
                }
                Err(Trouble::Superseded(_)) => self.say(Came::Superseded),
                Err(Trouble::Away(why)) => match &order {
                    // Nobody knows yet whether it is there at all.
                    Order::Reach(host) => self.say(Came::Unreachable { host: host.clone(), because: why }),
                    _ => self.again(order, why, &mut apart),
                },
                Err(Trouble::Kept(who)) => match order {
                    Order::Reserve { host, request } => self.say(Came::NotReserved { host, request, holder: who }),
                    // Whoever is at work there ends; that the way back cannot begin yet does not make it stuck.
                    Order::RollBack { .. } => self.again(order, who, &mut apart),
                    other => self.refused(&other, format!("the host is kept by somebody else: {who}")),
                },
                Err(Trouble::Refused(why)) => self.refused(&order, why),
            }
        }
    }

    /// Obeys; a fault of runbook is as good as a link that is lost, and is told.
    fn tried(&mut self, order: &Order) -> Result<Option<Came>, Trouble> {
        let begun = Arc::new(AtomicBool::new(false));
        let obeyed = panic::catch_unwind(AssertUnwindSafe(|| self.obey(order, &begun)));
        let came = obeyed.unwrap_or_else(|_| {
            self.shared.asked().followed = None;
            Err(Trouble::Away("what speaks to the host ended by a fault of runbook".to_owned()))
        });
        match came {
            // A run that has begun is never refused: it is asked for again.
            Err(Trouble::Refused(why) | Trouble::Kept(why)) if begun.load(Ordering::SeqCst) => Err(Trouble::Away(why)),
            came => came,
        }
    }

    fn next(&self) -> Option<Order> {
        let mut asked = self.shared.asked();
        loop {
            if asked.gone {
                return None;
            }
            match asked.orders.pop_front() {
                Some(order) => return Some(order),
                None if asked.ends => return None,
                None => asked = self.shared.changed.wait(asked).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn say(&self, came: Came) {
        // Nobody listens any more, then.
        let _ = self.inbox.send(FromHost::Came(came));
    }

    /// Asks the same again after a while, unless something else is asked meanwhile that replaces it.
    fn again(&self, order: Order, why: String, apart: &mut Duration) {
        let note = Seen::Note { host: order.host().clone(), text: why };
        let _ = self.inbox.send(FromHost::Seen(note));
        let asked = self.shared.asked();
        let until = *apart;
        *apart = (*apart * 2).min(AGAIN.1);
        // Other orders that wait are for the same host, and it is not there.
        let known = asked.count;
        let waits = |asked: &mut Asked| !asked.gone && !asked.ends && asked.count == known;
        let waited = self.shared.changed.wait_timeout_while(asked, until, waits);
        let (mut asked, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if !asked.ends && !asked.orders.iter().any(|newer| is_replaced(&order, newer)) {
            asked.orders.push_front(order);
        }
    }

    fn refused(&self, order: &Order, because: String) {
        let came = match order.clone() {
            Order::Reach(host) => Came::Unreachable { host, because },
            Order::Judge { target, .. } => Came::Judged { target, judged: runbook_rollout::Judged::Refused(because) },
            Order::Reserve { host, request } => Came::NotReserved { host, request, holder: because },
            Order::Release(_) => return,
            Order::Fetch { from, artifact, .. } => Came::NotFetched { from, artifact, because },
            Order::Give { target, .. } => Came::NotGiven { target, because },
            Order::Begin { target, .. } => {
                let verdict = TargetVerdict::Failed(runbook_rollout::How::Refused);
                self.note(&target, because);
                Came::Ended { target, verdict, gives: Vec::new() }
            }
            // It has begun, and a host that refuses to tell of it is as good as one that cannot be asked: its deadline ends it.
            Order::Follow { target, .. } | Order::Commit { target, .. } | Order::Cancel { target, .. } => {
                return self.note(&target, because);
            }
            Order::RollBack { target, .. } => {
                self.note(&target, because);
                Came::TookBack { target, whole: false }
            }
        };
        self.say(came);
    }

    fn note(&self, target: &Target, text: String) {
        let _ = self.inbox.send(FromHost::Seen(Seen::Note { host: target.host.clone(), text }));
    }

    /// `begun` tells whether a run that was to begin did, however this ends.
    fn obey(&mut self, order: &Order, begun: &Arc<AtomicBool>) -> Result<Option<Came>, Trouble> {
        Ok(Some(match order.clone() {
            Order::Reach(host) => Came::Reached { platform: self.site.reach()?, host },
            Order::Judge { target, with_artifacts } => {
                Came::Judged { judged: self.site.judge(&target, with_artifacts)?, target }
            }
            Order::Reserve { host, request } => {
                self.site.reserve()?;
                Came::Reserved { host, request }
            }
            Order::Release(_) => {
                self.site.release()?;
                return Ok(None);
            }
            Order::Fetch { from, run, artifact, .. } => {
                Came::Fetched { digest: self.site.fetch(&run, &artifact)?, from, artifact }
            }
            Order::Give { target, artifact, digest } => {
                self.site.give(&target, &artifact, &digest)?;
                Came::Given { target, artifact, digest }
            }
            Order::Begin { target, run } => self.follow(target, &run, Some(begun), None)?,
            Order::Follow { target, run } => self.follow(target, &run, None, None)?,
            Order::Commit { target, run } => {
                let commit = Letter::Commit { by: self.by.clone() };
                self.follow(target, &run, None, Some(commit))?
            }
            Order::Cancel { target, run } => self.follow(target, &run, None, Some(Letter::Cancel))?,
            Order::RollBack { target, run } => {
                let says = telling(self.inbox.clone(), target.clone());
                let steered = Steered { told: unbounded_channel().1, says };
                Came::TookBack { whole: self.site.roll_back(&target, &run, steered)?, target }
            }
        }))
    }

    fn follow(
        &mut self,
        target: Target,
        run: &RunId,
        begins: Option<&Arc<AtomicBool>>,
        first: Option<Letter>,
    ) -> Result<Came, Trouble> {
        let (tell, told) = unbounded_channel();
        if let Some(letter) = first {
            let _ = tell.send(letter.into());
        }
        {
            let mut asked = self.shared.asked();
            if asked.gone {
                return Err(Trouble::Away("this controller ends".to_owned()));
            }
            asked.followed = Some((run.clone(), tell));
        }
        let tells = telling(self.inbox.clone(), target.clone());
        let says: Says = match begins.cloned() {
            Some(begun) => Arc::new(move |said| {
                begun.fetch_or(matches!(said, Said::Begun), Ordering::SeqCst);
                tells(said);
            }),
            None => tells,
        };
        let end = self.site.follow(&target, run, begins.is_some(), Steered { told, says });
        {
            let mut asked = self.shared.asked();
            asked.followed = None;
            if end.is_ok() {
                // It is over, whatever it was told last.
                asked.orders.retain(|order| run_of(order) != Some(run));
            }
        }
        Ok(match end? {
            RunEnd::Over { verdict, gives } => Came::Ended { target, verdict, gives },
            RunEnd::NotThere => Came::NotThere(target),
        })
    }
}

/// Passes on what happens in a run of `target`.
fn telling(inbox: Sender<FromHost>, target: Target) -> Says {
    let inbox = Mutex::new(inbox);
    Arc::new(move |said| {
        let told = match said {
            Said::Begun => FromHost::Came(Came::Begun(target.clone())),
            Said::Held => FromHost::Came(Came::Held(target.clone())),
            Said::Record(record) => FromHost::Seen(Seen::Run { target: target.clone(), record }),
            Said::Progress { step, note } => FromHost::Seen(Seen::Progress { target: target.clone(), step, note }),
        };
        // Nobody listens any more, then.
        let _ = inbox.lock().unwrap_or_else(PoisonError::into_inner).send(told);
    })
}
