//! Ctrl-C, TERM and a lost terminal: before a run they end the command, in a run they are for the run.
//!
//! The first Ctrl-C drains, the second cancels, the third leaves at once.

use runbook_engine::{Control, Letter};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::UnboundedSender;

/// Hears the signals of this process from its begin to its end.
#[derive(Clone, Debug)]
pub(crate) struct Interrupts(Arc<Mutex<Hearer>>);

#[derive(Debug)]
enum Hearer {
    /// No run has begun: the command ends.
    Command,
    /// The command was told to end.
    Nobody,
    /// A run, with how many came.
    Run(UnboundedSender<Control>, u32),
}

impl Interrupts {
    /// Hears them from now on. The first one that comes before a run has begun calls `end`, which is to end the process.
    pub(crate) fn listen(end: impl Fn() + Send + 'static) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let signals = {
            let _entered = runtime.enter();
            Signals::all()?
        };
        let hearer = Arc::new(Mutex::new(Hearer::Command));
        let known = Self(Arc::clone(&hearer));
        thread::Builder::new()
            .name("interrupts".to_owned())
            .spawn(move || runtime.block_on(signals.each(|hangup| known.hear(hangup, &end))))?;
        Ok(Self(hearer))
    }

    /// Returns at once, unless the command was told to end: then never, for the one that was told ends the process.
    pub(crate) fn give_way(&self) {
        while matches!(*self.hearer(), Hearer::Nobody) {
            thread::park();
        }
    }

    /// From now on they are for the run that `controls` steer. Never returns if the command was told to end, so that nothing
    /// begins.
    pub(crate) fn steer(&self, controls: UnboundedSender<Control>) {
        let mut hearer = self.hearer();
        if !matches!(*hearer, Hearer::Nobody) {
            *hearer = Hearer::Run(controls, 0);
        }
        drop(hearer);
        self.give_way();
    }

    fn hear(&self, hangup: bool, end: &dyn Fn()) {
        let mut hearer = self.hearer();
        match &mut *hearer {
            // A terminal that goes away is not a cancel.
            Hearer::Run(..) if hangup => {}
            Hearer::Run(controls, came) => {
                *came += 1;
                let letter = match *came {
                    1 => Letter::Drain,
                    2 => Letter::Cancel,
                    _ => Letter::Leave,
                };
                // The receiver is gone when the run is over: then the process is meant.
                if controls.send(letter.into()).is_err() {
                    *hearer = Hearer::Nobody;
                    drop(hearer);
                    end();
                }
            }
            Hearer::Nobody => {}
            Hearer::Command => {
                *hearer = Hearer::Nobody;
                drop(hearer);
                end();
            }
        }
    }

    fn hearer(&self) -> MutexGuard<'_, Hearer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn all() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Hands each one on, and whether it is a lost terminal.
    async fn each(mut self, hear: impl Fn(bool)) {
        loop {
            tokio::select! {
                Some(()) = self.interrupt.recv() => hear(false),
                Some(()) = self.terminate.recv() => hear(false),
                Some(()) = self.hangup.recv() => hear(true),
                else => return,
            }
        }
    }
}
