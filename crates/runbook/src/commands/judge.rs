//! Commands that judge plans and touch no host: `check`, `graph`, `vars`.

use super::apply::sound;
use super::judged::{Checked, counted, table, variable};
use super::loader::title;
use super::preview::reasons;
use super::{HostCommand, Loader, rollouts};
use crate::cli::{CheckArgs, Drawing, Format, GraphArgs, PlanSource, VarsArgs};
use crate::door::AnyDoor;
use crate::screen::Screen;
use runbook_model::{Code, Resolved, Severity};
use runbook_plan::shown;
use runbook_report::diagnostics;
use runbook_session::{CommandError, Exit};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::OnceLock;

impl HostCommand for CheckArgs {
    fn acts(&self) -> bool {
        false
    }

    fn run(&self, screen: &Screen, loader: &Loader<'_>, _: &mut AnyDoor) -> Result<Exit, CommandError> {
        let mut exit = Exit::Done;
        let mut documents = Vec::new();
        for plan in &self.plans {
            let (env, vars) = (self.env.clone(), self.vars.clone());
            let source = PlanSource { plan: plan.clone(), env, vars, text: OnceLock::new() };
            let checked = match check(loader, &source) {
                Ok(checked) => checked,
                // One file that cannot be read does not hide what is wrong with the others.
                Err(error) => {
                    exit = error.exit;
                    match screen.format {
                        Format::Json => documents.push(unreadable(plan, &error)),
                        Format::Text | Format::Ndjson => drop(screen.fail(&error)),
                    }
                    continue;
                }
            };
            for (found, sources) in &checked.found {
                match screen.format {
                    Format::Json => documents.push(diagnostics::json(found, sources)),
                    Format::Text | Format::Ndjson => screen.diagnostics(found, sources)?,
                }
            }
            match &checked.sound {
                Some(what) if screen.format == Format::Text => {
                    screen.text(&format!("{}: {what}\n", title(&source.plan)))?;
                }
                Some(_) => {}
                None => exit = Exit::Refused,
            }
        }
        if screen.format == Format::Json {
            screen.json(&together(&documents))?;
        }
        Ok(exit)
    }
}

fn check(loader: &Loader<'_>, source: &PlanSource) -> Result<Checked, CommandError> {
    if let Some(text) = source.rollout()? {
        return rollouts::check(loader.for_rollouts()?, text, source.flags());
    }
    let judged = loader.judge(source, 1)?;
    let bad = judged.diagnostics.iter().any(|found| found.severity == Severity::Error);
    let program = judged.program.filter(|_| !bad);
    let sound = program.as_ref().map(|program| {
        let plan = program.plan();
        format!("{} is sound, {}", plan.name, counted(plan.steps.len(), "step"))
    });
    // The process is about to end; taking ten thousand steps apart first would be a tenth of its work.
    std::mem::forget(program);
    Ok(Checked { found: vec![(judged.diagnostics, judged.sources)], sound })
}

/// A file that cannot be read, in the form of a diagnostic.
fn unreadable(plan: &Path, error: &CommandError) -> Value {
    let place = json!({ "file": plan, "start": null, "end": null, "text": "" });
    let (message, help) = (&error.message, &error.hint);
    let one = json!({
        "code": error.code.as_ref().unwrap_or(&Code::UNREADABLE), "severity": "error", "message": message, "primary": place, "related": [], "help": help,
    });
    json!({ "diagnostics": [one], "errors": 1, "warnings": 0 })
}

/// What was found in several plans as one document of the form of each.
fn together(documents: &[Value]) -> Value {
    let list = |document: &Value| document.get("diagnostics").and_then(Value::as_array).cloned().unwrap_or_default();
    let sum = |key: &str| documents.iter().filter_map(|document| document.get(key)?.as_u64()).sum::<u64>();
    json!({
        "diagnostics": documents.iter().flat_map(list).collect::<Vec<_>>(),
        "errors": sum("errors"),
        "warnings": sum("warnings"),
    })
}

pub(crate) fn graph(screen: &Screen, loader: &Loader<'_>, args: &GraphArgs) -> Result<Exit, CommandError> {
    if let Some(text) = args.source.rollout()? {
        return rollouts::graph(screen, text, args.drawing);
    }
    let Some(program) = sound(screen, loader.judge(&args.source, 1)?)? else { return Ok(Exit::Refused) };
    let schedule = &program.execution.schedule;
    match (screen.format, args.drawing) {
        (Format::Text, Drawing::Mermaid) => screen.text(&schedule.mermaid())?,
        (Format::Text, Drawing::Dot) => screen.text(&schedule.dot())?,
        (Format::Text, Drawing::Text) => {
            let mut text = String::new();
            for step in schedule.order() {
                let uses = program.step(step).map_or("", |def| def.uses.as_str());
                text.push_str(&format!("{step}  ({uses})\n"));
                reasons(&program, step).iter().for_each(|reason| text.push_str(&format!("    {reason}\n")));
            }
            screen.text(&text)?;
        }
        (Format::Json | Format::Ndjson, _) => {
            let edges = schedule.edges().map(|edge| {
                let reasons: Vec<String> = edge.reasons.iter().map(ToString::to_string).collect();
                json!({ "before": edge.before, "after": edge.after, "reasons": reasons })
            });
            screen.json(&json!({ "order": schedule.order(), "edges": edges.collect::<Vec<_>>() }))?;
        }
    }
    Ok(Exit::Done)
}

impl HostCommand for VarsArgs {
    fn acts(&self) -> bool {
        false
    }

    fn run(&self, screen: &Screen, loader: &Loader<'_>, _: &mut AnyDoor) -> Result<Exit, CommandError> {
        if let Some(text) = self.source.rollout()? {
            return rollouts::vars(screen, loader.for_rollouts()?, text, self);
        }
        let judged = loader.judge(&self.source, 1)?;
        if self.as_environment {
            screen.text(&environment(&judged.vars)?)?;
            return Ok(Exit::Done);
        }
        match screen.format {
            Format::Text => screen.text(&table(&judged.vars, &judged.sources))?,
            Format::Json => {
                screen.json(&judged.vars.iter().map(|var| variable(var, &judged.sources)).collect())?;
            }
            Format::Ndjson => {
                judged.vars.iter().try_for_each(|var| screen.json(&variable(var, &judged.sources)))?;
            }
        }
        let bad = judged.diagnostics.iter().any(|found| found.severity == Severity::Error);
        if bad && screen.format == Format::Text {
            screen.diagnostics(&judged.diagnostics, &judged.sources)?;
        }
        Ok(if bad { Exit::Refused } else { Exit::Done })
    }
}

/// An environment with every value that is known. A variable without one stands there as a comment, for it has to be given.
fn environment(vars: &[Resolved]) -> Result<String, CommandError> {
    let values: serde_json::Map<String, serde_json::Value> =
        vars.iter().filter_map(|var| Some((var.name.clone(), var.value.as_ref()?.to_json()))).collect();
    let known = serde_yaml::to_string(&json!({ "kind": "Environment", "version": 1, "vars": values }))
        .map_err(|error| CommandError::refused(format!("the variables cannot be written as YAML: {error}")))?;
    let ty = |var: &Resolved| serde_json::to_value(var.ty).ok().and_then(|ty| ty.as_str().map(str::to_owned));
    let open = vars.iter().filter(|var| var.value.is_none()).map(|var| match var.secret {
        Some(_) => format!("  # {} is a secret, {}\n", var.name, shown(var).trim_start_matches("secret ")),
        None => format!("  # {}:   # {}, has no value yet\n", var.name, ty(var).unwrap_or_default()),
    });
    Ok(known + &open.collect::<String>())
}
