//! A run afar from its begin to its end: the host goes on by itself, whatever becomes of the link, and the controller reads on
//! from the last record that it has.

use crate::afar::{Afar, HeldAfar, as_said, pass_on};
use crate::link::{Heard, Lost, Said, unasked};
use runbook_engine::{Control, Letter, Observer, Program};
use runbook_model::{Event, Next, Plan, Record, RunId, RunState, SecretWait};
use runbook_session::{CommandError, Controls, Door, Ended, Exit, Known, Show};
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
    /// Whose secrets may be asked for: a plan that was handed in here. One that the host tells of is its own, and names no command or
    /// file of this side.
    plan: Option<Plan>,
    /// The last record that was known before it was to begin; `None` of one that had begun.
    from: Option<u64>,
    /// Whether the host said that it begins.
    begun: bool,
    asked_back: bool,
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
    /// The host knows no such run.
    Unknown,
}

impl Afar {
    pub(crate) fn run(
        &mut self,
        held: HeldAfar,
        watch: impl FnOnce(RunState) -> Box<dyn Observer>,
        controls: Controls,
    ) -> Result<Ended, CommandError> {
        let HeldAfar { run, program, asked_back } = held;
        let (state, plan) = match program {
            Some(program) => (RunState::default(), Some(program.saved.plan)),
            None => {
                // Held as it is, so it has no record that comes later than these.
                let known = self.known(&run)?;
                (RunState::replay(&known.records).map_err(runbook_session::Error::from)?, None)
            }
        };
        let patience_ms = controls.patience.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        let begin = ToAgent::Begin { patience_ms, after: state.seq };
        let (from, observer) = (Some(state.seq), watch(state.clone()));
        pass_on(run.clone(), controls.told, self.to_inbox.clone());
        let unheard = Vec::new();
        self.see_out(Followed { run, state, observer, unheard, plan, from, begun: false, asked_back }, &begin)
    }

    /// Follows a run that has begun already to its end, from its first record on, which `watch` is given at once as far as it is known. It may be over. `program` is what was
    /// applied, if whoever calls knows it: then the run gets the secrets that it waits for.
    ///
    /// # Errors
    /// The host cannot be reached, or knows no such run.
    pub fn attend(
        &mut self,
        run: &RunId,
        program: Option<&Program>,
        watch: impl FnOnce(RunState) -> Box<dyn Observer>,
        controls: Controls,
    ) -> Result<Ended, CommandError> {
        let known = self.ask(Show { run: Some(run.as_str().to_owned()) })?.known;
        let state = RunState::replay(&known.records).map_err(runbook_session::Error::from)?;
        let waits =
            |(name, wait): (&String, &SecretWait)| matches!(wait, SecretWait::Asked { .. }).then(|| name.clone());
        let asked: Vec<String> = state.secrets.iter().filter_map(waits).collect();
        let follow = ToAgent::Follow { run: run.clone(), after: state.seq };
        pass_on(run.clone(), controls.told, self.to_inbox.clone());
        let mut followed = Followed {
            run: run.clone(),
            observer: watch(state.clone()),
            state,
            unheard: Vec::new(),
            plan: program.map(|program| program.saved.plan.clone()),
            from: None,
            begun: true,
            asked_back: false,
        };
        // Told once the run is followed.
        let secrets = asked.into_iter().filter_map(|secret| self.secret(&followed, secret)).collect();
        followed.unheard = secrets;
        self.see_out(followed, &follow)
    }

    /// Follows the run to its end, over as many links as it takes.
    fn see_out(&mut self, mut followed: Followed, first: &ToAgent) -> Result<Ended, CommandError> {
        let mut lost = match self.say_all(first, &followed).and_then(|()| self.follow(&mut followed)) {
            Ok(done) => return self.finish(followed, done?),
            Err(lost) => lost,
        };
        loop {
            let goes_on =
                if followed.begun { format!("run {} goes on there, and it", followed.run) } else { "it".to_owned() };
            (self.call.note)(&format!(
                "the link to {} is lost ({}); {goes_on} is called again",
                self.call.host, lost.0
            ));
            self.call_again(&mut followed)?;
            lost = match self.follow(&mut followed) {
                Ok(done) => return self.finish(followed, done?),
                Err(lost) => lost,
            };
        }
    }

    /// What is on record of a run that is held, asked over the link that holds it: over another one it would not be held any more.
    fn known(&mut self, run: &RunId) -> Result<Known, CommandError> {
        let show = Show { run: Some(run.to_string()) };
        match self.ask_once(&ToAgent::Ask(show.into())) {
            Err(_) => Err(self.not_begun(run)),
            Ok(answer) => Ok(self.answer::<Show>(answer?)?.known),
        }
    }

    fn finish(&self, followed: Followed, done: Done) -> Result<Ended, CommandError> {
        let Done { run, asked_back, pruned, remains, notices } = done;
        if followed.from == Some(followed.state.seq) {
            // It was refused, or the begin was lost: the host has seen a later link by then, and so it cannot come any more.
            return Err(remains.map_or_else(|| self.not_begun(&run), as_said));
        }
        let asked_back = asked_back || followed.asked_back;
        Ok(Ended { run, state: followed.state, asked_back, pruned, remains: remains.map(as_said), notices })
    }

    fn not_begun(&self, run: &RunId) -> CommandError {
        let what = format!(
            "the link to {} was lost before it was told to begin with run {run}: nothing was changed",
            self.call.host
        );
        CommandError::new(Exit::Unreachable, what).hint("do it again")
    }

    /// Sends over the link that is there.
    fn say(&mut self, message: &ToAgent) -> Result<(), Lost> {
        match self.link() {
            Ok(link) => link.send(message),
            Err(error) => Err(Lost(error.message)),
        }
    }

    /// Sends what begins to follow a run, and what it was not told yet.
    fn say_all(&mut self, first: &ToAgent, followed: &Followed) -> Result<(), Lost> {
        self.say(first)?;
        followed.unheard.iter().try_for_each(|control| self.say(&followed.tell(control.clone())))
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
                // One that is over by now is steered no more, and neither is this one by what was meant for it.
                Said::Here(run, _) if run != followed.run => {}
                Said::Here(_, Control::Letter(Letter::Leave)) => return Ok(Err(followed.left())),
                Said::Here(_, control) => self.tell(followed, control)?,
                Said::Bytes(_) => return Err(unasked()),
                Said::There(message) => match followed.hear(*message, &self.call.host) {
                    Then::More => {}
                    Then::HandIn(secret) => {
                        if let Some(control) = self.secret(followed, secret) {
                            self.tell(followed, control)?;
                        }
                    }
                    Then::Over(done) => return Ok(Ok(done)),
                    Then::Unknown => return Ok(Err(self.not_begun(&followed.run))),
                    Then::Refused(error) => return Ok(Err(error)),
                },
            }
        }
    }

    fn tell(&mut self, followed: &mut Followed, control: Control) -> Result<(), Lost> {
        followed.unheard.push(control.clone());
        self.say(&followed.tell(control))
    }

    /// The secret for the run; a run that cannot have it is not kept waiting.
    fn secret(&self, followed: &Followed, secret: String) -> Option<Control> {
        let Some(plan) = &followed.plan else {
            // It goes on without, and says what follows.
            (self.call.note)(&format!(
                "the secret `{secret}` is not taken here for a plan that {} tells of: only one that was applied from here is known",
                self.call.host
            ));
            return None;
        };
        match (self.call.secrets)(plan, &secret) {
            Ok(value) => Some(Control::Secret { secret, value }),
            Err(failure) => {
                (self.call.note)(&format!("{}; the run is cancelled", failure.message));
                Some(Letter::Cancel.into())
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
            let linked = self.link().map(drop);
            // What came while nobody could be told.
            let untold = std::mem::take(&mut self.untold);
            for (_, control) in untold.into_iter().filter(|(run, _)| *run == followed.run) {
                if matches!(control, Control::Letter(Letter::Cancel | Letter::Leave)) {
                    return Err(followed.left());
                }
                followed.unheard.push(control);
            }
            let error = match linked {
                // What is told stays unheard until something comes of it.
                Ok(()) => match self.say_all(&follow, followed) {
                    Ok(()) => {
                        (self.call.note)(&format!("the link to {} is there again", self.call.host));
                        return Ok(());
                    }
                    Err(lost) => self.call.unreachable(&lost.0),
                },
                // Somebody else has taken over, or this is another host by now: calling again changes nothing.
                Err(error) if error.exit != Exit::Unreachable => return Err(error),
                Err(error) => error,
            };
            if Instant::now() > end {
                return Err(followed.given_up(&error.message));
            }
            self.pause(followed, &mut apart)?;
        }
    }

    /// Waits before the next call. Whoever cancels meanwhile gives up the link, not the run.
    fn pause(&mut self, followed: &mut Followed, apart: &mut Duration) -> Result<(), CommandError> {
        let until = Instant::now() + *apart;
        *apart = (*apart * 2).min(APART);
        loop {
            match self.inbox.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Heard::Steered(run, _)) if run != followed.run => {}
                Ok(Heard::Steered(_, Control::Letter(Letter::Cancel | Letter::Leave))) => {
                    return Err(followed.left());
                }
                Ok(Heard::Steered(_, control)) => {
                    let what = "it is told once the link is there again; Ctrl-C again gives up the link, and the run goes on there";
                    (self.call.note)(what);
                    followed.unheard.push(control);
                }
                Ok(Heard::Agent(..) | Heard::Bytes(..) | Heard::Lost(..)) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }
}

impl Followed {
    /// What tells this run.
    fn tell(&self, control: Control) -> ToAgent {
        ToAgent::Tell { run: self.run.clone(), control }
    }

    fn hear(&mut self, message: FromAgent, host: &str) -> Then {
        match message {
            FromAgent::Record(record) => return self.record(&record, host),
            FromAgent::Progress { step, note } => self.observer.progress(&step, &note),
            FromAgent::Tick(now_ms) => self.observer.tick(now_ms),
            FromAgent::Interrupted(interrupt) => {
                self.unheard.retain(|control| !matches!(control, Control::Letter(Letter::Drain | Letter::Cancel)));
                self.observer.interrupted(interrupt);
            }
            FromAgent::Begun(_) => self.begun = true,
            FromAgent::NoSuchRun(_) => return Then::Unknown,
            FromAgent::Done(done) => return Then::Over(*done),
            FromAgent::Refused(error) => return Then::Refused(as_said(*error)),
            // What else may come belongs to nothing that was asked.
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
        self.begun = true;
        self.unheard.retain(|control| !is_answer(&record.event, control));
        self.observer.record(record);
        match &record.event {
            Event::SecretAsked { secret, .. } => Then::HandIn(secret.clone()),
            _ => Then::More,
        }
    }

    /// The person here leaves; the run does not.
    fn left(&self) -> CommandError {
        CommandError { exit: Exit::Cancelled, ..self.given_up("left") }
    }

    fn given_up(&self, why: &str) -> CommandError {
        CommandError::new(Exit::Unreachable, format!("{why}; run {} goes on there by itself", self.run))
            .hint(format!("`{}` tells how it stands once the host can be reached", Next::Show(Some(self.run.clone()))))
    }
}

/// Whether what was told came on record by this.
fn is_answer(event: &Event, control: &Control) -> bool {
    match (event, control) {
        (
            Event::SecretHandedIn { secret: of } | Event::SecretMissed { secret: of, .. },
            Control::Secret { secret, .. },
        ) => of == secret,
        (Event::DecisionMade { step: of, .. }, Control::Letter(Letter::Answer { step, .. }))
        | (Event::StepApproved { step: of, .. }, Control::Letter(Letter::Approve { step, .. })) => of == step,
        (Event::DrainRequested | Event::CancelRequested, Control::Letter(Letter::Drain | Letter::Cancel))
        | (Event::RunCommitted { .. }, Control::Letter(Letter::Commit { .. }))
        | (Event::RunFinished { .. }, _) => true,
        (Event::ControlRefused { control: of, .. }, control) => of == control.name(),
        _ => false,
    }
}
