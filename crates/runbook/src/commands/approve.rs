//! `approve`: lets a `gate.approve` step that waits pass.

use crate::cli::ApproveArgs;
use crate::clock::now_ms;
use crate::error::{CommandError, Exit};
use crate::facts::host_facts;
use crate::known::known;
use crate::running::{choose, journal};
use crate::screen::Screen;
use runbook_journal::StateDir;
use runbook_model::{RunState, StepId, StepStatus};
use serde_json::json;
use std::fs;
use std::io::ErrorKind;

/// How often the directory of a step is made again that is emptied meanwhile.
const TRIES: u32 = 20;

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
    if !write(dir, &run, &gate.id, args)? {
        screen.note(&format!("step `{}` of run {run} was approved already", gate.id));
        return Ok(Exit::Done);
    }
    let waits = state.status(&gate.id) == StepStatus::Started;
    screen.note(if waits {
        "approved; the run goes on"
    } else {
        "approved; the step will pass when the run gets there"
    });
    Ok(Exit::Done)
}

/// Gives the file its name when it is whole, for the waiting step must never read half of it. `false` if somebody else was
/// first: the first approval counts.
fn write(dir: &StateDir, run: &runbook_model::RunId, step: &StepId, args: &ApproveArgs) -> Result<bool, CommandError> {
    let step_dir = dir.step(run, step);
    let approval = json!({ "by": host_facts().user, "at": now_ms(), "because": args.because });
    let staged = step_dir.join(format!(".approved-{}.json", std::process::id()));
    let mut tries = 0;
    loop {
        dir.create_below(&step_dir)?;
        let named = fs::write(&staged, approval.to_string())
            .and_then(|()| fs::hard_link(&staged, step_dir.join("approved.json")));
        let _ = fs::remove_file(&staged);
        match named {
            Ok(()) => return Ok(true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
            // A step that begins anew empties its directory.
            Err(error) if error.kind() == ErrorKind::NotFound && tries < TRIES => tries += 1,
            Err(error) => {
                let message = format!("the approval cannot be written to {}: {error}", step_dir.display());
                return Err(CommandError::refused(message).hint("approve again; the run still waits"));
            }
        }
    }
}
