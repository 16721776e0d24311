//! Commands that go on with a run: `rollback`, `resume`, `recover`.

use super::ahead::Ahead;
use crate::cli::{Format, RecoverArgs, ResumeArgs, RollbackArgs};
use crate::error::{CommandError, Exit};
use crate::facts::host_facts;
use crate::gaps;
use crate::known::{Ready, known};
use crate::running::{self, choose, go_on, journal, lock, unsettled};
use crate::screen::Screen;
use crate::standing::HostState;
use crate::window::in_window;
use runbook_host::{Host, Reader};
use runbook_journal::{Journal, Lock, Look, RunRow, StateDir};
use runbook_model::{Next, RollbackCause, RunId, RunPhase, RunState, StepId, Verdict};
use runbook_services::process::revive;
use runbook_services::systemd::forget_holds;

pub(crate) fn rollback(screen: &Screen, dir: &StateDir, args: &RollbackArgs) -> Result<Exit, CommandError> {
    let take = |row: &RunRow| lock(dir, format!("rollback {}", row.run));
    let Some((row, lock, look)) = hold_run(dir, args.run.as_deref(), take)? else {
        screen.conclude("there is nothing to take back on this host")?;
        return Ok(Exit::Done);
    };
    let over_a_gap = !look.gaps.is_empty();
    let Some(journal) = &look.journal else { return Err(gaps::lost(&look.gaps, Exit::Stuck)) };
    if over_a_gap && !(args.known && look.knows_the_beginning_of(&row.run)) {
        return Err(gaps::lost(&look.gaps, Exit::Stuck));
    }
    let known = known(journal, &row.run)?;
    let state = RunState::replay(&known.records)?;
    if !has_way_back(&state) {
        screen.conclude(&format!("run {} left nothing to take back", row.run))?;
        return Ok(if over_a_gap { Exit::Stuck } else { Exit::Done });
    }
    let mut ready = known.ready(screen)?;
    Ahead { screen, dir, ready: &ready, state: &state }.look_back()?;
    screen.note(&what_is_taken_back(&row, &state));
    screen.consent(if over_a_gap { "Take back what is known of it?" } else { "Take it back?" }, args.yes)?;
    if over_a_gap {
        gaps::go_back_over_what_is_known(dir, &look, &ready)?;
        ready.records = running::journal(dir)?.records(&ready.run)?;
    }
    let exit = go_on(screen, dir, lock, ready, Some(RollbackCause::Requested), None)?;
    if over_a_gap {
        return Err(gaps::lost(&look.gaps, Exit::Stuck));
    }
    Ok(exit)
}

/// One sentence on what a rollback of the run is about to do.
fn what_is_taken_back(row: &RunRow, state: &RunState) -> String {
    let RunRow { run, plan, .. } = row;
    let touched: Vec<&str> = state.touched().map(StepId::as_str).collect();
    match (touched.is_empty(), state.verdict()) {
        (false, _) => format!("Run {run} of {plan} changed this host in: {}.", touched.join(", ")),
        (true, Some(Verdict::Stuck)) => {
            format!("Every step of run {run} of {plan} was taken back; its signals are read again.")
        }
        (true, _) => format!("No step of run {run} of {plan} had begun to change this host; the run is closed."),
    }
}

/// Whether there is something that a rollback of the run can do: a stuck run whose steps are all taken back is read anew.
fn has_way_back(state: &RunState) -> bool {
    match state.verdict() {
        None | Some(Verdict::Stuck) => true,
        Some(Verdict::RolledBack) => false,
        Some(_) => state.may_have_touched(),
    }
}

/// The run that a rollback without a name means: the latest that has something to take back. One that ended well is taken
/// back unnamed only if no run came after it, for who types that may mean the later one.
fn to_take_back(journal: &Journal) -> Result<Option<RunRow>, CommandError> {
    let mut later = None;
    for row in journal.runs()? {
        let state = RunState::replay(&journal.records(&row.run)?)?;
        let RunRow { run, plan, .. } = &row;
        if !has_way_back(&state) {
            later = later.or(Some(row));
            continue;
        }
        return match (later, state.verdict()) {
            (Some(later), Some(Verdict::Succeeded | Verdict::Accepted)) => {
                let message = format!("the latest run, {} of {}, left nothing to take back", later.run, later.plan);
                Err(CommandError::refused(message).hint(format!(
                    "the run before it that changed this host is {run} of {plan}: `{}` takes it back",
                    Next::Rollback(Some(run.clone()))
                )))
            }
            _ => Ok(Some(row)),
        };
    }
    Ok(None)
}

/// The run that `name` means, or the one that a rollback without a name means, with the lock and what the journal then
/// holds; refused if a later one changed the host.
fn hold_run(
    dir: &StateDir,
    name: Option<&str>,
    take: impl FnOnce(&RunRow) -> Result<Lock, CommandError>,
) -> Result<Option<(RunRow, Lock, Look)>, CommandError> {
    let journal = journal(dir)?;
    let seen = match name {
        Some(name) => Some(choose(&journal, Some(name))?),
        None => to_take_back(&journal)?,
    };
    let Some(seen) = seen else { return Ok(None) };
    let lock = take(&seen)?;
    // Only now can no later run come any more.
    let look = Look::at(dir)?;
    let Some(journal) = &look.journal else { return Err(gaps::lost(&look.gaps, Exit::Stuck)) };
    let row = choose(journal, Some(seen.run.as_str()))?;
    refuse_later_runs(journal, &row)?;
    Ok(Some((row, lock, look)))
}

/// A rollback puts back what was there before; a run that came later would be half taken back with it.
fn refuse_later_runs(journal: &Journal, row: &RunRow) -> Result<(), CommandError> {
    for later in journal.runs()?.into_iter().take_while(|later| later.run != row.run) {
        let state = RunState::replay(&journal.records(&later.run)?)?;
        if !has_way_back(&state) {
            continue;
        }
        let what = match state.verdict() {
            Some(Verdict::Stuck) => "is stuck",
            None => "is still open",
            Some(_) => "changed this host too",
        };
        let message = format!("run {} came after run {} and {what}", later.run, row.run);
        let back = Next::Rollback(Some(later.run));
        return Err(CommandError::refused(message).hint(format!("take that one back first: `{back}`")));
    }
    Ok(())
}

pub(crate) fn resume(screen: &Screen, dir: &StateDir, args: &ResumeArgs) -> Result<Exit, CommandError> {
    journal(dir)?;
    let held = hold_open(dir, args.run.as_deref(), |run| lock(dir, format!("resume {run}")))?;
    let Some((run, lock, journal)) = held else {
        return nothing_open(screen, dir, "no run is open on this host: there is nothing to go on with");
    };
    let ready = known(&journal, &run)?.ready(screen)?;
    let state = RunState::replay(&ready.records)?;
    let back = matches!(state.phase, RunPhase::RollingBack(_));
    let may_go = || if back { Ok(()) } else { may_go_forward(&ready) };
    may_go()?;
    if !back {
        Ahead { screen, dir, ready: &ready, state: &state }.refuse_forward()?;
    }
    let direction = if back { "back" } else { "forward" };
    screen.consent(&format!("Go on with run {run}, which was going {direction}?"), args.yes)?;
    // The question may have stood for long.
    may_go()?;
    go_on(screen, dir, lock, ready, None, screen.asker(args.yes, args.ask_within))
}

/// Going forward changes the host as the plan does, and so only when the plan may.
fn may_go_forward(ready: &Ready) -> Result<(), CommandError> {
    in_window(ready.program.plan()).map_err(|error| {
        let opens = error.hint.clone().unwrap_or_default();
        let back = Next::Rollback(Some(ready.run.clone()));
        error.hint(format!("{opens}; until then `{back}` takes back what was done"))
    })
}

/// The open run, which is the one that `name` means if there is a name, with the lock and what the journal then holds.
fn hold_open(
    dir: &StateDir,
    name: Option<&str>,
    take: impl FnOnce(&RunId) -> Result<Lock, CommandError>,
) -> Result<Option<(RunId, Lock, Journal)>, CommandError> {
    let choose_open = || -> Result<Option<(RunId, Journal)>, CommandError> {
        let Some(journal) = gaps::whole(dir, Exit::Stuck)? else { return Ok(None) };
        let open = journal.open_run()?;
        if let Some(name) = name {
            let run = choose(&journal, Some(name))?.run;
            if open.as_ref() != Some(&run) {
                let over = CommandError::refused(format!("run {run} is over"));
                return Err(over.hint(format!("`{}` tells how it ended", Next::Show(Some(run)))));
            }
        }
        Ok(open.map(|run| (run, journal)))
    };
    let Some((run, _)) = choose_open()? else { return Ok(None) };
    let lock = take(&run)?;
    // Another process may have settled it before the lock was free.
    Ok(choose_open()?.map(|(run, journal)| (run, lock, journal)))
}

pub(crate) fn recover(screen: &Screen, dir: &StateDir, args: &RecoverArgs) -> Result<Exit, CommandError> {
    let reader = Reader::new(dir.path(), host_facts().home);
    // What it is for comes all the same.
    if let Err(failure) = Host::by_hand(reader, std::env::current_exe()?, forget_holds) {
        screen.complain(&failure.message);
    }
    if let Some(because) = &args.accept {
        return accept(screen, dir, because);
    }
    let Some((run, lock, journal)) = hold_open(dir, None, |run| lock(dir, format!("recover {run}")))? else {
        return nothing_open(screen, dir, "no run is open on this host");
    };
    let ready = known(&journal, &run)?.ready(screen)?;
    let state = RunState::replay(&ready.records)?;
    let touched = state.may_have_touched();
    // What the run has not touched is up before anything is verified; the rest is the rollback's, and what nobody brings back
    // comes after it.
    let early = if touched { Ok(()) } else { bring_back_services(screen, dir) };
    // Nobody is there at boot: what is not proven then is taken back, and what cannot go on is not waited for.
    let ahead = Ahead { screen, dir, ready: &ready, state: &state };
    let back = if args.forward { ahead.why_not_forward() } else { Some(RollbackCause::Requested) };
    let exit = go_on(screen, dir, lock, ready, back, None)?;
    let late = if touched { bring_back_services(screen, dir) } else { Ok(()) };
    early.and(late).map(|()| exit)
}

/// Supervisors die with the host, and nobody else starts their services again.
fn bring_back_services(screen: &Screen, dir: &StateDir) -> Result<(), CommandError> {
    let reader = Reader::new(dir.path(), host_facts().home);
    let services = Host::by_hand(reader, std::env::current_exe()?, |host| revive(host).map_err(CommandError::from))?;
    let mut down = Vec::new();
    for told in services {
        match told {
            Ok(line) => screen.note(&line),
            Err(failure) => {
                screen.complain(&failure.message);
                down.push(failure);
            }
        }
    }
    match down.into_iter().next() {
        Some(failure) => Err(CommandError { exit: Exit::Stuck, ..CommandError::from(failure) }),
        None => Ok(()),
    }
}

/// No run is open. A stuck one is over, but the host is not well: a unit at boot must not call that a success.
fn nothing_open(screen: &Screen, dir: &StateDir, text: &str) -> Result<Exit, CommandError> {
    let host = HostState::read(dir)?;
    let exit = host.exit();
    match host.blocks().first() {
        None => screen.conclude(text)?,
        Some(_) if screen.format == Format::Text => host.show(screen)?,
        Some(block) => {
            let hint = block.next.first().map(|command| format!("`{command}` is the next action"));
            return Err(CommandError { hint, ..CommandError::new(exit, block.why.clone()) });
        }
    }
    Ok(exit)
}

/// A person looked at the host and says that it is as it should be. That is recorded, with the reason.
fn accept(screen: &Screen, dir: &StateDir, because: &str) -> Result<Exit, CommandError> {
    let seen = Look::at(dir)?;
    if !seen.gaps.is_empty() {
        let _lock = lock(dir, "accept what the journal lost".to_owned())?;
        let look = Look::at(dir)?;
        // A reason is given for what somebody looked at, and for nothing else.
        if look.gaps != seen.gaps {
            return Err(gaps::lost(&look.gaps, Exit::Stuck));
        }
        gaps::accept(dir, &look, because)?;
        let kept = dir.damaged().exists().then(|| format!("; the journal as it was is in {}", dir.damaged().display()));
        let kept = kept.unwrap_or_default();
        screen.conclude(&format!("what the journal lost is accepted: {because}{kept}"))?;
        return Ok(Exit::Done);
    }
    let Some((row, _lock)) = hold_unsettled(dir, |row| lock(dir, format!("accept {}", row.run)))? else {
        screen.conclude("no run is open or stuck on this host")?;
        return Ok(Exit::Done);
    };
    // Nobody looks after it any more once the run is closed.
    runbook_engine::end_leftovers(dir, &row.run);
    gaps::close(dir, &row.run, because)?;
    screen.conclude(&format!("run {} is closed: {because}", row.run))?;
    Ok(Exit::Done)
}

/// The open or stuck run with the lock. A reason is given for the run that somebody looked at, and for no other.
fn hold_unsettled(
    dir: &StateDir,
    take: impl FnOnce(&RunRow) -> Result<Lock, CommandError>,
) -> Result<Option<(RunRow, Lock)>, CommandError> {
    let find = || -> Result<Option<RunRow>, CommandError> {
        Ok(gaps::whole(dir, Exit::Stuck)?.as_ref().map(unsettled).transpose()?.flatten())
    };
    let Some(seen) = find()? else { return Ok(None) };
    let lock = take(&seen)?;
    Ok(find()?.filter(|row| row.run == seen.run).map(|row| (row, lock)))
}

#[cfg(test)]
mod tests {
    use super::{hold_open, hold_run, hold_unsettled};
    use crate::error::CommandError;
    use crate::running::{choose, lock};
    use runbook_journal::{Journal, Lock, StateDir};
    use runbook_model::{Event, Outcome, Record, RunHeader, RunId, StepId, Verdict};

    const RUN: &str = "7k2m9c";

    /// A state directory with one open run.
    struct Host {
        _dir: tempfile::TempDir,
        state: StateDir,
    }

    impl Host {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let host = Self { state: StateDir::at(dir.path().join("state")), _dir: dir };
            host.begin(RUN);
            host
        }

        fn journal(&self) -> Journal {
            Journal::open(&self.state).unwrap()
        }

        fn begin(&self, run: &str) {
            let header = RunHeader {
                run: RunId::new(run).unwrap(),
                plan: "demo".to_owned(),
                summary: String::new(),
                digest: String::new(),
                environment: None,
                steps: vec![StepId::new("a").unwrap()],
                host: String::new(),
                user: String::new(),
                version: String::new(),
            };
            let started = Record { seq: 1, at: 1, event: Event::RunStarted(Box::new(header.clone())) };
            self.journal().begin(&header, "{}", &[started]).unwrap();
        }

        fn append(&self, run: &str, events: Vec<Event>) {
            let records: Vec<Record> = (2..).zip(events).map(|(seq, event)| Record { seq, at: 2, event }).collect();
            self.journal().append(&RunId::new(run).unwrap(), &records).unwrap();
        }

        fn settle(&self) {
            self.append(RUN, vec![finished()]);
        }

        fn lock(&self) -> Result<Lock, CommandError> {
            lock(&self.state, "test".to_owned())
        }
    }

    fn finished() -> Event {
        Event::RunFinished { verdict: Verdict::Succeeded, note: String::new() }
    }

    /// What a run that changed the host by one step leaves in the journal.
    fn changed() -> Vec<Event> {
        let step = StepId::new("a").unwrap();
        let outcome = Outcome::Changed { summary: String::new() };
        vec![
            Event::StepStarted { step: step.clone(), attempt: 1 },
            Event::StepIntended { step: step.clone(), undo: serde_json::Value::Null },
            Event::StepFinished { step, outcome, outputs: Default::default(), readings: Vec::new() },
            finished(),
        ]
    }

    #[test]
    fn what_is_open_is_held() {
        let host = Host::new();
        assert_eq!(hold_open(&host.state, None, |_| host.lock()).unwrap().unwrap().0.as_str(), RUN);
        assert_eq!(hold_open(&host.state, Some("7k"), |_| host.lock()).unwrap().unwrap().0.as_str(), RUN);
        assert_eq!(hold_unsettled(&host.state, |_| host.lock()).unwrap().unwrap().0.run.as_str(), RUN);
        assert_eq!(hold_run(&host.state, None, |_| host.lock()).unwrap().unwrap().0.run.as_str(), RUN);
    }

    #[test]
    fn a_run_that_was_settled_just_before_the_lock_is_left_alone() {
        for name in [None, Some("7k")] {
            let host = Host::new();
            let settled = || {
                host.settle();
                host.lock()
            };
            match (name, hold_open(&host.state, name, |_| settled())) {
                (None, Ok(None)) => {}
                (Some(_), Err(error)) => assert!(error.message.contains("is over"), "{error:?}"),
                (_, found) => panic!("{name:?}: {found:?}"),
            }
        }
        let host = Host::new();
        let held = hold_unsettled(&host.state, |_| {
            host.settle();
            host.begin("8aaaaa");
            host.lock()
        });
        assert!(held.unwrap().is_none(), "nobody looked at the other run");
    }

    #[test]
    fn a_run_that_changed_the_host_just_before_the_lock_is_not_half_taken_back() {
        let host = Host::new();
        host.settle();
        let held = hold_run(&host.state, Some(RUN), |_| {
            host.begin("8aaaaa");
            host.append("8aaaaa", changed());
            host.lock()
        });
        let error = held.unwrap_err();
        assert!(error.message.contains("run 8aaaaa came after run 7k2m9c"), "{error:?}");
        assert_eq!(choose(&host.journal(), None).unwrap().run.as_str(), "8aaaaa");
    }
}
