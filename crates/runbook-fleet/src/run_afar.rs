//! A run afar from its begin to its end: the host goes on by itself, whatever becomes of the link, and the controller reads on
//! from the last record that it has.

use crate::afar::{Afar, HeldAfar, pass_on};
use crate::link::{Heard, Lost, Said};
use runbook_engine::{Control, Letter, Observer};
use runbook_model::{Event, Next, Plan, Record, RunId, RunState};
use runbook_session::{CommandError, Controls, Door, Ended, Exit, Show};
use runbook_wire::{Done, FromAgent, ToAgent};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

/// For how long a host is called again that was lost while a run goes on there.
const CALLED_FOR: Duration = Duration::from_secs(600);
/// The longest time between two calls.
const APART: Duration = Duration::from_secs(15);

/// A run as far as this controller has followed it.
struct Followed {
    run: RunId,
    state: RunState,
    observer: Box<dyn Observer>,
    /// What was told over this link since the last thing that came: it may be lost with the link.
    unheard: Vec<Control>,
    patience_ms: Option<u64>,
    /// Whose secrets may be asked for.
    plan: Plan,
}

/// What happens next.
enum Then {
    /// More is to come.
    More,
    /// The run waits for this secret of its plan.
    HandIn(String),
    /// It is over.
    Over(Done),
    /// The host refuses.
    Refused(CommandError),
}

impl Afar {
    pub(crate) fn run(
        &mut self,
        held: HeldAfar,
        watch: impl FnOnce(RunState) -> Box<dyn Observer>,
        controls: Controls,
    ) -> Result<Ended, CommandError> {
        let HeldAfar { run, program } = held;
        let (state, plan) = match program {
            Some(program) => (RunState::default(), program.saved.plan),
            None => {
                // Held as it is, so it has no record that comes later than these.
                let known = Door::ask(self, Show { run: Some(run.to_string()) })?.known;
                (RunState::replay(&known.records).map_err(runbook_session::Error::from)?, known.saved.plan)
            }
        };
        let patience_ms = controls.patience.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        let observer = watch(state.clone());
        pass_on(controls.told, self.to_inbox.clone());
        let mut followed = Followed { run, state, observer, unheard: Vec::new(), patience_ms, plan };
        let begin = ToAgent::Begin { patience_ms: followed.patience_ms, after: followed.state.seq };
        let mut lost = match self.say(&begin).and_then(|()| self.follow(&mut followed)) {
            Ok(done) => return finish(followed, done?),
            Err(lost) => lost,
        };
        loop {
            (self.call.note)(&format!(
                "the link to {} is lost ({}); run {} goes on there, and it is called again",
                self.call.host, lost.0, followed.run
            ));
            self.call_again(&mut followed)?;
            lost = match self.follow(&mut followed) {
                // The host has seen a later link than the one that the begin was lost with: it cannot come any more.
                Ok(Err(_)) if followed.state.seq == 0 => return Err(self.not_begun(&followed.run)),
                Ok(done) => return finish(followed, done?),
                Err(lost) => lost,
            };
        }
    }

    fn not_begun(&self, run: &RunId) -> CommandError {
        let what = format!("the link to {} was lost before run {run} began: nothing was changed", self.call.host);
        CommandError::new(Exit::Unreachable, what).hint("do it again")
    }

    /// Sends over the link that is there.
    fn say(&mut self, message: &ToAgent) -> Result<(), Lost> {
        match self.link() {
            Ok(link) => link.send(message),
            Err(error) => Err(Lost(error.message)),
        }
    }

    pub(crate) fn hear(&mut self) -> Result<Said, Lost> {
        match &mut self.link {
            Some(link) => link.hear(&self.inbox),
            None => Err(Lost("there is no link".to_owned())),
        }
    }

    /// Follows the run until it is over, or the link is lost.
    fn follow(&mut self, followed: &mut Followed) -> Result<Result<Done, CommandError>, Lost> {
        loop {
            match self.hear()? {
                Said::Here(control) => self.tell(followed, control)?,
                Said::There(message) => match followed.hear(*message, &self.call.host) {
                    Then::More => {}
                    Then::HandIn(secret) => {
                        let control = self.secret(&followed.plan, secret);
                        self.tell(followed, control)?;
                    }
                    Then::Over(done) => return Ok(Ok(done)),
                    Then::Refused(error) => return Ok(Err(error)),
                },
            }
        }
    }

    fn tell(&mut self, followed: &mut Followed, control: Control) -> Result<(), Lost> {
        followed.unheard.push(control.clone());
        self.say(&ToAgent::Tell(control))
    }

    /// The secret for the run; a run that cannot have it is not kept waiting.
    fn secret(&self, plan: &Plan, secret: String) -> Control {
        match (self.call.secrets)(plan, &secret) {
            Ok(value) => Control::Secret { secret, value },
            Err(failure) => {
                (self.call.note)(&format!("{}; the run is cancelled", failure.message));
                Letter::Cancel.into()
            }
        }
    }

    /// Calls the host until it is there again, and asks for what came on record meanwhile.
    fn call_again(&mut self, followed: &mut Followed) -> Result<(), CommandError> {
        let end = Instant::now() + CALLED_FOR;
        let mut apart = Duration::from_millis(250);
        loop {
            self.hang_up();
            let follow = ToAgent::Follow { run: followed.run.clone(), after: followed.state.seq };
            let error = match self.link().map(|link| link.send(&follow)) {
                Ok(Ok(())) => {
                    let untold = std::mem::take(&mut followed.unheard);
                    if untold.into_iter().all(|control| {
                        followed.unheard.push(control.clone());
                        self.say(&ToAgent::Tell(control)).is_ok()
                    }) {
                        (self.call.note)(&format!("the link to {} is there again", self.call.host));
                        return Ok(());
                    }
                    self.call.unreachable("it was lost again")
                }
                Ok(Err(lost)) => self.call.unreachable(&lost.0),
                // Somebody else has taken over, or this is another host by now: calling again changes nothing.
                Err(error) if error.exit != Exit::Unreachable => return Err(error),
                Err(error) => error,
            };
            if Instant::now() > end {
                return Err(followed.given_up(&error.message));
            }
            self.pause(followed, &mut apart, &error)?;
        }
    }

    /// Waits before the next call. Whoever cancels meanwhile gives up the link, not the run.
    fn pause(
        &mut self,
        followed: &mut Followed,
        apart: &mut Duration,
        error: &CommandError,
    ) -> Result<(), CommandError> {
        let until = Instant::now() + *apart;
        *apart = (*apart * 2).min(APART);
        loop {
            match self.inbox.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Heard::Steered(Control::Letter(Letter::Cancel | Letter::Leave))) => {
                    return Err(followed.given_up(&error.message));
                }
                Ok(Heard::Steered(control)) => {
                    let what = "it is told once the link is there again; Ctrl-C again gives up the link, and the run goes on there";
                    (self.call.note)(what);
                    followed.unheard.push(control);
                }
                Ok(Heard::Agent(..) | Heard::Lost(..)) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }
}

impl Followed {
    fn hear(&mut self, message: FromAgent, host: &str) -> Then {
        match message {
            FromAgent::Record(record) => return self.record(&record, host),
            FromAgent::Progress { step, note } => self.observer.progress(&step, &note),
            FromAgent::Tick(now_ms) => self.observer.tick(now_ms),
            FromAgent::Interrupted(interrupt) => {
                self.unheard.clear();
                self.observer.interrupted(interrupt);
            }
            FromAgent::Done(done) => return Then::Over(*done),
            FromAgent::Refused(error) => return Then::Refused(*error),
            // The answer to the begin; what else may come belongs to nothing that was asked.
            _ => {}
        }
        Then::More
    }

    fn record(&mut self, record: &Record, host: &str) -> Then {
        // Over a new link nothing comes twice, for it is asked for behind the last one; a gap would be a fault of the agent.
        if record.seq != self.state.seq + 1 {
            let what = format!(
                "record {} of run {} came from {host} where record {} was due",
                record.seq,
                self.run,
                self.state.seq + 1
            );
            return Then::Refused(CommandError::new(Exit::Unreachable, what));
        }
        if let Err(error) = self.state.apply(record) {
            return Then::Refused(runbook_session::Error::from(error).into());
        }
        self.unheard.clear();
        self.observer.record(record);
        match &record.event {
            Event::SecretAsked { secret, .. } => Then::HandIn(secret.clone()),
            _ => Then::More,
        }
    }

    fn given_up(&self, why: &str) -> CommandError {
        CommandError::new(Exit::Unreachable, format!("{why}; run {} goes on there by itself", self.run))
            .hint(format!("`{}` tells how it stands once the host can be reached", Next::Show(Some(self.run.clone()))))
    }
}

fn finish(followed: Followed, done: Done) -> Result<Ended, CommandError> {
    let Done { run, asked_back, pruned, remains } = done;
    if followed.state.seq == 0 {
        // It never began, and what was told says why.
        return Err(remains.unwrap_or_else(|| CommandError::refused(format!("run {run} did not begin"))));
    }
    Ok(Ended { run, state: followed.state, asked_back, pruned, remains })
}
