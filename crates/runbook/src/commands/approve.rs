//! `approve`: lets a `gate.approve` step that waits pass.

use crate::cli::ApproveArgs;
use crate::error::{CommandError, Exit};
use crate::facts::host_facts;
use crate::running::{choose, journal, known, now_ms};
use crate::screen::Screen;
use runbook_journal::StateDir;
use runbook_model::{RunState, StepId, StepStatus};
use serde_json::json;
use std::fs;

pub(crate) fn approve(screen: &Screen, dir: &StateDir, args: &ApproveArgs) -> Result<Exit, CommandError> {
    let journal = journal(dir)?;
    let run = choose(&journal, Some(&args.run))?.run;
    let known = known(&journal, &run)?;
    let gates = || known.saved.plan.steps.iter().filter(|step| step.uses == "gate.approve");
    let Some(gate) = gates().find(|step| step.id.as_str() == args.step) else {
        let error = CommandError::refused(format!("run {run} has no gate.approve step `{}`", args.step));
        let names: Vec<&str> = gates().map(|step| step.id.as_str()).collect();
        return Err(error.hint(match names.as_slice() {
            [] => "there is none in its plan, so nothing waits for an approval".to_owned(),
            names => format!("its gates are {}", names.join(", ")),
        }));
    };
    let state = RunState::replay(&known.records)?;
    if state.verdict().is_some() || state.status(&gate.id).is_over() {
        return Err(CommandError::refused(format!("step `{}` of run {run} waits no longer", gate.id)));
    }
    write(dir, &run, &gate.id, args)?;
    let waits = state.status(&gate.id) == StepStatus::Started;
    screen.note(if waits {
        "approved; the run goes on"
    } else {
        "approved; the step will pass when the run gets there"
    });
    Ok(Exit::Done)
}

/// In one rename, for the waiting step must never read half of it.
fn write(dir: &StateDir, run: &runbook_model::RunId, step: &StepId, args: &ApproveArgs) -> Result<(), CommandError> {
    let step_dir = dir.step(run, step);
    dir.create_below(&step_dir)?;
    let approval = json!({ "by": host_facts().user, "at": now_ms(), "because": args.because });
    let staged = step_dir.join(".approved.json");
    fs::write(&staged, approval.to_string())?;
    fs::rename(&staged, step_dir.join("approved.json")).map_err(Into::into)
}
