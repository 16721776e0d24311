//! Commands that go on with a run: `rollback`, `resume`, `recover`.

use super::past::show_state;
use super::running::{end, warn};
use super::{HostCommand, Loader};
use crate::cli::{Format, RecoverArgs, ResumeArgs, RollbackArgs};
use crate::door::AnyDoor;
use crate::screen::Screen;
use runbook_model::{StepId, Verdict};
use runbook_session::{
    Accept, Accepted, ByHand, CommandError, Direction, Door, Exit, Notice, RollbackOffer, Status, ToRollBack, warning,
};

impl HostCommand for RollbackArgs {
    fn run(&self, screen: &Screen, _: &Loader<'_>, door: &mut AnyDoor) -> Result<Exit, CommandError> {
        let (offer, held) = match door.propose_rollback(self.run.as_deref(), self.known)? {
            RollbackOffer::Nothing => {
                screen.conclude("there is nothing to take back on this host")?;
                return Ok(Exit::Done);
            }
            RollbackOffer::LeftNothing { run, lost } => {
                screen.conclude(&format!("run {run} left nothing to take back"))?;
                return Ok(if lost { Exit::Stuck } else { Exit::Done });
            }
            RollbackOffer::RollBack(offer, held) => (offer, held),
        };
        warn(screen, &offer.doubtful);
        screen.note(&what_is_taken_back(&offer));
        screen.consent(if offer.over_a_loss { "Take back what is known of it?" } else { "Take it back?" }, self.yes)?;
        let (watch, controls) = screen.steering(None);
        let ended = door.begin(held, watch, controls)?;
        end(screen, door, ended)
    }
}

/// One sentence on what a rollback of the run is about to do.
fn what_is_taken_back(offer: &ToRollBack) -> String {
    let ToRollBack { run, plan, .. } = offer;
    let touched: Vec<&str> = offer.touched.iter().map(StepId::as_str).collect();
    match (touched.is_empty(), offer.verdict) {
        (false, _) => format!("Run {run} of {plan} changed this host in: {}.", touched.join(", ")),
        (true, Some(Verdict::Stuck)) => {
            format!("Every step of run {run} of {plan} was taken back; its signals are read again.")
        }
        (true, _) => format!("No step of run {run} of {plan} had begun to change this host; the run is closed."),
    }
}

impl HostCommand for ResumeArgs {
    fn run(&self, screen: &Screen, _: &Loader<'_>, door: &mut AnyDoor) -> Result<Exit, CommandError> {
        let Some((offer, held)) = door.propose_resume(self.run.as_deref())? else {
            return nothing_open(screen, door, "no run is open on this host: there is nothing to go on with");
        };
        warn(screen, &offer.doubtful);
        let direction = match offer.direction {
            Direction::Forward => "forward",
            Direction::Back => "back",
            Direction::Holding => "to be committed",
        };
        screen.consent(&format!("Go on with run {}, which was going {direction}?", offer.run), self.yes)?;
        let (watch, controls) = screen.steering(screen.patience(self.yes, self.ask_within));
        let ended = door.begin(held, watch, controls)?;
        end(screen, door, ended)
    }
}

impl HostCommand for RecoverArgs {
    fn run(&self, screen: &Screen, _: &Loader<'_>, door: &mut AnyDoor) -> Result<Exit, CommandError> {
        if let Some(because) = &self.accept {
            let ByHand { accepted, notices } = door.ask(Accept { because: because.clone() })?;
            tell(screen, &notices);
            screen.conclude(&what_is_accepted(accepted, because))?;
            return Ok(Exit::Done);
        }
        let (notices, held) = door.propose_recover(self.forward)?;
        tell(screen, &notices);
        let Some(held) = held else {
            return nothing_open(screen, door, "no run is open on this host");
        };
        let (watch, controls) = screen.steering(None);
        let ended = door.begin(held, watch, controls)?;
        tell(screen, &ended.notices);
        end(screen, door, ended)
    }
}

fn tell(screen: &Screen, notices: &[Notice]) {
    for notice in notices {
        match notice {
            Notice::StaysHeld(failure) | Notice::Down(failure) => screen.complain(&failure.message),
            Notice::Doubtful(obstacle) => screen.note(&warning(obstacle)),
            Notice::Up(line) => screen.note(line),
        }
    }
}

fn what_is_accepted(accepted: Accepted, because: &str) -> String {
    match accepted {
        Accepted::Nothing => "no run is open or stuck on this host".to_owned(),
        Accepted::Run(run) => format!("run {run} is closed: {because}"),
        Accepted::Loss { kept } => {
            let kept = kept.map(|kept| format!("; the journal as it was is in {}", kept.display()));
            format!("what the journal lost is accepted: {because}{}", kept.unwrap_or_default())
        }
    }
}

/// No run is open. A stuck one is over, but the host is not well: a unit at boot must not call that a success.
fn nothing_open(screen: &Screen, door: &mut AnyDoor, text: &str) -> Result<Exit, CommandError> {
    let host = door.ask(Status {})?;
    let exit = Exit::of_host(&host.standing);
    match host.standing.blocks.first() {
        None => screen.conclude(text)?,
        Some(_) if screen.format == Format::Text => show_state(screen, &host)?,
        Some(block) => {
            let hint = block.next.first().map(|command| format!("`{command}` is the next action"));
            return Err(CommandError { hint, ..CommandError::new(exit, block.why.clone()) });
        }
    }
    Ok(exit)
}
