//! `apply`, `apply --dry-run` and `plan`.

use crate::cli::{ApplyArgs, Format, PlanArgs};
use crate::clock::now_ms;
use crate::error::{CommandError, Exit};
use crate::keeping;
use crate::loading::{Judged, judge, short_digest};
use crate::obstacles;
use crate::running::{claim, end, lock, refuse_unsettled, settings};
use crate::screen::Screen;
use crate::window::in_window;
use runbook_engine::{Forecast, Obstacle, Program, Runner};
use runbook_host::Reader;
use runbook_journal::StateDir;
use runbook_model::{RunId, RunState, Verdict};
use runbook_report::{Occasion, Preview, StepPreview};
use serde_json::json;
use std::hash::{BuildHasher, Hasher};

/// What a refusal before the first change leaves.
const NOTHING_CHANGED: &str = "nothing was changed";

pub(crate) fn apply(screen: &Screen, dir: &StateDir, args: &ApplyArgs) -> Result<Exit, CommandError> {
    let Some(program) = sound(screen, judge(&args.source, usize::from(args.parallel))?)? else {
        return Ok(Exit::Refused);
    };
    if args.dry_run {
        return preview(screen, dir, &program, args.detailed_exitcode, false);
    }
    in_window(program.plan())?;
    let lock = lock(dir, format!("apply {}", program.plan().name))?;
    refuse_unsettled(dir)?;
    let forecast = program.forecast(&reader(dir, &program));
    if !forecast.has_work() {
        return nothing_to_do(screen, &program, &forecast);
    }
    let certain = obstacles::certain(screen, program.obstacles(&forecast, &reader(dir, &program)));
    obstacles::refuse(&certain, NOTHING_CHANGED)?;
    if !args.yes && screen.interactive() {
        screen.text(&pictured(&program, &forecast, Occasion::Consent, false).text(screen.style()))?;
    }
    let _claim = claim(dir, &program, format!("apply {}", program.plan().name))?;
    screen.consent(&format!("Apply {} to this host?", program.plan().name), args.yes)?;
    // The question may have stood for long. What else the consent was given for is still so: the lock is held.
    in_window(program.plan())?;
    let plan = program.plan().clone();
    let run = new_run();
    let observer = screen.observer(RunState::default());
    let runner = Runner::begin(
        settings(screen, dir, screen.asker(args.yes, args.ask_within))?,
        lock,
        program,
        forecast,
        run.clone(),
        observer,
    )
    .map_err(not_begun)?;
    let ending = runner.go()?;
    if ending.state.verdict() == Some(Verdict::Succeeded) {
        prune(screen, dir);
    }
    end(screen, dir, &plan, &run, ending, false)
}

/// The journal did not take the beginning of the run, so there is no run.
fn not_begun(error: runbook_engine::Error) -> CommandError {
    CommandError { exit: Exit::Refused, ..error.into() }.hint("the run did not begin; nothing was changed")
}

pub(crate) fn plan(screen: &Screen, dir: &StateDir, args: &PlanArgs) -> Result<Exit, CommandError> {
    let Some(program) = sound(screen, judge(&args.source, 1)?)? else { return Ok(Exit::Refused) };
    preview(screen, dir, &program, args.detailed_exitcode, args.explain)
}

/// The program, after everything that was found about it was shown.
pub(super) fn sound(screen: &Screen, judged: Judged) -> Result<Option<Program>, CommandError> {
    if judged.program.is_none() || screen.format == Format::Text {
        screen.diagnostics(&judged.diagnostics, &judged.sources)?;
    }
    Ok(judged.program)
}

/// Reads the host and writes nothing on it, the state directory included.
fn preview(
    screen: &Screen,
    dir: &StateDir,
    program: &Program,
    detailed: bool,
    explain: bool,
) -> Result<Exit, CommandError> {
    let host = reader(dir, program);
    let forecast = program.forecast(&host);
    let picture = pictured(program, &forecast, Occasion::DryRun, explain);
    let mut warnings = held_by(dir, program);
    let (certain, possible): (Vec<_>, Vec<_>) =
        program.obstacles(&forecast, &host).into_iter().partition(|obstacle| obstacle.certain);
    warnings.extend(possible.into_iter().map(|obstacle| obstacle.failure.message));
    match screen.format {
        Format::Text => screen.text(&picture.text(screen.style()))?,
        Format::Json => {
            let mut value = picture.json();
            if let Some(fields) = value.as_object_mut() {
                fields.insert("warnings".to_owned(), warnings.clone().into());
                let told = |one: &Obstacle| json!({ "message": one.failure.message, "hint": one.failure.hint });
                fields.insert("obstacles".to_owned(), certain.iter().map(told).collect());
            }
            screen.json(&value)?;
        }
        Format::Ndjson => screen.text(&picture.ndjson())?,
    }
    warnings.iter().for_each(|warning| screen.note(&format!("warning: {warning}")));
    // The document says so itself, and is the only one.
    if screen.format == Format::Json && !certain.is_empty() {
        return Ok(Exit::Refused);
    }
    obstacles::refuse(&certain, NOTHING_CHANGED)?;
    Ok(if detailed && forecast.has_work() { Exit::Pending } else { Exit::Done })
}

/// What would keep `apply` from starting now, and may not do so later, as far as that can be read without writing.
fn held_by(dir: &StateDir, program: &Program) -> Vec<String> {
    let mut found = Vec::new();
    found.extend(in_window(program.plan()).err().map(|error| error.message));
    if let Ok(Some(holder)) = runbook_journal::Lock::holder(dir) {
        found.push(format!("another runbook is at work on this host: {holder}"));
    }
    found.extend(refuse_unsettled(dir).err().map(|error| error.message));
    found
}

fn reader(dir: &StateDir, program: &Program) -> Reader {
    program.reader(dir.path())
}

fn pictured<'a>(program: &'a Program, forecast: &'a Forecast, occasion: Occasion, explain: bool) -> Preview<'a> {
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
    Preview { plan: program.plan(), steps: steps.collect(), occasion }
}

/// Why a step comes after others, in words.
pub(super) fn reasons(program: &Program, step: &runbook_model::StepId) -> Vec<String> {
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
            screen.text(&format!(
                "Nothing to do: the host is as {} wants it ({steps} read, plan {}).\n",
                plan.name,
                short_digest(plan)
            ))?;
        }
        Format::Json => screen.json(&pictured(program, forecast, Occasion::DryRun, false).json())?,
        Format::Ndjson => screen.text(&pictured(program, forecast, Occasion::DryRun, false).ndjson())?,
    }
    Ok(Exit::Done)
}

/// Runs past their retention go after a run that ended well. It is no failure of the run if they cannot.
fn prune(screen: &Screen, dir: &StateDir) {
    // Whoever has the lock by now does the same at its end.
    let Ok(_lock) = lock(dir, "removing what is past its retention".to_owned()) else { return };
    match keeping::prune(dir, now_ms()).map(|past| past.len()) {
        Ok(0) => {}
        Ok(count) => screen.note(&format!("{count} runs past the plan's retention were removed with their backups")),
        Err(error) => {
            screen.note(&format!("warning: runs past their retention could not be removed: {}", error.message))
        }
    }
}

/// The randomness that the standard library seeds its hash maps with is enough for a name.
fn new_run() -> RunId {
    let mut hasher = std::hash::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    RunId::from_entropy((hasher.finish() >> 17) as u32)
}
