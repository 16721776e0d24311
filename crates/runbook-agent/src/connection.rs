//! What a controller asks over one link, answered in turn by the session.

use crate::at_boot::keep_while_needed;
use crate::follow::follow;
use crate::hub::{Connected, Hub};
use crate::link::{Link, Shared};
use runbook_engine::{Program, Saved};
use runbook_model::RunId;
use runbook_session::{
    ApplyOffer, CommandError, Controls, Door, Ended, Exit, Held, Offered, Reservation, RestoreProposal, RollbackOffer,
    Session, now_ms, stamp,
};
use runbook_wire::{Done, FromAgent, Hello, Incoming, Lack, ToAgent, WireError, piece, superseded};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::sync::mpsc::unbounded_channel;

/// What is known of one link.
pub(crate) struct Connection {
    pub(crate) shared: Arc<Shared>,
    pub(crate) link: Arc<Link>,
    pub(crate) session: Session,
    pub(crate) held: Option<(RunId, Held)>,
    pub(crate) restoring: Option<RestoreProposal>,
    pub(crate) incoming: Option<Incoming>,
    /// Whether bytes may still be on their way that nobody takes.
    pub(crate) refused: bool,
    /// Keeps the agent alive.
    pub(crate) _connected: Connected,
}

/// What is answered in turn.
pub(crate) enum Question {
    Message(ToAgent),
    /// One of that name, which a later version may know.
    Unknown(String),
    Bytes(Vec<u8>),
}

impl Connection {
    /// Answers one question.
    pub(crate) fn take(&mut self, question: Question) -> Result<(), WireError> {
        match question {
            // The rest of a content that was refused.
            Question::Bytes(_) if self.refused => Ok(()),
            Question::Bytes(bytes) => self.add(&bytes),
            Question::Unknown(name) => {
                // What may come behind it belongs to it.
                self.refused = true;
                let what = format!("the agent (runbook {}) does not know the message `{name}`", self.shared.version);
                let error = CommandError::new(Exit::Unreachable, what);
                let refused = error.hint("use the same version of runbook here and there");
                self.link.out.send(&FromAgent::Refused(Box::new(refused)))
            }
            Question::Message(message) => {
                self.refused = false;
                self.hear(message)
            }
        }
    }

    fn hear(&mut self, message: ToAgent) -> Result<(), WireError> {
        let answer = match message {
            // Reading and following are for everybody; whoever was superseded changes nothing.
            ToAgent::Have(digests) => Ok(Some(self.lacks(digests))),
            ToAgent::Follow { run, after } => {
                self.follow(run, after);
                Ok(None)
            }
            _ if !self.shared.epochs.is_last(&self.link.hello.work, self.link.hello.epoch) => {
                (self.held, self.restoring) = (None, None);
                Err(superseded(&self.link.hello.operator, None))
            }
            ToAgent::Hello(_) | ToAgent::Ping(_) | ToAgent::Tell { .. } => return Err(WireError::OutOfTurn),
            ToAgent::Ask(request) => match self.session.answer(request) {
                Ok(answer) => Ok(Some(FromAgent::Answer(answer))),
                Err(error) => Err(error.into()),
            },
            ToAgent::Put { digest, offset, size } => self.put(&digest, offset, size),
            ToAgent::Get { what, offset } => match self.piece(&what, offset) {
                Ok((answer, bytes)) => {
                    self.link.out.send(&answer)?;
                    self.link.out.send_bytes(&bytes)?;
                    Ok(None)
                }
                Err(error) => Err(error),
            },
            ToAgent::Preview { saved } => self.preview(&saved).map(Some),
            ToAgent::Apply { saved, hold_ms, run } => self.apply(&saved, hold_ms, run).map(Some),
            ToAgent::Reserve { what, for_ms } => self.reserve(&what, for_ms).map(Some),
            ToAgent::Release => {
                self.shared.hub.release(&self.link.hello.work);
                Ok(Some(FromAgent::Released))
            }
            ToAgent::Resume { run } => self.resume(run.as_deref()).map(Some),
            ToAgent::Rollback { run, over_a_loss } => self.rollback(run.as_deref(), over_a_loss).map(Some),
            ToAgent::Recover { forward } => self.recover(forward).map(Some),
            ToAgent::Restore(wanted) => self.restore(wanted).map(Some),
            ToAgent::PutBack => self.put_back().map(Some),
            ToAgent::Begin { patience_ms, after } => match self.begin(patience_ms) {
                Ok(run) => {
                    self.link.out.send(&FromAgent::Begun(run.clone()))?;
                    self.follow(run, after);
                    Ok(None)
                }
                Err(error) => Err(error),
            },
            ToAgent::Retire => (self.shared.retire)().map(|left| Some(FromAgent::Retired(left))),
        };
        match answer {
            Ok(None) => Ok(()),
            Ok(Some(answer)) => self.link.out.send(&answer),
            Err(refused) => self.link.out.send(&FromAgent::Refused(Box::new(refused))),
        }
    }

    fn lacks(&self, digests: Vec<String>) -> FromAgent {
        let contents = &self.shared.contents;
        let lack = |digest: String| contents.missing_from(&digest).map(|have| Lack { digest, have });
        FromAgent::Lacks(digests.into_iter().filter_map(lack).collect())
    }

    fn put(&mut self, digest: &str, offset: u64, size: u64) -> Result<Option<FromAgent>, CommandError> {
        let begun = self.shared.contents.begin(digest, offset, size);
        self.refused = begun.is_err();
        let incoming = begun.map_err(of_agent)?;
        if incoming.is_whole() {
            return incoming.end().map(|digest| Some(FromAgent::Stored(digest))).map_err(of_agent);
        }
        self.incoming = Some(incoming);
        Ok(None)
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        let Some(mut incoming) = self.incoming.take() else { return Err(WireError::OutOfTurn) };
        let added = incoming.add(bytes);
        if added.is_ok() && !incoming.is_whole() {
            self.incoming = Some(incoming);
            return Ok(());
        }
        match added.and_then(|()| incoming.end()) {
            Ok(digest) => self.link.out.send(&FromAgent::Stored(digest)),
            Err(error) => {
                self.refused = true;
                self.link.out.send(&FromAgent::Refused(Box::new(of_agent(error))))
            }
        }
    }

    fn piece(&self, what: &Offered, offset: u64) -> Result<(FromAgent, Vec<u8>), CommandError> {
        let found = self.session.offered(what)?;
        let bytes = piece(&found.path, offset)?;
        Ok((FromAgent::Piece { digest: found.digest, size: found.size }, bytes))
    }

    /// The program of a plan that came.
    fn unpack(&self, saved: &str) -> Result<Program, CommandError> {
        let contents = &self.shared.contents;
        let saved = contents.read(saved).map_err(of_agent)?;
        let saved: Saved = serde_json::from_slice(&saved)
            .map_err(|error| CommandError::refused(format!("the plan that came is not understood: {error}")))?;
        let digests: Vec<String> =
            saved.bundle.iter().flat_map(|bundle| bundle.all()).map(|(_, file)| file.digest().to_owned()).collect();
        let files = contents.read_all(digests.iter().map(String::as_str)).map_err(of_agent)?;
        Ok(self.session.admit(saved, files)?)
    }

    fn preview(&mut self, saved: &str) -> Result<FromAgent, CommandError> {
        let program = self.unpack(saved)?;
        Ok(FromAgent::Previewed(Box::new(self.host().preview(&program))))
    }

    /// The host as this work finds it: what it has reserved keeps everybody else out.
    pub(crate) fn host(&self) -> Session {
        let reserved = self.shared.hub.reserved(&self.link.hello.work);
        reserved.map_or_else(|| self.session.clone(), |reserved| self.session.within(&reserved))
    }

    fn reserve(&self, what: &str, for_ms: u64) -> Result<FromAgent, CommandError> {
        let Hello { work, operator, .. } = &self.link.hello;
        let until = now_ms().saturating_add(i64::try_from(for_ms).unwrap_or(i64::MAX));
        let doing = format!("reserved for {what} of {operator} until {}", stamp(until));
        let hold = |reserved: Option<&Reservation>| match reserved {
            Some(reserved) => reserved.retold(doing).map_err(CommandError::from),
            None => self.session.reserve(doing).map_err(CommandError::from),
        };
        self.shared.hub.reserve(work, Duration::from_millis(for_ms), hold)?;
        Ok(FromAgent::Reserved(until))
    }

    fn apply(&mut self, saved: &str, hold_ms: Option<u64>, run: Option<RunId>) -> Result<FromAgent, CommandError> {
        self.held = None;
        let program = self.unpack(saved)?;
        // One that is at work may have nothing on record yet.
        let at_work = |run: &RunId| self.shared.hub.at_work_on().as_ref() == Some(run);
        if let Some(run) = &run
            && (at_work(run) || self.session.has_begun(run, &program)?)
        {
            return Ok(held(runbook_wire::Held::Begun(run.clone())));
        }
        Ok(match Door::propose_apply(&mut self.host(), program, hold_ms.map(Duration::from_millis))? {
            ApplyOffer::Nothing(_, foretold) => held(runbook_wire::Held::NothingToDo(foretold)),
            ApplyOffer::Apply(mut offer, mut here) => {
                if let Some(run) = run {
                    offer.run = run.clone();
                    here = here.named(run)?;
                }
                self.held = Some((offer.run.clone(), here));
                held(runbook_wire::Held::ToApply(offer))
            }
        })
    }

    fn resume(&mut self, run: Option<&str>) -> Result<FromAgent, CommandError> {
        self.held = None;
        Ok(match Door::propose_resume(&mut self.host(), run)? {
            None => held(runbook_wire::Held::NoneOpen),
            Some((offer, here)) => {
                self.held = Some((offer.run.clone(), here));
                held(runbook_wire::Held::ToResume(offer))
            }
        })
    }

    fn rollback(&mut self, run: Option<&str>, over_a_loss: bool) -> Result<FromAgent, CommandError> {
        self.held = None;
        Ok(match Door::propose_rollback(&mut self.host(), run, over_a_loss)? {
            RollbackOffer::Nothing => held(runbook_wire::Held::NothingToTakeBack),
            RollbackOffer::LeftNothing { run, lost } => held(runbook_wire::Held::LeftNothing { run, lost }),
            RollbackOffer::RollBack(offer, here) => {
                self.held = Some((offer.run.clone(), here));
                held(runbook_wire::Held::ToRollBack(offer))
            }
        })
    }

    /// Begins what is held, on a thread that no connection ends.
    fn begin(&mut self, patience_ms: Option<u64>) -> Result<RunId, CommandError> {
        let Some((run, here)) = self.held.take() else {
            return Err(CommandError::new(Exit::Held, "this host is not held for a run").hint("ask for it anew"));
        };
        if let Some(at_boot) = &self.shared.at_boot {
            at_boot.put().map_err(of_agent)?;
        }
        let (send, told) = unbounded_channel();
        let Hello { work, epoch, .. } = &self.link.hello;
        // Whoever takes over from here on finds the run at work; whoever has taken over already finds that it never begins.
        let begin = || self.shared.hub.begin(run.clone(), send.clone());
        let observer = self.shared.epochs.while_last(work, *epoch, begin).map_err(of_agent)?;
        let observer = observer.ok_or_else(|| superseded(&self.link.hello.operator, None))??;
        // The run has the lock of what was reserved for it, and the host is free when it ends.
        self.shared.hub.release(work);
        (self.shared.on_run)(send);
        let controls = Controls { patience: patience_ms.map(Duration::from_millis), told };
        let mut ending = Ending { hub: Arc::clone(&self.shared.hub), done: Done::of(run.clone()) };
        let (mut session, shared) = (self.session.clone(), Arc::clone(&self.shared));
        let go = move || {
            match Door::begin(&mut session, here, |_| observer, controls) {
                Ok(Ended { run, asked_back, pruned, remains, notices, .. }) => {
                    ending.is(Done { run, asked_back, pruned, remains, notices });
                }
                Err(error) => ending.remains(error),
            }
            if let Err(error) = keep_while_needed(&session, shared.at_boot.as_ref()) {
                tracing::warn!("a unit that is not needed any more stays: {error}");
            }
        };
        let spawned = thread::Builder::new().name("run".to_owned()).spawn(go);
        spawned.map_err(|error| CommandError::refused(format!("no run can be begun: {error}")))?;
        Ok(run)
    }

    /// Follows `run` on a thread of its own, for the controller may tell something meanwhile.
    fn follow(&mut self, run: RunId, after: u64) {
        let (shared, session, out) = (Arc::clone(&self.shared), self.session.clone(), self.link.out.clone());
        let tell = move || {
            if let Err(error) = follow(&session, &shared.hub, &run, after, &out) {
                // Whoever comes back reads on from the last record that they have.
                tracing::debug!("nobody follows run {run} any more: {error}");
            }
        };
        if let Err(error) = thread::Builder::new().name("follow".to_owned()).spawn(tell) {
            tracing::warn!("a run cannot be followed: {error}");
        }
    }
}

/// Tells how a run was left, whatever becomes of its thread.
struct Ending {
    hub: Arc<Hub>,
    done: Done,
}

impl Ending {
    fn is(&mut self, done: Done) {
        self.done = done;
    }

    fn remains(&mut self, error: CommandError) {
        self.done.remains = Some(error);
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.hub.end(self.done.clone());
    }
}

pub(crate) fn held(what: runbook_wire::Held) -> FromAgent {
    FromAgent::Held(Box::new(what))
}

pub(crate) fn of_agent(error: impl std::error::Error) -> CommandError {
    CommandError::refused(error.to_string())
}
