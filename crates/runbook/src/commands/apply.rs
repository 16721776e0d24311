//! `apply`, `apply --dry-run` and `plan`.

use super::running::{end, warn};
use super::{HostCommand, Loader};
use crate::cli::{ApplyArgs, Format, PlanArgs};
use crate::screen::Screen;
use runbook_engine::{Foretold, Obstacle, Program};
use runbook_model::StepId;
use runbook_report::{Occasion, StepPreview};
use runbook_session::{ApplyOffer, Attempt, CommandError, Door, Exit, Judged, in_the_way};
use serde_json::json;

impl HostCommand for ApplyArgs {
    fn acts(&self) -> bool {
        !self.dry_run
    }

    fn run<D: Door>(&self, screen: &Screen, loader: &Loader<'_>, door: &mut D) -> Result<Exit, CommandError> {
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

    fn run<D: Door>(&self, screen: &Screen, loader: &Loader<'_>, door: &mut D) -> Result<Exit, CommandError> {
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

fn preview<D: Door>(
    screen: &Screen,
    door: &mut D,
    program: &Program,
    detailed: bool,
    explain: bool,
) -> Result<Exit, CommandError> {
    let seen = door.preview(program)?;
    let picture = pictured(program, &seen.foretold, Occasion::DryRun, explain);
    let held = seen.held.into_iter().map(|error| error.message);
    let doubtful = seen.doubtful.into_iter().map(|obstacle| obstacle.failure.message);
    let warnings: Vec<String> = held.chain(doubtful).collect();
    match screen.format {
        Format::Text => screen.text(&picture.text(screen.style()))?,
        Format::Json => {
            let mut value = picture.json();
            if let Some(fields) = value.as_object_mut() {
                fields.insert("warnings".to_owned(), warnings.clone().into());
                let told = |one: &Obstacle| json!({ "message": one.failure.message, "hint": one.failure.hint });
                fields.insert("obstacles".to_owned(), seen.certain.iter().map(told).collect());
            }
            screen.json(&value)?;
        }
        Format::Ndjson => screen.text(&picture.ndjson())?,
    }
    warnings.iter().for_each(|warning| screen.note(&format!("warning: {warning}")));
    match seen.certain.is_empty() {
        true if detailed && seen.foretold.has_work() => Ok(Exit::Pending),
        true => Ok(Exit::Done),
        // The document says so itself, and is the only one.
        false if screen.format == Format::Json => Ok(Exit::Refused),
        false => Err(in_the_way(Attempt::Apply, seen.certain)),
    }
}

fn pictured<'a>(
    program: &'a Program,
    foretold: &'a Foretold,
    occasion: Occasion,
    explain: bool,
) -> runbook_report::Preview<'a> {
    let steps = foretold.steps.iter().filter_map(|predicted| {
        let def = program.step(&predicted.step)?;
        let declaration = program.execution.schedule.declaration(&predicted.step)?;
        let reasons = if explain { reasons(program, &predicted.step) } else { Vec::new() };
        Some(StepPreview {
            id: &predicted.step,
            uses: &def.uses,
            prediction: &predicted.prediction,
            needed: predicted.needed,
            purpose: declaration.purpose,
            allow: &def.allow,
            reasons,
            excerpt: foretold.excerpts.get(&predicted.step).cloned(),
        })
    });
    runbook_report::Preview { plan: program.plan(), steps: steps.collect(), occasion }
}

/// Why a step comes after others, in words.
pub(super) fn reasons(program: &Program, step: &StepId) -> Vec<String> {
    let words = |edge: &runbook_schedule::Edge| {
        let reasons =
            edge.reasons.iter().map(|reason| match reason.span().and_then(|span| program.saved.sources.place(span)) {
                Some(place) => format!("{reason} ({place})"),
                None => reason.to_string(),
            });
        format!("after `{}`: {}", edge.before, reasons.collect::<Vec<_>>().join("; "))
    };
    program.execution.schedule.explain(step).into_iter().map(words).collect()
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
