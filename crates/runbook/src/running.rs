//! What `apply`, `resume`, `rollback` and `recover` share: the lock, the journal, and a run to its end.

use crate::clock::now_ms;
use crate::error::{CommandError, Exit};
use crate::facts::host_facts;
use crate::gaps;
use crate::known::Ready;
use crate::naming::{Named, pick};
use crate::screen::Screen;
use runbook_engine::{Asker, Ending, Program, Runner, Settings};
use runbook_journal::{Claim, Holder, Journal, Lock, Look, RunRow, StateDir};
use runbook_model::{Access, Next, Plan, Resource, RollbackCause, RunId, RunState, Verdict};

/// Takes the lock for `doing`.
pub(crate) fn lock(dir: &StateDir, doing: String) -> Result<Lock, CommandError> {
    Lock::acquire(dir, &holder(doing)).map_err(held)
}

/// Claims what `program` changes, against runs with other state directories. It holds until it is dropped.
pub(crate) fn claim(dir: &StateDir, program: &Program, doing: String) -> Result<Option<Claim>, CommandError> {
    let schedule = &program.course.schedule;
    let effects = schedule.order().iter().filter_map(|step| schedule.declaration(step)).flat_map(|one| &one.effects);
    let writes: Vec<Resource> =
        effects.filter(|effect| effect.access == Access::Write).map(|effect| effect.resource.clone()).collect();
    Claim::stake(dir, &holder(doing), &writes).map_err(held)
}

fn holder(doing: String) -> Holder {
    Holder { pid: std::process::id(), user: host_facts().user, doing, since: now_ms() }
}

fn held(error: runbook_journal::Error) -> CommandError {
    match error {
        runbook_journal::Error::Held(holder) => {
            CommandError::new(Exit::Held, format!("another runbook is at work on this host: {holder}"))
                .hint(format!("wait for it, or see what it does with `{}`", Next::Status))
        }
        other => other.into(),
    }
}

/// What a run is given besides its plan; `asker` is whoever can be asked while it goes on.
pub(crate) fn settings(
    screen: &Screen,
    dir: &StateDir,
    asker: Option<Box<dyn Asker>>,
) -> Result<Settings, CommandError> {
    let own_program = std::env::current_exe()?;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Ok(Settings {
        state_dir: dir.clone(),
        own_program,
        version,
        user: host_facts().user,
        asker,
        interrupts: screen.interrupts(),
    })
}

/// The journal for reading, as far as it is there; a refusal if there is none.
pub(crate) fn journal(dir: &StateDir) -> Result<Journal, CommandError> {
    let look = Look::at(dir)?;
    look.journal.ok_or_else(|| {
        if !look.gaps.is_empty() {
            return gaps::lost(&look.gaps, Exit::Stuck);
        }
        CommandError::refused(format!("no plan was ever applied here: there is no journal in {}", dir.path().display()))
            .hint("name another directory with --state-dir, or apply a plan")
    })
}

/// The run that `name` means; without a name the latest one.
pub(crate) fn choose(journal: &Journal, name: Option<&str>) -> Result<RunRow, CommandError> {
    let mut runs = journal.runs()?;
    let at = match name {
        None => 0,
        Some(name) => {
            let about = |row: &RunRow| format!("{}, {}", row.plan, runbook_report::stamp(row.started_at));
            let known = runs.iter().map(|row| Named { name: row.run.to_string(), about: about(row) });
            pick("run", name, &known.collect::<Vec<_>>(), &Next::History)?
        }
    };
    if at < runs.len() { Ok(runs.swap_remove(at)) } else { Err(CommandError::refused("no plan was ever applied here")) }
}

/// The run that is open or stuck, if there is one.
pub(crate) fn unsettled(journal: &Journal) -> Result<Option<RunRow>, CommandError> {
    Ok(journal.runs()?.into_iter().find(|row| matches!(row.verdict, None | Some(Verdict::Stuck))))
}

/// Refuses while an earlier run is open or stuck, or may be: a second change on top would take its way back away.
pub(crate) fn refuse_unsettled(dir: &StateDir) -> Result<(), CommandError> {
    let journal = gaps::whole(dir, Exit::Held)?;
    let Some(row) = journal.as_ref().map(unsettled).transpose()?.flatten() else { return Ok(()) };
    let RunRow { run, plan, .. } = row;
    Err(match row.verdict {
        None => CommandError::new(Exit::Held, format!("run {run} of {plan} was interrupted and is still open"))
            .hint(either_way(&run)),
        Some(_) => CommandError::new(
            Exit::Held,
            format!("run {run} of {plan} is stuck, and nothing may change until that is settled"),
        )
        .hint(format!(
            "`{}` says what is left; then `{}` tries again, and `{}` closes it by hand",
            Next::Show(Some(run.clone())),
            Next::Rollback(Some(run.clone())),
            Next::Accept
        )),
    })
}

/// What is said of an open run.
fn either_way(run: &RunId) -> String {
    let (resume, rollback) = (Next::Resume(Some(run.clone())), Next::Rollback(Some(run.clone())));
    format!("`{resume}` goes on with it, `{rollback}` takes it back")
}

/// Goes on with a run, forward, or back for a cause.
pub(crate) fn go_on(
    screen: &Screen,
    dir: &StateDir,
    lock: Lock,
    ready: Ready,
    back: Option<RollbackCause>,
    asker: Option<Box<dyn Asker>>,
) -> Result<Exit, CommandError> {
    let Ready { run, program, records } = ready;
    let plan = program.plan().clone();
    let _claim = claim(dir, &program, format!("going on with run {run}"))?;
    let state = RunState::replay(&records)?;
    let observer = screen.observer(state);
    let asked_back = back == Some(RollbackCause::Requested);
    let runner = Runner::reopen(settings(screen, dir, asker)?, lock, program, &records, run.clone(), back, observer)?;
    end(screen, dir, &plan, &run, runner.go()?, asked_back)
}

/// Shows how a run ended.
pub(crate) fn end(
    screen: &Screen,
    dir: &StateDir,
    plan: &Plan,
    run: &RunId,
    ending: Ending,
    asked_back: bool,
) -> Result<Exit, CommandError> {
    if screen.format == crate::cli::Format::Json {
        let account = || -> Result<(), CommandError> {
            let records = journal(dir)?.records(run)?;
            screen.json(&runbook_report::show_json(plan, &records)?)
        };
        // How the run ended is not up to whoever reads about it.
        if let Err(error) = account() {
            screen.complain(&format!("warning: run {run} is over, but its account cannot be shown: {}", error.message));
        }
    }
    if ending.state.verdict().is_none() {
        screen.note_beside_account(&format!("run {run} is open: {}", either_way(run)));
    }
    Ok(Exit::of(&ending.state, asked_back))
}
