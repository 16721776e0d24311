//! The door to a host afar: what is asked goes over a link, and a link that is lost is made anew.

use crate::link::{Heard, Link, Lost, Said, Stream, UNHEARD, unasked};
use runbook_engine::{Control, Observer, Program};
use runbook_model::{Failure, HostFacts, Next, Plan, RunId, RunState};
use runbook_session::{
    ApplyOffer, Ask, CommandError, Controls, Door, Ended, Exit, Notice, Previewed, Restore, Restoring, ResumeOffer,
    RollbackOffer, ToRestore, now_ms,
};
use runbook_step::SecretValue;
use runbook_wire::{FromAgent, Held, Hello, PROTOCOL, ToAgent, Welcome};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// Makes a stream to the agent, or says why the host cannot be reached.
pub type Dial = Box<dyn FnMut() -> Result<Stream, CommandError> + Send>;

/// Takes the value of the secret of that name of a plan, or says what is in the way.
pub type Taking = Box<dyn Fn(&Plan, &str) -> Result<SecretValue, Failure> + Send>;

/// Who calls, and how the host is reached.
pub struct Call {
    /// What people call the host.
    pub host: String,
    /// How it is reached.
    pub dial: Dial,
    /// Who acts.
    pub operator: String,
    /// The version of `runbook` here.
    pub version: String,
    /// What all links of this work say; no other work says it.
    pub work: String,
    /// The number of the first link of this controller.
    pub epoch: u64,
    /// How far the host's clock may be from the one here.
    pub max_clock_skew: Duration,
    /// Takes the value of a secret of a plan that is taken here.
    pub secrets: Taking,
    /// Hears in words of a link that was lost, and of one that is there again.
    pub note: Box<dyn Fn(&str) + Send>,
}

/// The door to a host afar.
pub struct Afar {
    pub(crate) call: Call,
    welcome: Welcome,
    pub(crate) link: Option<Link>,
    epoch: u64,
    pub(crate) inbox: Receiver<Heard>,
    pub(crate) to_inbox: SyncSender<Heard>,
    /// What steered a run here while nobody could be told.
    pub(crate) untold: Vec<(RunId, Control)>,
}

/// A run that may begin afar.
pub struct HeldAfar {
    pub(crate) run: RunId,
    /// What would run, where that is a plan that was handed in; else the run is there already.
    pub(crate) program: Option<Program>,
    /// Whether it is taken back because somebody asked for that.
    pub(crate) asked_back: bool,
}

impl Afar {
    /// Reaches the host and its agent.
    ///
    /// # Errors
    /// The host cannot be reached, its agent speaks another protocol, or its clock is too far away.
    pub fn reach(call: Call) -> Result<Self, CommandError> {
        let (to_inbox, inbox) = sync_channel(UNHEARD);
        let mut call = call;
        let mut epoch = call.epoch;
        let mut untold = Vec::new();
        let (link, welcome) = greet(&mut call, epoch, &to_inbox, &inbox, &mut untold)?;
        epoch += 1;
        let skew = now_ms().abs_diff(welcome.now_ms);
        if u128::from(skew) > call.max_clock_skew.as_millis() {
            let (host, by) = (&call.host, skew / 1000);
            let what = format!(
                "the clock of {host} is {by} s away from the one here, which is more than the {} s that are allowed",
                call.max_clock_skew.as_secs()
            );
            return Err(CommandError::new(Exit::Unreachable, what)
                .hint(format!("set the clock of one of them, or `max_clock_skew` of {host} in the inventory")));
        }
        Ok(Self { call, welcome, link: Some(link), epoch, inbox, to_inbox, untold })
    }

    /// What the host is.
    pub fn facts(&self) -> &HostFacts {
        &self.welcome.facts
    }

    /// What the agent said of itself and of the host.
    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Removes the agent from the host, and names what stays there.
    pub fn retire(mut self) -> Result<Vec<String>, CommandError> {
        match self.ask_twice(&ToAgent::Retire)? {
            FromAgent::Retired(left) => Ok(left),
            other => Err(self.call.out_of_turn(&other)),
        }
    }

    /// The link, made anew where it was lost.
    pub(crate) fn link(&mut self) -> Result<&mut Link, CommandError> {
        if self.link.is_none() {
            let (link, welcome) = greet(&mut self.call, self.epoch, &self.to_inbox, &self.inbox, &mut self.untold)?;
            self.epoch += 1;
            if welcome.facts != self.welcome.facts {
                let what = format!("{} is not the host that it was before the link was lost", self.call.host);
                return Err(CommandError::refused(what).hint("look at the host before anything else is done there"));
            }
            self.link = Some(link);
        }
        self.link.as_mut().ok_or_else(|| self.call.unreachable("there is no link"))
    }

    /// Lets go of a link that is lost.
    pub(crate) fn hang_up(&mut self) {
        self.link = None;
    }

    /// Sends and waits for what comes; once more over a new link where the first is lost. For what may be asked twice.
    pub(crate) fn ask_twice(&mut self, message: &ToAgent) -> Result<FromAgent, CommandError> {
        self.ask_once(message).or_else(|_: Lost| {
            self.hang_up();
            self.link()?;
            self.ask_once(message).map_err(|lost| self.call.lost(&lost))
        })?
    }

    /// `Err` is a link that is lost, `Ok(Err(_))` what the host refuses.
    pub(crate) fn ask_once(&mut self, message: &ToAgent) -> Result<Result<FromAgent, CommandError>, Lost> {
        let Some(link) = &mut self.link else { return Err(Lost("there is no link".to_owned())) };
        link.send(message)?;
        self.answered()
    }

    /// The answer to what was sent.
    pub(crate) fn answered(&mut self) -> Result<Result<FromAgent, CommandError>, Lost> {
        loop {
            match self.hear()? {
                Said::There(message) => match *message {
                    FromAgent::Refused(error) => return Ok(Err(as_said(*error))),
                    answer => return Ok(Ok(answer)),
                },
                Said::Here(run, control) => self.untold.push((run, control)),
                Said::Bytes(_) => return Err(unasked()),
            }
        }
    }

    /// The answer to a question of that type.
    pub(crate) fn answer<A: Ask>(&self, message: FromAgent) -> Result<A::Answer, CommandError> {
        match message {
            FromAgent::Answer(value) => serde_json::from_value(value)
                .map_err(|error| self.call.unreachable(&format!("its answer is not understood: {error}"))),
            other => Err(self.call.out_of_turn(&other)),
        }
    }

    /// Asks for the host. What is held over a link is let go before the next one is welcomed.
    pub(crate) fn hold(&mut self, message: &ToAgent) -> Result<Held, CommandError> {
        match self.ask_twice(message)? {
            FromAgent::Held(held) => Ok(*held),
            other => Err(self.call.out_of_turn(&other)),
        }
    }
}

fn greet(
    call: &mut Call,
    epoch: u64,
    to_inbox: &SyncSender<Heard>,
    inbox: &Receiver<Heard>,
    untold: &mut Vec<(RunId, Control)>,
) -> Result<(Link, Welcome), CommandError> {
    let stream = (call.dial)()?;
    let hello = Hello {
        proto: PROTOCOL,
        version: call.version.clone(),
        operator: call.operator.clone(),
        work: call.work.clone(),
        epoch,
    };
    let mut link = Link::over(stream, epoch, to_inbox.clone()).map_err(|lost| call.lost(&lost))?;
    link.send(&ToAgent::Hello(hello)).map_err(|lost| call.lost(&lost))?;
    loop {
        let heard = link.hear(inbox).map_err(|lost| {
            // It may be that the agent could not be started, and this says why.
            let said = link.said();
            if said.is_empty() { call.lost(&lost) } else { call.no_agent(&lost, &said) }
        });
        match heard? {
            Said::There(message) => match *message {
                FromAgent::Welcome(welcome) => return Ok((link, *welcome)),
                FromAgent::Refused(error) => return Err(as_said(*error)),
                other => return Err(call.out_of_turn(&other)),
            },
            Said::Here(run, control) => untold.push((run, control)),
            Said::Bytes(_) => return Err(call.lost(&unasked())),
        }
    }
}

/// What a host says is shown on a terminal here, and is no success.
pub(crate) fn as_said(error: CommandError) -> CommandError {
    let clean = |text: String| runbook_host::without_escapes(&text);
    let exit = if error.exit == Exit::Done { Exit::Unreachable } else { error.exit };
    CommandError {
        exit,
        message: clean(error.message),
        hint: error.hint.map(clean),
        warnings: error.warnings.into_iter().map(clean).collect(),
        ..error
    }
}

impl Call {
    pub(crate) fn unreachable(&self, why: &str) -> CommandError {
        CommandError::new(Exit::Unreachable, format!("the link to {} is lost: {why}", self.host))
    }

    /// What was to become the agent, or what carries the link, said why it ends before the agent said anything.
    fn no_agent(&self, lost: &Lost, said: &str) -> CommandError {
        CommandError::new(Exit::Unreachable, format!("no agent answers on {}: {}\n{said}", self.host, lost.0))
            .hint("nothing was begun; what `--agent` names has to be a runbook of this version")
    }

    pub(crate) fn lost(&self, lost: &Lost) -> CommandError {
        self.unreachable(&lost.0).hint("nothing was begun; see whether the host is there, and try again")
    }

    /// The host does what no agent does.
    pub(crate) fn refuses(&self, what: &str) -> CommandError {
        CommandError::refused(format!("nothing can be fetched from {}: {what}", self.host))
    }

    pub(crate) fn out_of_turn(&self, message: &FromAgent) -> CommandError {
        let json = serde_json::to_value(message).unwrap_or_default();
        let kind = json.as_object().and_then(|object| object.keys().next().cloned());
        let kind = kind.or_else(|| json.as_str().map(str::to_owned)).unwrap_or_default();
        self.unreachable(&format!("the agent said `{kind}` where something else was due"))
    }
}

impl Door for Afar {
    type Held = HeldAfar;
    /// The agent holds it.
    type Restore = ();

    fn ask<A: Ask>(&mut self, ask: A) -> Result<A::Answer, CommandError> {
        let request = ask.into();
        let answer = if request.acts() {
            // What was heard and not answered would be told that it is so already.
            self.link()?;
            self.ask_once(&ToAgent::Ask(request)).map_err(|lost| {
                let hint = format!("`{}` tells whether it was heard", Next::Status);
                self.call.unreachable(&lost.0).hint(hint)
            })?
        } else {
            self.ask_twice(&ToAgent::Ask(request))
        };
        self.answer::<A>(answer?)
    }

    fn preview(&mut self, program: &Program) -> Result<Previewed, CommandError> {
        let saved = self.send(program)?;
        match self.ask_twice(&ToAgent::Preview { saved })? {
            FromAgent::Previewed(previewed) => Ok(*previewed),
            other => Err(self.call.out_of_turn(&other)),
        }
    }

    fn propose_apply(
        &mut self,
        program: Program,
        hold: Option<Duration>,
    ) -> Result<ApplyOffer<HeldAfar>, CommandError> {
        // Only a run whose id is derived can have begun.
        let begun = |call: &Call| call.unreachable("the agent says that a run has begun that it has no name of");
        self.propose(program, hold, None)?.ok_or_else(|| begun(&self.call))
    }

    fn propose_resume(&mut self, run: Option<&str>) -> Result<Option<(ResumeOffer, HeldAfar)>, CommandError> {
        match self.hold(&ToAgent::Resume { run: run.map(str::to_owned) })? {
            Held::NoneOpen => Ok(None),
            Held::ToResume(offer) => {
                let held = HeldAfar { run: offer.run.clone(), program: None, asked_back: false };
                Ok(Some((offer, held)))
            }
            other => Err(self.call.out_of_turn(&FromAgent::Held(Box::new(other)))),
        }
    }

    fn propose_rollback(
        &mut self,
        run: Option<&str>,
        over_a_loss: bool,
    ) -> Result<RollbackOffer<HeldAfar>, CommandError> {
        match self.hold(&ToAgent::Rollback { run: run.map(str::to_owned), over_a_loss })? {
            Held::NothingToTakeBack => Ok(RollbackOffer::Nothing),
            Held::LeftNothing { run, lost } => Ok(RollbackOffer::LeftNothing { run, lost }),
            Held::ToRollBack(offer) => {
                let held = HeldAfar { run: offer.run.clone(), program: None, asked_back: true };
                Ok(RollbackOffer::RollBack(offer, held))
            }
            other => Err(self.call.out_of_turn(&FromAgent::Held(Box::new(other)))),
        }
    }

    fn propose_recover(&mut self, forward: bool) -> Result<(Vec<Notice>, Option<HeldAfar>), CommandError> {
        match self.hold(&ToAgent::Recover { forward })? {
            Held::ToRecover { notices, run } => {
                let held = run.map(|(run, asked_back)| HeldAfar { run, program: None, asked_back });
                Ok((notices, held))
            }
            other => Err(self.call.out_of_turn(&FromAgent::Held(Box::new(other)))),
        }
    }

    fn propose_restore(&mut self, wanted: Restore) -> Result<(ToRestore, ()), CommandError> {
        Ok((self.offer_restore(wanted)?, ()))
    }

    fn restore(&mut self, (): (), tell: &mut dyn FnMut(Restoring)) -> Result<Option<PathBuf>, CommandError> {
        self.put_back(tell)
    }

    fn program<'a>(&self, held: &'a HeldAfar) -> Option<&'a Program> {
        held.program.as_ref()
    }

    fn begin(
        &mut self,
        held: HeldAfar,
        watch: impl FnOnce(RunState) -> Box<dyn Observer>,
        controls: Controls,
    ) -> Result<Ended, CommandError> {
        self.run(held, watch, controls)
    }
}

/// Passes on what steers `run` here to whoever waits for the agent.
pub(crate) fn pass_on(run: RunId, mut told: tokio::sync::mpsc::UnboundedReceiver<Control>, inbox: SyncSender<Heard>) {
    let pass = move || {
        while let Some(control) = told.blocking_recv() {
            if inbox.send(Heard::Steered(run.clone(), control)).is_err() {
                return;
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().name("steering".to_owned()).spawn(pass) {
        tracing::warn!("the run cannot be steered from here: {error}");
    }
}
