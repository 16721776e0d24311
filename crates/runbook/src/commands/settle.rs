//! Commands that go on with a run: `rollback`, `resume`, `recover`.

use crate::cli::{RecoverArgs, ResumeArgs, RollbackArgs};
use crate::error::{CommandError, Exit};
use crate::running::{choose, go_on, journal, known, lock, now_ms};
use crate::screen::Screen;
use runbook_journal::{Journal, RunRow, StateDir};
use runbook_model::{Event, Record, RunPhase, RunState, Verdict};

pub(crate) fn rollback(screen: &Screen, dir: &StateDir, args: &RollbackArgs) -> Result<Exit, CommandError> {
    let journal = journal(dir)?;
    let row = choose(&journal, args.run.as_deref())?;
    refuse_later_runs(&journal, &row)?;
    let lock = lock(dir, format!("rollback {}", row.run))?;
    let known = known(&journal, &row.run)?;
    let state = RunState::replay(&known.records)?;
    if state.verdict() == Some(Verdict::RolledBack) || !state.may_have_touched() && state.verdict().is_some() {
        screen.conclude(&format!("run {} left nothing to take back", row.run))?;
        return Ok(Exit::Done);
    }
    let touched: Vec<String> =
        state.steps().filter(|(_, step)| step.status.may_have_touched()).map(|(step, _)| step.to_string()).collect();
    screen.note(&format!("Run {} of {} changed this host in: {}.", row.run, row.plan, touched.join(", ")));
    screen.consent("Take it back?", args.yes)?;
    go_on(screen, dir, lock, known, true)
}

/// A rollback puts back what was there before; a run that came later would be half taken back with it.
fn refuse_later_runs(journal: &Journal, row: &RunRow) -> Result<(), CommandError> {
    for later in journal.runs()?.into_iter().take_while(|later| later.run != row.run) {
        let state = RunState::replay(&journal.records(&later.run)?)?;
        if state.may_have_touched() && state.verdict() != Some(Verdict::RolledBack) {
            let message = format!("run {} came after run {} and changed this host too", later.run, row.run);
            return Err(CommandError::refused(message)
                .hint(format!("take that one back first: runbook rollback {}", later.run)));
        }
    }
    Ok(())
}

pub(crate) fn resume(screen: &Screen, dir: &StateDir, args: &ResumeArgs) -> Result<Exit, CommandError> {
    let journal = journal(dir)?;
    let open = journal.open_run()?;
    let chosen = match &args.run {
        Some(name) => Some(choose(&journal, Some(name))?.run),
        None => open.clone(),
    };
    let Some(run) = chosen else {
        screen.conclude("no run is open on this host: there is nothing to go on with")?;
        return Ok(Exit::Done);
    };
    if open.as_ref() != Some(&run) {
        return Err(CommandError::refused(format!("run {run} is over")).hint("`runbook show` tells how it ended"));
    }
    let lock = lock(dir, format!("resume {run}"))?;
    let known = known(&journal, &run)?;
    let direction = match RunState::replay(&known.records)?.phase {
        RunPhase::RollingBack(_) => "back",
        _ => "forward",
    };
    screen.consent(&format!("Go on with run {run}, which was going {direction}?"), args.yes)?;
    go_on(screen, dir, lock, known, false)
}

pub(crate) fn recover(screen: &Screen, dir: &StateDir, args: &RecoverArgs) -> Result<Exit, CommandError> {
    let Some(journal) = Journal::open_to_read(dir)? else {
        screen.conclude("no run is open on this host")?;
        return Ok(Exit::Done);
    };
    if let Some(because) = &args.accept {
        return accept(screen, dir, &journal, because);
    }
    let Some(run) = journal.open_run()? else {
        screen.conclude("no run is open on this host")?;
        return Ok(Exit::Done);
    };
    let lock = lock(dir, format!("recover {run}"))?;
    let known = known(&journal, &run)?;
    go_on(screen, dir, lock, known, !args.forward)
}

/// A person looked at the host and says that it is as it should be. That is recorded, with the reason.
fn accept(screen: &Screen, dir: &StateDir, journal: &Journal, because: &str) -> Result<Exit, CommandError> {
    let unsettled = journal.runs()?.into_iter().find(|row| matches!(row.verdict, None | Some(Verdict::Stuck)));
    let Some(row) = unsettled else {
        screen.conclude("no run is open or stuck on this host")?;
        return Ok(Exit::Done);
    };
    let _lock = lock(dir, format!("accept {}", row.run))?;
    let state = RunState::replay(&journal.records(&row.run)?)?;
    // Nobody looks after it any more once the run is closed.
    runbook_engine::end_leftovers(dir, &row.run);
    let events = [
        Event::RunResumed { version: env!("CARGO_PKG_VERSION").to_owned() },
        Event::RunFinished { verdict: Verdict::Stopped, note: format!("closed by hand: {because}") },
    ];
    let records: Vec<Record> =
        (state.seq + 1..).zip(events).map(|(seq, event)| Record { seq, at: now_ms(), event }).collect();
    Journal::open(dir)?.append(&row.run, &records)?;
    screen.conclude(&format!("run {} is closed: {because}", row.run))?;
    Ok(Exit::Done)
}
