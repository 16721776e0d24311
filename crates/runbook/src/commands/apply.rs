//! `apply`, `apply --dry-run` and `plan`.

use super::preview::{pictured, preview};
use super::running::{end, warn};
use super::{HostCommand, Loader};
use crate::cli::{ApplyArgs, Format, PlanArgs};
use crate::door::AnyDoor;
use crate::screen::Screen;
use runbook_engine::{Foretold, Program};
use runbook_report::Occasion;
use runbook_session::{ApplyOffer, CommandError, Door, Exit, Judged};

impl HostCommand for ApplyArgs {
    fn acts(&self) -> bool {
        !self.dry_run
    }

    fn run(&self, screen: &Screen, loader: &Loader<'_>, door: &mut AnyDoor) -> Result<Exit, CommandError> {
        let Some(program) = sound(screen, loader.judge(&self.source, usize::from(self.parallel))?)? else {
            return Ok(Exit::Refused);
        };
        if self.dry_run {
            return preview(screen, door, &program, self.detailed_exitcode, false);
        }
        let (offer, held) = match door.propose_apply(program, self.commit_within)? {
            ApplyOffer::Nothing(program, foretold) => return nothing_to_do(screen, &program, &foretold),
            ApplyOffer::Apply(offer, held) => (offer, held),
        };
        warn(screen, &offer.doubtful);
        if let Some(program) = door.program(&held) {
            if !self.yes && screen.interactive() {
                let picture = pictured(program, &offer.foretold, Occasion::Consent, false);
                screen.text(&picture.text(screen.style()))?;
            }
            screen.consent(&format!("Apply {} to {}?", program.plan().name, loader.host()), self.yes)?;
        }
        let (watch, controls) = screen.steering(screen.patience(self.yes, self.ask_within));
        let ended = door.begin(held, watch, controls)?;
        end(screen, door, ended)
    }
}

impl HostCommand for PlanArgs {
    fn acts(&self) -> bool {
        false
    }

    fn run(&self, screen: &Screen, loader: &Loader<'_>, door: &mut AnyDoor) -> Result<Exit, CommandError> {
        let Some(program) = sound(screen, loader.judge(&self.source, 1)?)? else { return Ok(Exit::Refused) };
        preview(screen, door, &program, self.detailed_exitcode, self.explain)
    }
}

/// The program, after everything that was found about it was shown.
pub(super) fn sound(screen: &Screen, judged: Judged) -> Result<Option<Program>, CommandError> {
    if judged.program.is_none() || screen.format == Format::Text {
        screen.diagnostics(&judged.diagnostics, &judged.sources)?;
    }
    Ok(judged.program)
}

fn nothing_to_do(screen: &Screen, program: &Program, foretold: &Foretold) -> Result<Exit, CommandError> {
    match screen.format {
        Format::Text => {
            let plan = program.plan();
            let steps = match foretold.steps.len() {
                1 => "1 step".to_owned(),
                many => format!("{many} steps"),
            };
            let digest = plan.digest.get(..7).unwrap_or(&plan.digest);
            screen.text(&format!(
                "Nothing to do: the host is as {} wants it ({steps} read, plan {digest}).\n",
                plan.name
            ))?;
        }
        Format::Json => screen.json(&pictured(program, foretold, Occasion::DryRun, false).json())?,
        Format::Ndjson => screen.text(&pictured(program, foretold, Occasion::DryRun, false).ndjson())?,
    }
    Ok(Exit::Done)
}
