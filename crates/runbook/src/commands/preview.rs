//! What a plan would do on a host, as it is shown: `plan`, `apply --dry-run`, and what `apply` asks consent for.

use crate::cli::Format;
use crate::door::AnyDoor;
use crate::screen::Screen;
use runbook_engine::{Foretold, Obstacle, Program};
use runbook_fleet::Afar;
use runbook_model::{HostFacts, Plan, StepId};
use runbook_report::{Occasion, StepPreview};
use runbook_session::{Attempt, CommandError, Door, Exit, Previewed, in_the_way};
use serde_json::{Value, json};

pub(super) fn preview(
    screen: &Screen,
    door: &mut AnyDoor,
    program: &Program,
    detailed: bool,
    explain: bool,
) -> Result<Exit, CommandError> {
    let seen = door.preview(program)?;
    let picture = pictured(program, &seen.foretold, Occasion::DryRun, explain);
    let warnings = warnings(&seen);
    match screen.format {
        Format::Text => screen.text(&picture.text(screen.style()))?,
        Format::Json => {
            screen.json(&document(&picture, &warnings, &seen.certain))?;
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

/// What would keep the run from beginning now, and what may stand in its way.
fn warnings(seen: &Previewed) -> Vec<String> {
    let held = seen.held.iter().map(|error| error.message.clone());
    held.chain(seen.doubtful.iter().map(|one| one.failure.message.clone())).collect()
}

pub(super) fn pictured<'a>(
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

/// The picture as JSON, with what may stand in the way.
fn document(picture: &runbook_report::Preview<'_>, warnings: &[String], certain: &[Obstacle]) -> Value {
    let mut value = picture.json();
    if let Some(fields) = value.as_object_mut() {
        fields.insert("warnings".to_owned(), warnings.into());
        let told = |one: &Obstacle| json!({ "message": one.failure.message, "hint": one.failure.hint });
        fields.insert("obstacles".to_owned(), certain.iter().map(told).collect());
    }
    value
}

/// What a plan would do on one host of a stage, in the name of the stage: equal where the same would be done.
#[derive(PartialEq)]
pub(super) struct Seen {
    pub(super) text: String,
    pub(super) document: Value,
    /// Pending where there is something to do, refused where it cannot succeed.
    pub(super) exit: Exit,
}

/// Asks a host. What is in the way only because a file of `made` is not there yet is passed over.
pub(super) fn seen(
    screen: &Screen,
    door: &mut Afar,
    program: &Program,
    explain: bool,
    (stage, made): (&str, &[String]),
) -> Result<Seen, CommandError> {
    let said = door.preview(program)?;
    let host = HostFacts { name: stage.to_owned(), ..program.plan().host.clone() };
    let plan = Plan { host, ..program.plan().clone() };
    let picture =
        runbook_report::Preview { plan: &plan, ..pictured(program, &said.foretold, Occasion::DryRun, explain) };
    let warnings = warnings(&said);
    let comes = |one: &Obstacle| made.iter().any(|path| one.failure.message.contains(path.as_str()));
    let certain: Vec<Obstacle> = said.certain.into_iter().filter(|one| !comes(one)).collect();
    let mut text = picture.text(screen.style());
    let lines = certain.iter().map(|one| format!("error: {}\n", one.failure.message));
    text.extend(lines.chain(warnings.iter().map(|warning| format!("warning: {warning}\n"))));
    let exit = match (certain.is_empty(), said.foretold.has_work()) {
        (false, _) => Exit::Refused,
        (true, true) => Exit::Pending,
        (true, false) => Exit::Done,
    };
    Ok(Seen { text, document: document(&picture, &warnings, &certain), exit })
}
