//! `rollout report`: the runs of an attempt are read from their hosts, and told together.

use super::apply::files_of;
use super::plan::{each, reach};
use crate::cli::Format;
use crate::commands::reaching::Reaching;
use crate::screen::Screen;
use runbook_fleet::RolloutFiles;
use runbook_fleet::rollout::Attempted;
use runbook_journal::Attempt;
use runbook_model::{HostName, RunId, RunState};
use runbook_report::{Estate, Kept, RunDocument, rollout_json, rollout_markdown};
use runbook_rollout::Target;
use runbook_session::{CommandError, Door, Exit, Session, Show, Shown};
use std::collections::BTreeMap;

/// How many hosts are asked at the same time.
const FORKS: u16 = 8;

/// A run as its host has it on record.
struct Read {
    target: Target,
    shown: Shown,
    state: RunState,
}

/// Prints the report of the estate. A host that is not reached is told, and missing in it; the exit code is the worst of those.
pub(super) fn report(
    screen: &Screen,
    session: &Session,
    reaching: &Reaching,
    attempt: &Attempt,
    attempted: &Attempted,
) -> Result<Exit, CommandError> {
    let files = files_of(session, attempt, &attempted.kept)?;
    let (read, exit) = read(screen, &files, reaching, attempted)?;
    let runs: Vec<(Target, RunDocument<'_>)> = read.iter().filter_map(document).collect();
    let Attempted { kept, records, state } = attempted;
    let (waves, doing, elapsed_ms) = (&kept.waves, &BTreeMap::new(), state.elapsed_ms);
    let estate = Estate { waves, state, records, doing, runs: &runs, elapsed_ms };
    match screen.format {
        Format::Text => screen.text(&rollout_markdown(&estate, screen.caller()))?,
        Format::Json | Format::Ndjson => screen.json(&rollout_json(&estate))?,
    }
    Ok(exit)
}

fn document(read: &Read) -> Option<(Target, RunDocument<'_>)> {
    let Shown { known, holder } = &read.shown;
    let (plan, roles) = (&known.saved.plan, known.saved.roles.as_ref());
    let kept = Kept { plan, roles, records: &known.records, state: &read.state, holder: holder.as_ref() };
    Some((read.target.clone(), RunDocument::of(&kept)?))
}

/// The runs that began, as far as their hosts can be asked.
fn read(
    screen: &Screen,
    files: &RolloutFiles,
    reaching: &Reaching,
    attempted: &Attempted,
) -> Result<(Vec<Read>, Exit), CommandError> {
    let mut began: BTreeMap<HostName, Vec<(Target, RunId)>> = BTreeMap::new();
    for (_, target) in attempted.kept.waves.targets() {
        let known = attempted.state.target(&target);
        if let Some(run) = known.run.filter(|_| known.on_record) {
            began.entry(target.host.clone()).or_default().push((target, run));
        }
    }
    let names: Vec<&HostName> = began.keys().collect();
    let asked = each(&names, FORKS, |name| -> Result<Vec<Read>, CommandError> {
        let mut door = reach(screen, files, reaching, name)?;
        let runs = began.get(name).into_iter().flatten();
        runs.map(|(target, run)| {
            let shown = door.ask(Show { run: Some(run.to_string()) })?;
            let state = RunState::replay(&shown.known.records)?;
            Ok(Read { target: target.clone(), shown, state })
        })
        .collect()
    })?;
    let (mut read, mut exit) = (Vec::new(), Exit::Done);
    for (name, answer) in names.iter().zip(asked) {
        match answer {
            Ok(runs) => read.extend(runs),
            Err(error) => {
                exit = exit.worse(error.exit);
                screen.complain(&format!("{name}: {}", error.message));
            }
        }
    }
    // In the order of the waves, as everything is told.
    let place = |target: &Target| attempted.kept.waves.targets().position(|(_, other)| other == *target);
    read.sort_by_key(|one| place(&one.target));
    Ok((read, exit))
}
