//! A host afar as a site of a rollout: what is asked goes through the door to it.

use super::site::{RunEnd, Said, Says, Site, Steered, Trouble};
use crate::afar::{Afar, Call};
use runbook_engine::{Observer, Program};
use runbook_model::{Event, HostFacts, Record, Role, RunId, RunState, StepId, Verdict};
use runbook_rollout::{Artifact, How, Judged, RESERVED, Target, TargetVerdict};
use runbook_session::{ApplyOffer, CommandError, Controls, Door, Ended, Exit, Offered, RollbackOffer, Runs};
use runbook_wire::Contents;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// What an artifact is on the host that was given it: its path there, and its digest.
pub type GivenArtifacts = BTreeMap<StepId, (PathBuf, String)>;

/// Judges the plan of a target for the facts of its host and what the host was given. An error says why it is refused.
pub type JudgePlan = Box<dyn FnMut(&Target, &HostFacts, &GivenArtifacts) -> Result<Program, String> + Send>;

/// A host afar.
pub struct AfarSite {
    /// How it is called; the number of the first link is given.
    pub call: Box<dyn FnMut(u64) -> Call + Send>,
    /// The controller that calls.
    pub epoch: u64,
    /// What the host is kept for, in words.
    pub what: String,
    /// Within what time a run is to be committed once all is done, if it is.
    pub hold: Option<Duration>,
    /// Judges plans.
    pub judge: JudgePlan,
    /// What each stage gives.
    pub gives: BTreeMap<StepId, Vec<StepId>>,
    /// The stages that take something.
    pub takes: BTreeSet<StepId>,
    /// The digests of what the host was given by an earlier controller.
    pub given: BTreeMap<StepId, String>,
    /// Where artifacts lie here.
    pub contents: Contents,
    /// The door, once it was reached.
    pub door: Option<Afar>,
    /// How often it was called.
    pub called: u64,
    /// A run that is open, and that nobody there is at work on.
    pub interrupted: Option<RunId>,
}

impl AfarSite {
    fn door(&mut self) -> Result<&mut Afar, Trouble> {
        if self.door.is_none() {
            // Each door numbers its own links from there on.
            let first = (self.epoch << 32) + (self.called << 16);
            self.called += 1;
            self.door = Some(Afar::reach((self.call)(first)).map_err(trouble)?);
        }
        self.door.as_mut().ok_or_else(|| Trouble::Away("there is no door".to_owned()))
    }

    fn program(&mut self, target: &Target) -> Result<Program, Trouble> {
        let welcome = self.door()?.welcome();
        let (facts, contents) = (welcome.facts.clone(), welcome.contents.clone());
        let path = |digest: &String| Contents::at(&contents).path(digest);
        let given = self.given.iter().map(|(id, digest)| (id.clone(), (path(digest), digest.clone()))).collect();
        (self.judge)(target, &facts, &given).map_err(Trouble::Refused)
    }

    fn ended(&mut self, target: &Target, ended: &Ended) -> Result<RunEnd, Trouble> {
        let state = &ended.state;
        let verdict = match state.verdict() {
            Some(Verdict::Succeeded) if state.may_have_touched() => TargetVerdict::Ok,
            Some(Verdict::Succeeded) => TargetVerdict::NothingToDo,
            Some(Verdict::RolledBack) => TargetVerdict::Failed(How::RolledBack),
            Some(Verdict::Stopped) => TargetVerdict::Failed(How::Stopped),
            Some(Verdict::Accepted) => TargetVerdict::Failed(How::Accepted),
            Some(Verdict::Refused) => TargetVerdict::Failed(How::Refused),
            Some(Verdict::Stuck) => TargetVerdict::Stuck,
            None => {
                self.interrupted = Some(ended.run.clone());
                return Err(Trouble::Away(format!("nobody there is at work on run {}, which is open", ended.run)));
            }
        };
        let platform = self.door()?.facts();
        let platform = platform_of(platform);
        let packed = |id: &StepId| {
            let digest = state.step(id)?.results.outputs.get("digest")?.as_str()?.to_owned();
            Some((id.clone(), Artifact { digest, platform: Some(platform.clone()) }))
        };
        let gives = self.gives.get(&target.stage).into_iter().flatten().filter_map(packed).collect();
        Ok(RunEnd::Over { verdict, gives })
    }

    /// What the host has on record of a run.
    fn on_record(&mut self, run: &RunId) -> Result<Option<RunState>, Trouble> {
        let door = self.door()?;
        let history = door.ask(Runs {}).map_err(trouble)?;
        Ok(history.runs.into_iter().find(|state| state.header.as_ref().is_some_and(|header| header.run == *run)))
    }
}

/// What artifacts have to fit.
fn platform_of(facts: &HostFacts) -> String {
    format!("{} {} {}", facts.os, facts.arch, facts.libc)
}

fn trouble(error: CommandError) -> Trouble {
    if error.superseded {
        return Trouble::Superseded(error.message);
    }
    match error.exit {
        // Whoever is told to leave leaves the link, not the run.
        Exit::Unreachable | Exit::Cancelled => Trouble::Away(error.message),
        Exit::Held => Trouble::Kept(error.message),
        _ => Trouble::Refused(error.message),
    }
}

impl Site for AfarSite {
    fn reach(&mut self) -> Result<String, Trouble> {
        Ok(platform_of(self.door()?.facts()))
    }

    fn judge(&mut self, target: &Target, with_artifacts: bool) -> Result<Judged, Trouble> {
        let program = match self.program(target) {
            Ok(program) => program,
            Err(Trouble::Refused(because)) => return Ok(Judged::Refused(because)),
            Err(other) => return Err(other),
        };
        if self.takes.contains(&target.stage) && !with_artifacts {
            // The plan is sound; what it would do hangs on what is not there yet.
            return Ok(Judged::Later);
        }
        let previewed = self.door()?.preview(&program).map_err(trouble)?;
        if let Some(obstacle) = previewed.certain.first() {
            return Ok(Judged::Refused(obstacle.failure.message.clone()));
        }
        if !previewed.foretold.has_work() {
            return Ok(Judged::NothingToDo);
        }
        let proves = |step| program.execution.schedule.plays(step, Role::verifies);
        let proven = previewed.foretold.steps.iter().any(|predicted| predicted.needed && proves(&predicted.step));
        Ok(match self.hold {
            Some(_) if !proven => {
                let plan = &program.saved.plan.name;
                Judged::Refused(format!(
                    "no verification of {plan} has anything to prove, so there is nothing to confirm"
                ))
            }
            _ => Judged::Change,
        })
    }

    fn reserve(&mut self) -> Result<(), Trouble> {
        let what = self.what.clone();
        self.door()?.reserve(&what, RESERVED).map_err(trouble)
    }

    fn release(&mut self) -> Result<(), Trouble> {
        self.door()?.release().map_err(trouble)
    }

    fn fetch(&mut self, run: &RunId, artifact: &StepId) -> Result<String, Trouble> {
        let contents = self.contents.clone();
        let what = Offered::Artifact { run: run.clone(), step: artifact.clone() };
        self.door()?.fetch(&what, &contents).map_err(trouble)
    }

    fn give(&mut self, _: &Target, artifact: &StepId, digest: &str) -> Result<(), Trouble> {
        let from = self.contents.path(digest);
        self.door()?.give(digest, &from).map_err(trouble)?;
        self.given.insert(artifact.clone(), digest.to_owned());
        Ok(())
    }

    fn follow(&mut self, target: &Target, run: &RunId, begins: bool, steered: Steered) -> Result<RunEnd, Trouble> {
        let Steered { told, says } = steered;
        let watch = move |state: RunState| -> Box<dyn Observer> { Box::new(Watching::from(says, &state)) };
        let controls = Controls { patience: None, told };
        if self.interrupted.take().is_some_and(|interrupted| interrupted == *run) {
            let door = self.door()?;
            if let Some((_, held)) = door.propose_resume(Some(run.as_str())).map_err(trouble)? {
                let ended = door.begin(held, watch, controls).map_err(trouble)?;
                return self.ended(target, &ended);
            }
            return Err(Trouble::Away(format!("run {run} is not open any more")));
        }
        let known = self.on_record(run)?.is_some();
        if !known && !begins {
            return Ok(RunEnd::NotThere);
        }
        // Secrets are taken here for a plan that is known here.
        let program = self.program(target);
        if !known {
            let program = program?;
            let hold = self.hold;
            let door = self.door()?;
            match door.propose_run(run.clone(), program, hold).map_err(trouble)? {
                Some(ApplyOffer::Nothing(..)) => {
                    return Ok(RunEnd::Over { verdict: TargetVerdict::NothingToDo, gives: Vec::new() });
                }
                Some(ApplyOffer::Apply(_, held)) => {
                    let ended = door.begin(held, watch, controls).map_err(trouble)?;
                    return self.ended(target, &ended);
                }
                None => return Err(Trouble::Away(format!("run {run} has begun, and is asked for"))),
            }
        }
        let ended = self.door()?.attend(run, program.ok().as_ref(), watch, controls).map_err(trouble)?;
        self.ended(target, &ended)
    }

    fn roll_back(&mut self, _: &Target, run: &RunId, steered: Steered) -> Result<bool, Trouble> {
        let Steered { told, says } = steered;
        match self.on_record(run)?.map(|state| state.verdict()) {
            None | Some(Some(Verdict::RolledBack)) => return Ok(true),
            Some(_) => {}
        }
        let door = self.door()?;
        let RollbackOffer::RollBack(_, held) = door.propose_rollback(Some(run.as_str()), false).map_err(trouble)?
        else {
            return Ok(true);
        };
        let watch = move |state: RunState| -> Box<dyn Observer> { Box::new(Watching::from(says, &state)) };
        let ended = door.begin(held, watch, Controls { patience: None, told }).map_err(trouble)?;
        match ended.state.verdict() {
            Some(verdict) => Ok(verdict == Verdict::RolledBack),
            None => Err(Trouble::Away(format!("run {run} is open on its way back"))),
        }
    }
}

/// Tells of a run as far as a rollout goes by it.
struct Watching(Says);

impl Watching {
    fn from(says: Says, state: &RunState) -> Self {
        if state.seq > 0 {
            says(Said::Begun);
        }
        if state.holds().is_some() {
            says(Said::Held);
        }
        Self(says)
    }
}

impl Observer for Watching {
    fn record(&mut self, record: &Record) {
        match record.event {
            Event::RunStarted(_) => (self.0)(Said::Begun),
            Event::RunHeld { .. } => (self.0)(Said::Held),
            _ => {}
        }
        (self.0)(Said::Record(Box::new(record.clone())));
    }

    fn progress(&mut self, step: &StepId, note: &str) {
        (self.0)(Said::Progress { step: step.clone(), note: note.to_owned() });
    }
}
