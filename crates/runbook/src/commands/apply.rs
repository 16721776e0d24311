//! `apply`, `apply --dry-run` and `plan`.

use super::running::{end, warn};
use crate::cli::{ApplyArgs, Format, PlanArgs, PlanSource};
use crate::error::{CommandError, Exit};
use crate::refusals::in_the_way;
use crate::screen::Screen;
use runbook_engine::{Forecast, Obstacle, Program};
use runbook_model::StepId;
use runbook_report::{Occasion, StepPreview};
use runbook_session::{Attempt, Judged, PlanText, Proposed, Session, Source};
use serde_json::json;
use std::io;
use std::path::Path;

pub(crate) fn apply(screen: &Screen, session: &Session, args: &ApplyArgs) -> Result<Exit, CommandError> {
    let Some(program) = sound(screen, judge(session, &args.source, usize::from(args.parallel))?)? else {
        return Ok(Exit::Refused);
    };
    if args.dry_run {
        return preview(screen, session, &program, args.detailed_exitcode, false);
    }
    let proposal = match session.propose_apply(program)? {
        Proposed::Nothing(program, forecast) => return nothing_to_do(screen, &program, &forecast),
        Proposed::Apply(proposal) => proposal,
    };
    let proposal = match args.commit_within {
        Some(within) => proposal.holding(within)?,
        None => proposal,
    };
    warn(screen, proposal.doubtful());
    if !args.yes && screen.interactive() {
        let picture = pictured(proposal.program(), proposal.forecast(), Occasion::Consent, false);
        screen.text(&picture.text(screen.style()))?;
    }
    screen.consent(&format!("Apply {} to this host?", proposal.program().plan().name), args.yes)?;
    let (watch, controls) = screen.steering(screen.patience(args.yes, args.ask_within));
    end(screen, session, proposal.begin(watch, controls)?)
}

pub(crate) fn plan(screen: &Screen, session: &Session, args: &PlanArgs) -> Result<Exit, CommandError> {
    let Some(program) = sound(screen, judge(session, &args.source, 1)?)? else { return Ok(Exit::Refused) };
    preview(screen, session, &program, args.detailed_exitcode, args.explain)
}

/// Reads the files of a plan and judges it.
pub(super) fn judge(session: &Session, source: &PlanSource, parallel: usize) -> Result<Judged, CommandError> {
    let plan = if is_stdin(&source.plan) {
        PlanText::from_reader(&title(&source.plan), io::stdin().lock())?
    } else {
        PlanText::at(&source.plan)?
    };
    Ok(session.load(&Source { plan, env: source.env.as_deref(), vars: &source.vars, parallel })?)
}

fn is_stdin(plan: &Path) -> bool {
    plan.as_os_str() == "-"
}

/// What messages call the plan.
pub(super) fn title(plan: &Path) -> String {
    if is_stdin(plan) { "<stdin>".to_owned() } else { plan.to_string_lossy().into_owned() }
}

/// The program, after everything that was found about it was shown.
pub(super) fn sound(screen: &Screen, judged: Judged) -> Result<Option<Program>, CommandError> {
    if judged.program.is_none() || screen.format == Format::Text {
        screen.diagnostics(&judged.diagnostics, &judged.sources)?;
    }
    Ok(judged.program)
}

fn preview(
    screen: &Screen,
    session: &Session,
    program: &Program,
    detailed: bool,
    explain: bool,
) -> Result<Exit, CommandError> {
    let seen = session.preview(program);
    let picture = pictured(program, &seen.forecast, Occasion::DryRun, explain);
    let held = seen.held.into_iter().map(|error| CommandError::from(error).message);
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
        true if detailed && seen.forecast.has_work() => Ok(Exit::Pending),
        true => Ok(Exit::Done),
        // The document says so itself, and is the only one.
        false if screen.format == Format::Json => Ok(Exit::Refused),
        false => Err(in_the_way(Attempt::Apply, seen.certain)),
    }
}

fn pictured<'a>(
    program: &'a Program,
    forecast: &'a Forecast,
    occasion: Occasion,
    explain: bool,
) -> runbook_report::Preview<'a> {
    let steps = forecast.steps.iter().filter_map(|predicted| {
        let def = program.step(&predicted.step)?;
        let declaration = program.course.schedule.declaration(&predicted.step)?;
        let reasons = if explain { reasons(program, &predicted.step) } else { Vec::new() };
        Some(StepPreview {
            id: &predicted.step,
            uses: &def.uses,
            prediction: &predicted.prediction,
            needed: predicted.needed,
            purpose: declaration.purpose,
            allow: &def.allow,
            reasons,
            excerpt: forecast.excerpt(&predicted.step),
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
    program.course.schedule.explain(step).into_iter().map(words).collect()
}

fn nothing_to_do(screen: &Screen, program: &Program, forecast: &Forecast) -> Result<Exit, CommandError> {
    match screen.format {
        Format::Text => {
            let plan = program.plan();
            let steps = match forecast.steps.len() {
                1 => "1 step".to_owned(),
                many => format!("{many} steps"),
            };
            let digest = plan.digest.get(..7).unwrap_or(&plan.digest);
            screen.text(&format!(
                "Nothing to do: the host is as {} wants it ({steps} read, plan {digest}).\n",
                plan.name
            ))?;
        }
        Format::Json => screen.json(&pictured(program, forecast, Occasion::DryRun, false).json())?,
        Format::Ndjson => screen.text(&pictured(program, forecast, Occasion::DryRun, false).ndjson())?,
    }
    Ok(Exit::Done)
}
