//! Tells the observer on a thread of its own, for a terminal that nobody reads must not hold up the run.
//!
//! What must be told (records, interrupts) is queued without a limit and never waited for: a run has only so many of
//! them, and its state holds as much. What may be dropped (notes, the time) is, when the observer is behind.

use crate::{Error, Interrupt, Observer};
use runbook_model::{Record, StepId};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// For how long the end of a run waits for an observer that tells nothing any more.
const PATIENCE: Duration = if cfg!(test) { Duration::from_millis(300) } else { Duration::from_secs(5) };
/// How many notes may be queued behind what was not told yet.
const BEHIND: usize = 256;

/// An observer and what it has not been told yet. Dropping it waits until all is told, or nothing is for some seconds.
pub(crate) struct Audience(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    untold: VecDeque<News>,
    /// How much was told.
    told: u64,
    /// Nothing more comes.
    closed: bool,
    /// The observer is gone.
    gone: bool,
}

enum News {
    Record(Box<Record>),
    Interrupt(Interrupt),
    Note(StepId, String),
    Tick(i64),
}

impl Audience {
    pub(crate) fn of(observer: Box<dyn Observer>) -> Result<Self, Error> {
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("observer".to_owned());
        thread.spawn(move || own.tell_all(observer)).map_err(Error::Start)?;
        Ok(Self(shared))
    }

    pub(crate) fn record(&self, record: &Record) {
        self.0.add(News::Record(Box::new(record.clone())), usize::MAX);
    }

    pub(crate) fn interrupted(&self, interrupt: Interrupt) {
        self.0.add(News::Interrupt(interrupt), usize::MAX);
    }

    pub(crate) fn progress(&self, step: StepId, note: String) {
        self.0.add(News::Note(step, note), BEHIND);
    }

    pub(crate) fn tick(&self, now_ms: i64) {
        self.0.add(News::Tick(now_ms), 1);
    }
}

impl Drop for Audience {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.closed = true;
        self.0.changed.notify_all();
        loop {
            let told = queue.told;
            let waits = |queue: &mut Queue| !queue.gone && queue.told == told;
            let waited = self.0.changed.wait_timeout_while(queue, PATIENCE, waits);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
            if queue.gone || queue.told == told {
                return;
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues `news` if less than `limit` is queued.
    fn add(&self, news: News, limit: usize) {
        let mut queue = self.lock();
        if !queue.gone && queue.untold.len() < limit {
            queue.untold.push_back(news);
            self.changed.notify_all();
        }
    }

    /// Until nothing more comes, or the observer panics.
    fn tell_all(&self, observer: Box<dyn Observer>) {
        let _leaving = Leaving(self);
        let mut observer = observer;
        while let Some(news) = self.next() {
            match news {
                News::Record(record) => observer.record(&record),
                News::Interrupt(interrupt) => observer.interrupted(interrupt),
                News::Note(step, note) => observer.progress(&step, &note),
                News::Tick(now_ms) => observer.tick(now_ms),
            }
            self.lock().told += 1;
            self.changed.notify_all();
        }
    }

    fn next(&self) -> Option<News> {
        let waits = |queue: &mut Queue| queue.untold.is_empty() && !queue.closed;
        let waited = self.changed.wait_while(self.lock(), waits);
        waited.unwrap_or_else(PoisonError::into_inner).untold.pop_front()
    }
}

/// Dropped when the thread of the observer ends, be it by a panic.
struct Leaving<'a>(&'a Shared);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.lock().gone = true;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runbook_model::Event;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Instant;

    /// Tells a record only when it is let.
    struct Slow {
        let_go: Receiver<()>,
        told: Sender<String>,
    }

    impl Observer for Slow {
        fn record(&mut self, record: &Record) {
            let _ = self.let_go.recv();
            let _ = self.told.send(record.seq.to_string());
        }

        fn progress(&mut self, _: &StepId, note: &str) {
            let _ = self.told.send(note.to_owned());
        }

        fn tick(&mut self, now_ms: i64) {
            let _ = self.told.send(format!("tick {now_ms}"));
        }
    }

    fn slow() -> (Audience, Sender<()>, Receiver<String>) {
        let ((go, let_go), (told, heard)) = (channel(), channel());
        (Audience::of(Box::new(Slow { let_go, told })).unwrap_or_else(|error| panic!("{error}")), go, heard)
    }

    fn record(seq: u64) -> Record {
        Record { seq, at: 0, event: Event::DrainRequested }
    }

    #[test]
    fn every_record_is_told_in_order_and_the_rest_may_be_dropped() {
        let (audience, go, heard) = slow();
        let step = StepId::new("a").expect("a name");
        audience.record(&record(1));
        for seq in 2..=1000 {
            audience.record(&record(seq));
            audience.tick(7);
            audience.progress(step.clone(), "note".to_owned());
        }
        for _ in 0..1000 {
            let _ = go.send(());
        }
        drop(audience);
        let told: Vec<String> = heard.try_iter().collect();
        let records: Vec<u64> = told.iter().filter_map(|told| told.parse().ok()).collect();
        assert_eq!(records, (1..=1000).collect::<Vec<u64>>());
        assert!(told.len() < 1000 + 2 * BEHIND, "{}", told.len());
    }

    #[test]
    fn the_end_waits_for_an_observer_that_is_slow_and_not_for_one_that_is_stuck() {
        let (audience, go, heard) = slow();
        (1..=8).for_each(|seq| audience.record(&record(seq)));
        let letting = std::thread::spawn(move || {
            for _ in 0..8 {
                std::thread::park_timeout(PATIENCE / 3);
                let _ = go.send(());
            }
        });
        drop(audience);
        assert_eq!(heard.try_iter().count(), 8);
        assert!(letting.join().is_ok());

        let (audience, go, _heard) = slow();
        audience.record(&record(1));
        let begin = Instant::now();
        drop(audience);
        assert!(begin.elapsed() >= PATIENCE && begin.elapsed() < 10 * PATIENCE);
        drop(go);
    }

    #[test]
    fn an_observer_that_panics_is_gone() {
        struct Breaks;
        impl Observer for Breaks {
            fn record(&mut self, _: &Record) {
                panic!("an observer that breaks");
            }
        }
        let audience = Audience::of(Box::new(Breaks)).unwrap_or_else(|error| panic!("{error}"));
        audience.record(&record(1));
        let waited = audience.0.changed.wait_timeout_while(audience.0.lock(), 100 * PATIENCE, |queue| !queue.gone);
        assert!(waited.is_ok_and(|(queue, _)| queue.gone), "nobody noticed");
        audience.record(&record(2));
        assert!(audience.0.lock().untold.is_empty(), "nobody will hear it");
    }
}
