//! A plan on this host: what it would do, and a run of it.

use crate::command_error::CommandError;
use crate::error::Error;
use crate::going_on::{Controls, Ended};
use crate::known::known;
use crate::obstacles::{Attempt, InTheWay, sorted};
use crate::offers::{ApplyOffer, Previewed, ToApply};
use crate::pruning::{names_below, never_begins};
use crate::runs::refuse_unsettled;
use crate::session::Session;
use crate::window::in_window;
use runbook_engine::{Forecast, Observer, Program, Runner, Settings};
use runbook_journal::{Claim, Journal, Lock, Look, StateDir};
use runbook_model::{Role, RunId, RunState, Verdict};
use std::time::Duration;

/// A run that may begin. It holds the lock and the claim, so that what it was decided on stays so; dropping it lets go.
pub struct ApplyProposal {
    session: Session,
    program: Program,
    forecast: Forecast,
    hold: Option<Duration>,
    run: RunId,
    lock: Lock,
    _claim: Option<Claim>,
}

impl Session {
    /// Whether the run with this id, which a client derived, has begun here. Then it is followed, and not begun again.
    ///
    /// # Errors
    /// The run of that id has another plan.
    pub fn has_begun(&self, run: &RunId, program: &Program) -> Result<bool, Error> {
        let Some(journal) = Look::at(self.state_dir())?.journal else { return Ok(false) };
        if !journal.runs()?.iter().any(|row| row.run == *run) {
            return Ok(false);
        }
        match known(&journal, run)?.saved.plan.digest == program.plan().digest {
            true => Ok(true),
            false => Err(Error::Taken { run: run.clone(), why: "it is one of another plan".to_owned() }),
        }
    }

    /// Reads the host for `program` and writes nothing on it, the state directory included.
    pub fn preview(&self, program: &Program) -> Previewed {
        let host = self.reader(program);
        let forecast = program.forecast(&host);
        let held = self.held_by(program).into_iter().map(CommandError::from).collect();
        let (certain, doubtful) = sorted(program.obstacles(&forecast, &host));
        Previewed { foretold: forecast.foretold(), certain, doubtful, held }
    }

    fn held_by(&self, program: &Program) -> Vec<Error> {
        let mut found = Vec::new();
        found.extend(in_window(program.plan()).err());
        if self.reserved.is_none()
            && let Ok(Some((by, run))) = Lock::at_work(self.state_dir())
        {
            found.push(Error::Held { by, run });
        }
        found.extend(refuse_unsettled(self.state_dir()).err());
        found
    }

    /// Looks whether a run of `program` may begin and can succeed, and holds the host for it. With `hold` the run holds once all
    /// is done, and goes back by itself without a [commit](Session::commit) within that time.
    ///
    /// # Errors
    /// The window of the plan is closed, somebody else is at work, an earlier run is not settled, the host is not as the
    /// plan needs it, or no verification would prove what is to be held.
    pub fn propose_apply(
        &self,
        program: Program,
        hold: Option<Duration>,
    ) -> Result<ApplyOffer<Box<ApplyProposal>>, Error> {
        in_window(program.plan())?;
        let doing = format!("apply {}", program.plan().name);
        let lock = self.lock(doing.clone())?;
        refuse_unsettled(self.state_dir())?;
        let host = self.reader(&program);
        let forecast = program.forecast(&host);
        if !forecast.has_work() {
            return Ok(ApplyOffer::Nothing(Box::new(program), forecast.foretold()));
        }
        let (certain, doubtful) = sorted(program.obstacles(&forecast, &host));
        if !certain.is_empty() {
            return Err(Error::InTheWay(Box::new(InTheWay { attempt: Attempt::Apply, certain, doubtful })));
        }
        if hold.is_some() && !proves(&program, &forecast) {
            return Err(Error::NothingProven(program.plan().name.clone()));
        }
        let claim = self.claim(&program, doing)?;
        let run = new_run(self.state_dir())?;
        let offer = ToApply { run: run.clone(), foretold: forecast.foretold(), doubtful };
        let proposal = ApplyProposal { session: self.clone(), program, forecast, hold, run, lock, _claim: claim };
        Ok(ApplyOffer::Apply(offer, Box::new(proposal)))
    }
}

impl ApplyProposal {
    /// The same run with this id. A client that derived the id finds the run by it where nobody answered.
    ///
    /// # Errors
    /// A run of this host has it already, or looks like it to people.
    pub fn named(self, run: RunId) -> Result<Self, Error> {
        let dir = self.session.state_dir();
        let alike = known_runs(dir)?.into_iter().filter(|known| known.short() == run.short());
        for known in alike {
            if known != run || !dir.never_began(&run)? {
                return Err(Error::Taken { run, why: format!("a run of this host is called {}", known.as_str()) });
            }
            // One of it was killed before its first record.
            never_begins(dir, &run)?;
        }
        Ok(Self { run, ..self })
    }

    /// What would run.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Runs it to its end, on this thread. `watch` is asked once for the observer.
    ///
    /// # Errors
    /// The window has closed meanwhile, the journal does not take the beginning, or it fails during the run. How the run
    /// itself ended is no error.
    pub fn begin(self, watch: impl FnOnce(RunState) -> Box<dyn Observer>, controls: Controls) -> Result<Ended, Error> {
        let Self { session, program, forecast, hold, run, lock, _claim } = self;
        // Consent may have taken long. What else it was given for is still so: the lock is held.
        in_window(program.plan())?;
        let settings = Settings { hold, ..session.settings(controls)? };
        let observer = watch(RunState::default());
        let runner = Runner::begin(settings, lock, program, forecast, run.clone(), observer);
        let ending = runner.map_err(Error::NotBegun)?.go()?;
        let mut ended = Ended::new(run, ending, false);
        if ended.state.verdict() == Some(Verdict::Succeeded) {
            ended.pruned = session.prune_after_a_run().map(|pruned| pruned.map_err(CommandError::from));
        }
        Ok(ended)
    }
}

/// Whether a verification has something to do.
fn proves(program: &Program, forecast: &Forecast) -> bool {
    let verifies = |step| program.execution.schedule.plays(step, Role::verifies);
    forecast.steps.iter().any(|predicted| predicted.needed && verifies(&predicted.step))
}

/// An id for a run of this host.
fn new_run(dir: &StateDir) -> Result<RunId, Error> {
    let draw = || {
        let mut bytes = [0; 10];
        getrandom::fill(&mut bytes).map(|()| bytes)
    };
    Ok(unlike(&known_runs(dir)?, draw).map_err(std::io::Error::from)?)
}

/// The ids of all runs that left something on this host.
fn known_runs(dir: &StateDir) -> Result<Vec<RunId>, Error> {
    let known = Journal::open_to_read(dir)?.map(|journal| journal.runs()).transpose()?.unwrap_or_default();
    let mut known: Vec<RunId> = known.into_iter().map(|row| row.run).collect();
    // Of some the journal knows nothing any more.
    known.extend(names_below(&dir.runs())?.into_iter().filter_map(|name| RunId::new(&name)));
    Ok(known)
}

/// The first id that is drawn and does not look like one of `known` to people.
fn unlike<E>(known: &[RunId], mut draw: impl FnMut() -> Result<[u8; 10], E>) -> Result<RunId, E> {
    loop {
        let run = RunId::from_entropy(draw()?);
        if known.iter().all(|other| other.short() != run.short()) {
            return Ok(run);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{RunId, unlike};

    #[test]
    fn two_runs_never_look_alike() {
        let drawn = |first: u8, last: u8| [first, 0, 0, 0, 0, 0, 0, 0, 0, last];
        let known = [drawn(1, 0), drawn(2, 0)].map(RunId::from_entropy);
        let old = RunId::new(RunId::from_entropy(drawn(3, 0)).short()).unwrap();
        let mut next = [drawn(1, 9), drawn(2, 9), drawn(3, 9), drawn(4, 9)].into_iter();
        let run = unlike(&[&known[..], &[old]].concat(), || next.next().ok_or(()));
        assert_eq!(run, Ok(RunId::from_entropy(drawn(4, 9))));
        assert_eq!(unlike(&known, || Err("no randomness")), Err("no randomness"));
    }
}
