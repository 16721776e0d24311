//! The loop around `decide`: append to the journal, apply to the state, tell the observer, start jobs, wait.
//!
//! Ctrl-C (or TERM) going forward: the first finishes what runs and leaves the run open, the second stops what runs and
//! follows `on_failure`, the third leaves at once. While something is taken back, the first two finish the undo that
//! runs and leave the run open, for half an undo is nowhere; the third leaves at once there too.

mod jobs;
mod open;
mod records;

use crate::action::Action;
use crate::audience::Audience;
use crate::decide::decide;
use crate::input::Input;
use crate::worker::Worker;
use crate::{Asker, Error, Interrupt, Interrupts, forward, leftovers};
use runbook_host::{Cancel, Canceller, end_started};
use runbook_journal::{Journal, Lock, StateDir};
use runbook_model::{Event, RunId, RunPhase, RunState, StepId};
use runbook_step::Note;
use serde_json::Value as Json;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// How often the observer is told that time passes.
const TICK: Duration = Duration::from_millis(100);

/// The Ctrl-C that leaves at once.
const LEAVES: u32 = 3;

/// What a run needs besides its plan.
pub struct Settings {
    /// Where the journal is.
    pub state_dir: StateDir,
    /// The `runbook` binary.
    pub own_program: PathBuf,
    /// The version of `runbook`.
    pub version: String,
    /// Who runs it.
    pub user: String,
    /// Who is asked where the evidence does not tell; nobody where nobody is there.
    pub asker: Option<Box<dyn Asker>>,
    /// The signals of this process.
    pub interrupts: Interrupts,
}

/// How a run was left.
#[derive(Clone, Debug)]
pub struct Ending {
    /// Everything that is known of it. Without a verdict it is open: drained, or left at the third Ctrl-C.
    pub state: RunState,
    /// The operator left at once.
    pub left: bool,
}

/// One run of one plan on this host, held by this process.
pub struct Runner {
    worker: Arc<Worker>,
    journal: Journal,
    state: RunState,
    run: RunId,
    notes: UnboundedReceiver<(StepId, Note)>,
    first: Input,
    in_flight: usize,
    written: u64,
    canceller: Canceller,
    cancel: Cancel,
    /// Ends the pauses between attempts when there will be none.
    pauses: (Canceller, Cancel),
    /// What happened and is not on record yet, as it was before secrets were struck out of it.
    unstruck: Vec<Event>,
    /// Undo data and marks of this process, as they were before secrets were struck out of them.
    undo: HashMap<StepId, Json>,
    marks: HashMap<StepId, Json>,
    interrupts: UnboundedReceiver<()>,
    /// Asked when this process is about to end: nothing is changed or started any more.
    leaving: Canceller,
    // Held until nothing of this process is at work.
    lock: Lock,
    // After the lock: nobody has to wait for a screen.
    audience: Audience,
}

/// What came in while waiting.
enum Wake {
    Done(Input),
    Note(StepId, Note),
    Interrupt,
    Tick,
}

impl Runner {
    /// Runs to a verdict, or until the operator drains or leaves.
    pub fn go(self) -> Result<Ending, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(Error::Start)?;
        let ending = runtime.block_on(self.turn());
        // Jobs that are still under way when the operator leaves must not hold the process.
        runtime.shutdown_background();
        ending
    }

    async fn turn(mut self) -> Result<Ending, Error> {
        let (done, mut inputs) = unbounded_channel();
        let mut presses = 0;
        let first = std::mem::replace(&mut self.first, Input::Advance { idle: true });
        let mut broken = self.react(first, &done).err();
        loop {
            if self.in_flight == 0 {
                if let Some(error) = broken {
                    return Err(error);
                }
                if self.state.verdict().is_some() || self.react(Input::Advance { idle: true }, &done)? == 0 {
                    return Ok(Ending { state: self.state, left: false });
                }
                continue;
            }
            let wake = tokio::select! {
                Some(input) = inputs.recv() => Wake::Done(input),
                Some((step, note)) = self.notes.recv() => Wake::Note(step, note),
                Some(()) = self.interrupts.recv() => Wake::Interrupt,
                () = tokio::time::sleep(TICK) => Wake::Tick,
            };
            let result = match wake {
                Wake::Done(input) => {
                    self.in_flight -= 1;
                    tracing::debug!(run = %self.run, under_way = self.in_flight, "a job ended");
                    if broken.is_some() { Ok(()) } else { self.react(input, &done).map(drop) }
                }
                Wake::Note(step, Note::Doing(note)) => {
                    self.audience.progress(step, note);
                    Ok(())
                }
                Wake::Note(step, Note::Waits(waiting)) => {
                    let waits = Input::Waits { step, waiting };
                    if broken.is_some() { Ok(()) } else { self.react(waits, &done).map(drop) }
                }
                Wake::Tick => {
                    self.audience.tick(now_ms());
                    Ok(())
                }
                Wake::Interrupt => {
                    presses += 1;
                    if presses >= LEAVES {
                        return Ok(self.leave());
                    }
                    let interrupted = self.interrupt(presses);
                    if broken.is_some() { Ok(()) } else { self.react(interrupted, &done).map(drop) }
                }
            };
            // A journal that fails starts nothing more; what is under way is waited for.
            broken = broken.or(result.err());
        }
    }

    /// Ends what runs, and leaves. Work that nothing can end, such as half a write, goes on until the process is gone:
    /// the lock is let go by that, and by nothing before.
    fn leave(self) -> Ending {
        self.audience.interrupted(Interrupt::Leaving);
        self.leaving.cancel();
        end_started();
        leftovers::end_leftovers(&self.worker.state_dir, &self.run);
        std::mem::forget(self.lock);
        Ending { state: self.state, left: true }
    }

    fn interrupt(&mut self, presses: u32) -> Input {
        let goes_back = self.state.phase != RunPhase::Forward;
        let (meaning, input) = match presses {
            _ if goes_back => (Interrupt::Pausing { to_leave: LEAVES.saturating_sub(presses) }, Input::Drain),
            1 => (Interrupt::Draining, Input::Drain),
            _ => (Interrupt::Cancelling, Input::Cancel),
        };
        self.audience.interrupted(meaning);
        if meaning == Interrupt::Cancelling {
            self.canceller.cancel();
        }
        input
    }

    /// Reacts to one input, and then to what the records of the reaction make possible. All of it is one commit, and
    /// nothing starts before that. Returns how many actions there were.
    fn react(&mut self, input: Input, done: &UnboundedSender<Input>) -> Result<usize, Error> {
        let (mut records, mut jobs) = (Vec::new(), Vec::new());
        let mut actions = decide(&self.state, &self.worker.program.course, input);
        let mut count = 0;
        while !actions.is_empty() {
            count += actions.len();
            let mut events = Vec::new();
            for action in actions {
                match action {
                    Action::Record(event) => events.push(event),
                    Action::Start(job) => jobs.push(job),
                }
            }
            records.extend(self.happen(events)?);
            let idle = self.in_flight + jobs.len() == 0;
            actions = decide(&self.state, &self.worker.program.course, Input::Advance { idle });
        }
        self.commit(&records)?;
        if !forward::tries_again(&self.state, &self.worker.program.course) {
            self.pauses.0.cancel();
        }
        for job in jobs {
            self.start(job, done.clone());
        }
        Ok(count)
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
