//! `plan` of a rollout: every host is reached and asked, the plan of its stage is judged for what it is, and what would be done there is
//! shown, once for hosts where that is the same. Nothing is changed but that the agent is put in place.

use crate::commands::forks::ask_each;
use crate::commands::preview::{Seen, seen};
use crate::commands::reaching::Reaching;
use crate::commands::rows::{finish, row};
use crate::screen::Screen;
use runbook_engine::Program;
use runbook_fleet::{Afar, JudgedStage, RolloutFiles, alike, not_made};
use runbook_model::{HostFacts, HostName, Stage};
use runbook_session::{CommandError, Exit, PlanText, Session};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// How hosts are asked.
pub(in crate::commands) struct Asking<'a> {
    /// The environment and the variables that win over the rollout.
    pub(in crate::commands) flags: (Option<&'a str>, &'a [String]),
    /// How many at the same time.
    pub(in crate::commands) forks: u16,
    pub(in crate::commands) explain: bool,
    /// Whether something to do is told by the exit code.
    pub(in crate::commands) detailed: bool,
}

/// The doors to the hosts that were reached.
type Doors = BTreeMap<HostName, Mutex<Afar>>;

pub(in crate::commands) fn plan(
    screen: &Screen,
    session: &Session,
    text: &PlanText,
    asking: &Asking<'_>,
    reaching: &Reaching,
) -> Result<Exit, CommandError> {
    let Some(files) = super::sound(screen, text)? else { return Ok(Exit::Refused) };
    let names: BTreeSet<&HostName> = files.rollout.stages.iter().flat_map(|stage| &stage.hosts.names).collect();
    let names: Vec<&HostName> = names.into_iter().collect();
    let (mut doors, mut exit) = (Doors::new(), Exit::Done);
    for (name, reached) in names.iter().zip(each(&names, asking.forks, |name| reach(screen, &files, reaching, name))?) {
        match reached {
            Ok(afar) => drop(doors.insert((*name).clone(), Mutex::new(afar))),
            Err(error) => {
                exit = exit.worse(error.exit);
                screen.complain(&format!("{name}: {}", error.message));
            }
        }
    }
    let facts: BTreeMap<HostName, HostFacts> =
        doors.iter().map(|(name, afar)| (name.clone(), locked(afar).facts().clone())).collect();
    let judged = files.judge(session, |name| facts.get(name).cloned(), asking.flags)?;
    screen.diagnostics_beside(&judged.diagnostics, &files.sources)?;
    for stage in &judged.stages {
        screen.diagnostics_beside(&stage.diagnostics, &stage.sources)?;
    }
    if !judged.is_sound() {
        return Ok(exit.worse(Exit::Refused));
    }
    let mut rows = Vec::new();
    for (stage, judged) in files.rollout.stages.iter().zip(judged.stages) {
        exit = exit.worse(shown(screen, asking, &doors, (stage, judged), &mut rows)?);
    }
    finish(screen, &rows)?;
    Ok(exit)
}

/// What `ask` answers for each of `names`, `forks` of them at a time.
pub(super) fn each<T: Send>(
    names: &[&HostName],
    forks: u16,
    ask: impl Fn(&HostName) -> T + Sync,
) -> Result<Vec<T>, CommandError> {
    let mut answers = Vec::new();
    let keep = |_: &&HostName, said| {
        answers.push(said);
        Ok(())
    };
    ask_each(names, forks, |name| ask(name), keep)?;
    Ok(answers)
}

pub(super) fn reach(
    screen: &Screen,
    files: &RolloutFiles,
    reaching: &Reaching,
    name: &HostName,
) -> Result<Afar, CommandError> {
    let host = files.inventory.host(name.as_str());
    let host = host.ok_or_else(|| CommandError::refused(format!("there is no host `{name}` in the inventory")))?;
    reaching.reach(screen, host)
}

fn locked(afar: &Mutex<Afar>) -> std::sync::MutexGuard<'_, Afar> {
    afar.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shows what the hosts of a stage say, and gives the worst of it.
fn shown(
    screen: &Screen,
    asking: &Asking<'_>,
    doors: &Doors,
    (stage, judged): (&Stage, JudgedStage),
    rows: &mut Vec<serde_json::Value>,
) -> Result<Exit, CommandError> {
    let programs: BTreeMap<HostName, Program> =
        judged.hosts.into_iter().filter_map(|host| Some((host.host, host.program?))).collect();
    let names: Vec<&HostName> = stage.hosts.names.iter().filter(|name| programs.contains_key(name)).collect();
    // What a stage takes is made by then; that it is not there yet stands in nobody's way.
    let made: Vec<String> = stage.promote.iter().map(|one| not_made(&one.artifact).path).collect();
    let asked = each(&names, asking.forks, |name| -> Result<Seen, CommandError> {
        let (Some(door), Some(program)) = (doors.get(name), programs.get(name)) else {
            return Err(CommandError::refused(format!("{name} was not reached")));
        };
        seen(screen, &mut locked(door), program, asking.explain, (stage.id.as_str(), &made))
    })?;
    let (mut exit, mut told) = (Exit::Done, Vec::new());
    for (name, said) in names.iter().zip(asked) {
        match said {
            Ok(seen) => told.push(((*name).clone(), seen)),
            Err(error) => {
                exit = exit.worse(error.exit);
                screen.complain(&format!("{name}: {}", error.message));
            }
        }
    }
    for same in alike(told) {
        let hosts = same.hosts.iter().map(HostName::as_str).collect::<Vec<_>>().join(", ");
        let text = format!("== {}: {hosts}\n{}\n", stage.id, same.what.text);
        let document = json!({ "stage": stage.id, "hosts": same.hosts, "preview": same.what.document });
        row(screen, rows, &text, document)?;
        exit = exit.worse(match same.what.exit {
            Exit::Pending if !asking.detailed => Exit::Done,
            exit => exit,
        });
    }
    Ok(exit)
}
