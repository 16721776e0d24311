//! The loop around `decide`: append to the journal, apply to the state, tell the observer, start jobs, wait for those and
//! for controls.

mod awaits;
mod begin;
mod hand_ins;
mod jobs;
mod letters;
mod open;
mod questions;
mod records;
mod settings;

use crate::action::Action;
use crate::audience::Audience;
use crate::decide::decide;
use crate::input::Input;
use crate::mailbox::{Mailbox, Unreadable};
use crate::worker::Worker;
use crate::{Control, Error, Interrupt, Letter, forward, handed_in, leftovers};
use hand_ins::HandIns;
use questions::Questions;
use runbook_host::{Cancel, Canceller, end_started, now_ms};
use runbook_journal::{Journal, Lock};
use runbook_model::{Event, RunId, RunState, StepId, UndoRecord};
use runbook_step::Note;
use serde_json::Value as Json;
pub use settings::{Ending, Settings};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// How often the observer is told that time passes, and the mailbox is looked into.
const TICK: Duration = Duration::from_millis(100);

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
    /// Ends what is waited for when nothing will come of it.
    waits: (Canceller, Cancel),
    /// What happened and is not on record yet, as it was before secrets were struck out of it.
    unstruck: Vec<Event>,
    /// Undo data and marks of this process, as they were before secrets were struck out of them.
    undo: HashMap<StepId, UndoRecord>,
    marks: HashMap<StepId, Json>,
    controls: UnboundedReceiver<Control>,
    mailbox: Mailbox,
    questions: Questions,
    hand_ins: HandIns,
    /// Asked when this process is about to end: nothing is changed or started any more.
    leaving: Canceller,
    // Held until nothing of this process is at work.
    lock: Lock,
    // After the lock: nobody has to wait for a screen.
    audience: Audience,
}

/// What came in while waiting.
enum Incoming {
    Done(Input),
    Note(StepId, Note),
    Control(Control),
    Unreadable(Unreadable),
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
        let (mail, mut letters) = unbounded_channel();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let first = std::mem::replace(&mut self.first, Input::Advance { idle: true });
        let mut broken = self.attempt(first, &done);
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
            let incoming = tokio::select! {
                Some(input) = inputs.recv() => Incoming::Done(input),
                Some((step, note)) = self.notes.recv() => Incoming::Note(step, note),
                Some(control) = self.controls.recv() => Incoming::Control(control),
                Some(letter) = letters.recv() => match letter {
                    Ok(letter) => Incoming::Control(Control::Letter(letter)),
                    Err(unreadable) => Incoming::Unreadable(unreadable),
                },
                _ = ticks.tick() => Incoming::Tick,
            };
            let input = match incoming {
                Incoming::Done(input) => {
                    self.in_flight -= 1;
                    tracing::debug!(run = %self.run, under_way = self.in_flight, "a job ended");
                    Some(input)
                }
                Incoming::Note(step, Note::Doing(note)) => {
                    self.audience.progress(step, note);
                    None
                }
                Incoming::Note(step, Note::Waits(waiting)) => Some(Input::Waits { step, waiting }),
                Incoming::Control(Control::Letter(Letter::Leave)) => return Ok(self.leave()),
                Incoming::Control(Control::Letter(letter)) => self.told(letter),
                Incoming::Control(Control::Secret { secret, value }) => self.take_secret(&secret, value),
                Incoming::Unreadable(Unreadable { name, because }) => {
                    Some(Input::Refused { control: name, step: None, because })
                }
                Incoming::Tick => {
                    self.audience.tick(now_ms());
                    self.mailbox.take().into_iter().for_each(|letter| drop(mail.send(letter)));
                    None
                }
            };
            // A journal that fails starts nothing more; what is under way is waited for.
            if let (Some(input), None) = (input, &broken) {
                broken = self.attempt(input, &done);
            }
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

    /// Reacts, or says what the journal failed with: then nobody is asked any more and nothing is tried again, as no answer would
    /// come to anything.
    fn attempt(&mut self, input: Input, done: &UnboundedSender<Input>) -> Option<Error> {
        let error = self.react(input, done).err()?;
        self.waits.0.cancel();
        self.hand_ins.withdraw();
        Some(error)
    }

    /// Reacts to one input, and then to what the records of the reaction make possible. All of it is one commit, and
    /// nothing starts before that. Returns how many actions there were.
    fn react(&mut self, input: Input, done: &UnboundedSender<Input>) -> Result<usize, Error> {
        let (mut records, mut jobs, mut waits) = (Vec::new(), Vec::new(), Vec::new());
        let silence = matches!(input, Input::HoldEnded { over: true });
        let mut actions = decide(&self.state, &self.worker.program.execution, input);
        let mut count = 0;
        while !actions.is_empty() {
            count += actions.len();
            let mut events = Vec::new();
            for action in actions {
                match action {
                    Action::Record(event) => events.push(event),
                    Action::Start(job) => jobs.push(job),
                    Action::Await(wanted) => waits.push(wanted),
                }
            }
            records.extend(self.happen(events)?);
            let idle = self.in_flight + jobs.len() + waits.len() == 0;
            actions = decide(&self.state, &self.worker.program.execution, Input::Advance { idle });
        }
        if silence {
            self.commit_persistently(&records)?
        } else {
            self.commit(&records)?
        }
        if !forward::still_waits(&self.state, &self.worker.program.execution) {
            self.waits.0.cancel();
        }
        if !handed_in::still_waits(&self.state) {
            self.hand_ins.withdraw();
        }
        for job in jobs {
            self.start(job, done.clone());
        }
        for wanted in waits {
            self.wait(wanted, done.clone());
        }
        Ok(count)
    }
}
