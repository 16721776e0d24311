//! The run that is meant, held: chosen, then looked at again with the lock, for another process may have been faster.

use crate::error::Error;
use crate::gaps::whole;
use crate::runs::{choose, journal, unsettled};
use runbook_journal::{Journal, Lock, Look, RunRow, StateDir};
use runbook_model::{RunId, RunState, Verdict};

/// The open run, which is the one that `name` means if there is a name, with the lock and what the journal then holds.
pub(crate) fn hold_open(
    dir: &StateDir,
    name: Option<&str>,
    take: impl FnOnce(&RunId) -> Result<Lock, Error>,
) -> Result<Option<(RunId, Lock, Journal)>, Error> {
    let choose_open = || -> Result<Option<(RunId, Journal)>, Error> {
        let Some(journal) = whole(dir)? else { return Ok(None) };
        let open = journal.open_run()?;
        if let Some(name) = name {
            let run = choose(&journal, Some(name))?.run;
            if open.as_ref() != Some(&run) {
                return Err(Error::Over(run));
            }
        }
        Ok(open.map(|run| (run, journal)))
    };
    let Some((run, _)) = choose_open()? else { return Ok(None) };
    let lock = take(&run)?;
    // Another process may have settled it before the lock was free.
    Ok(choose_open()?.map(|(run, journal)| (run, lock, journal)))
}

/// The run that `name` means, or the one that a rollback without a name means, with the lock and what the journal then
/// holds; refused if a later one changed the host.
pub(crate) fn hold_run(
    dir: &StateDir,
    name: Option<&str>,
    take: impl FnOnce(&RunRow) -> Result<Lock, Error>,
) -> Result<Option<(RunRow, Lock, Look)>, Error> {
    let journal = journal(dir)?;
    let seen = match name {
        Some(name) => Some(choose(&journal, Some(name))?),
        None => to_roll_back(&journal)?,
    };
    let Some(seen) = seen else { return Ok(None) };
    let lock = take(&seen)?;
    // Only now can no later run come any more.
    let look = Look::at(dir)?;
    let Some(journal) = &look.journal else { return Err(Error::Lost(look.gaps)) };
    let row = choose(journal, Some(seen.run.as_str()))?;
    refuse_later_runs(journal, &row)?;
    Ok(Some((row, lock, look)))
}

/// A rollback puts back what was there before; a run that came later would be half taken back with it.
fn refuse_later_runs(journal: &Journal, row: &RunRow) -> Result<(), Error> {
    for later in journal.runs()?.into_iter().take_while(|later| later.run != row.run) {
        let state = RunState::replay(&journal.records(&later.run)?)?;
        if can_roll_back(&state) {
            return Err(Error::Later { run: row.run.clone(), later: later.run, how: state.verdict() });
        }
    }
    Ok(())
}

/// The run that a rollback without a name means: the latest that has something to take back. One that ended well is taken
/// back unnamed only if no run came after it, for who asks for that may mean the later one.
fn to_roll_back(journal: &Journal) -> Result<Option<RunRow>, Error> {
    let mut later = None;
    for row in journal.runs()? {
        let state = RunState::replay(&journal.records(&row.run)?)?;
        if !can_roll_back(&state) {
            later = later.or(Some(row));
            continue;
        }
        return match (later, state.verdict()) {
            (Some(RunRow { run: latest, plan: latest_plan, .. }), Some(Verdict::Succeeded | Verdict::Accepted)) => {
                Err(Error::Unnamed { latest, latest_plan, run: row.run, plan: row.plan })
            }
            _ => Ok(Some(row)),
        };
    }
    Ok(None)
}

/// Whether there is something that a rollback of the run can do: a stuck run whose steps are all taken back is read anew.
pub(crate) fn can_roll_back(state: &RunState) -> bool {
    match state.verdict() {
        None | Some(Verdict::Stuck) => true,
        Some(Verdict::RolledBack) => false,
        Some(_) => state.may_have_touched(),
    }
}

/// The open or stuck run with the lock. A reason is given for the run that somebody looked at, and for no other.
pub(crate) fn hold_unsettled(
    dir: &StateDir,
    take: impl FnOnce(&RunRow) -> Result<Lock, Error>,
) -> Result<Option<(RunRow, Lock)>, Error> {
    let find = || -> Result<Option<RunRow>, Error> { Ok(whole(dir)?.as_ref().map(unsettled).transpose()?.flatten()) };
    let Some(seen) = find()? else { return Ok(None) };
    let lock = take(&seen)?;
    Ok(find()?.filter(|row| row.run == seen.run).map(|row| (row, lock)))
}

#[cfg(test)]
mod tests {
    use super::{hold_open, hold_run, hold_unsettled};
    use crate::error::Error;
    use crate::runs::choose;
    use runbook_journal::{Holder, Journal, Lock, StateDir};
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
                format: RunHeader::FORMAT,
                hold_ms: None,
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

        fn lock(&self) -> Result<Lock, Error> {
            let holder = Holder { pid: 1, user: String::new(), doing: "test".to_owned(), since: 0 };
            Lock::acquire(&self.state, &holder).map_err(Error::of_claim)
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
            Event::StepIntended { step: step.clone(), undo: Default::default() },
            Event::StepFinished { step, outcome, results: Default::default(), readings: Vec::new() },
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
                (Some(_), Err(error)) => assert!(error.to_string().contains("is over"), "{error:?}"),
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
        assert!(error.to_string().contains("run 8aaaaa came after run 7k2m9c"), "{error:?}");
        assert_eq!(choose(&host.journal(), None).unwrap().run.as_str(), "8aaaaa");
    }
}
