//! The laws.
//!
//! 1. A probe changes nothing.
//! 2. Applying twice is applying once, and after an apply there is nothing to do.
//! 3. Apply, then undo, is as before; undoing twice is undoing once.
//! 4. An apply that fails at any of its acts can be undone, and can be applied to its end instead.
//! 5. An undo that fails at any of its acts can be run again.
//! 6. A refusal changes nothing.
//! 7. A step can do, and hands on, what the roles of its kind promise.

use crate::scenario::{Expect, Scenario, Undo};
use crate::{World, roles};
use runbook_model::{Declaration, Failure, Prediction, UndoPhase};
use runbook_step::{Baseline, Confirmation, Done, Step};
use serde_json::Value as Json;

/// As good as no limit on acts.
const ALL: i64 = i64::MAX;
/// More acts than any step of a scenario has; a loop that comes here does not end.
const MANY: i64 = 500;

impl Scenario {
    /// Tries every law, each time in a new world.
    ///
    /// # Panics
    ///
    /// Where a law is broken.
    pub fn obeys_the_laws(&self, world: fn() -> World) {
        Trial { scenario: self, world }.obeys();
    }
}

/// A scenario, and where it happens.
struct Trial<'a> {
    scenario: &'a Scenario,
    world: fn() -> World,
}

impl<'a> Trial<'a> {
    fn obeys(&self) {
        match self.scenario.expect {
            Expect::Refusal(saying) => self.refuses(saying),
            Expect::Nothing => self.does_nothing(),
            Expect::Change | Expect::CannotPredict => {
                let (made, acts) = self.applies_and_undoes();
                for act in 0..acts {
                    self.survives_a_fault_in_apply(act, &made);
                }
                if self.scenario.undo == Undo::Full {
                    self.survives_faults_in_undo();
                }
            }
        }
    }

    fn begin(&self) -> Case<'a> {
        let mut world = (self.world)();
        let with = (self.scenario.setup)(&mut world);
        let given = world.given(self.scenario.kind, &with);
        let (declaration, step) = (given.declared(), given.bind());
        Case { world, scenario: self.scenario, declaration, step, baseline: None, undo: Json::Null }
    }

    fn refuses(&self, saying: &str) {
        let mut case = self.begin();
        let before = case.see();
        let refusal = case
            .probe()
            .map(drop)
            .and_then(|()| case.prepare())
            .and_then(|()| case.apply(ALL).map(drop))
            .expect_err("this should have been refused");
        let told = format!("{}\n{}\n{}", refusal.message, refusal.detail, refusal.hint.unwrap_or_default());
        assert!(told.contains(saying), "the refusal does not say {saying:?}:\n{told}");
        same(&case.see(), &before, "a refusal changed something");
    }

    fn does_nothing(&self) {
        let mut case = self.begin();
        let (before, result) = (case.see(), case.see_result());
        let probe = case.probe().expect("the probe failed");
        assert!(probe.is_no_change(), "there should be nothing to do: {probe:?}");
        same(&case.see(), &before, "the probe changed something");
        case.prepare().expect("prepare failed");
        same(&case.see(), &before, "prepare changed something");
        let done = case.apply(ALL).expect("apply failed");
        case.close();
        same(&case.see_result(), &result, "applying what is there changed something");
        self.scenario.afterwards.iter().for_each(|look| look(&case.world, &done));
        if self.scenario.undo == Undo::Full {
            case.undo(ALL).expect("undo failed");
            same(&case.see(), &before, "the undo of nothing changed something");
        }
    }

    /// Returns what an apply makes, and how many acts it has.
    fn applies_and_undoes(&self) -> (String, i64) {
        let mut case = self.begin();
        let before = case.see();
        let probe = case.probe().expect("the probe failed");
        match self.scenario.expect {
            Expect::CannotPredict => assert!(matches!(probe, Prediction::CannotPredict { .. }), "{probe:?}"),
            _ => assert!(matches!(probe, Prediction::Change { .. }), "{probe:?}"),
        }
        same(&case.see(), &before, "the probe changed something");
        case.prepare().expect("prepare failed");
        same(&case.see(), &before, "prepare changed something");
        let done = case.apply(ALL).expect("apply failed");
        let made = case.see_result();
        case.is_there();
        self.scenario.afterwards.iter().for_each(|look| look(&case.world, &done));
        case.apply(ALL).expect("the second apply failed");
        same(&case.see_result(), &made, "applying twice is not applying once");
        case.is_there();
        case.undo(ALL).expect("undo failed");
        if self.scenario.undo == Undo::Full {
            same(&case.see(), &before, "the undo did not put everything back");
        }
        case.undo(ALL).expect("the second undo failed");
        if self.scenario.undo == Undo::Full {
            same(&case.see(), &before, "undoing twice is not undoing once");
        }
        // What a scenario sets up beside its world is there once.
        drop(case);
        (made, self.count_acts())
    }

    fn count_acts(&self) -> i64 {
        for acts in 0..MANY {
            let mut case = self.begin();
            case.prepare().expect("prepare failed");
            if case.apply(acts).is_ok() {
                return acts;
            }
        }
        panic!("an apply of more than {MANY} acts");
    }

    fn survives_a_fault_in_apply(&self, act: i64, made: &str) {
        let mut case = self.begin();
        let before = case.see();
        case.prepare().expect("prepare failed");
        case.apply(act).expect_err("the fault was not noticed");
        if self.scenario.undo == Undo::Full {
            case.undo(ALL).unwrap_or_else(|failure| panic!("undo after a fault at act {act}: {failure:?}"));
            same(&case.see(), &before, &format!("the undo of an apply that failed at act {act}"));
        }
        drop(case);

        let mut case = self.begin();
        case.prepare().expect("prepare failed");
        case.apply(act).expect_err("the fault was not noticed");
        case.apply(ALL).unwrap_or_else(|failure| panic!("apply after a fault at act {act}: {failure:?}"));
        same(&case.see_result(), made, &format!("going on after a fault at act {act}"));
    }

    fn survives_faults_in_undo(&self) {
        for act in 0..MANY {
            let mut case = self.begin();
            let before = case.see();
            case.prepare().expect("prepare failed");
            case.apply(ALL).expect("apply failed");
            let ended = case.undo(act);
            if ended.is_err() {
                case.undo(ALL).unwrap_or_else(|failure| panic!("undo after a fault at act {act}: {failure:?}"));
            }
            same(&case.see(), &before, &format!("an undo that failed at act {act} and was run again"));
            if ended.is_ok() {
                return;
            }
        }
        panic!("an undo of more than {MANY} acts");
    }
}

/// Two worlds are the same; what differs is shown line by line.
fn same(is: &str, wanted: &str, when: &str) {
    let only = |these: &str, those: &str, mark: char| -> String {
        let known: Vec<&str> = those.lines().collect();
        these.lines().filter(|line| !known.contains(line)).map(|line| format!("{mark} {line}\n")).collect()
    };
    assert!(is == wanted, "{when}\n{}{}", only(wanted, is, '-'), only(is, wanted, '+'));
}

/// One try of one scenario.
struct Case<'a> {
    world: World,
    scenario: &'a Scenario,
    declaration: Declaration,
    step: Box<dyn Step>,
    baseline: Option<Baseline>,
    undo: Json,
}

impl Case<'_> {
    fn see(&self) -> String {
        self.scenario.observe.as_ref().map_or_else(|| self.world.tree(), |observe| observe(&self.world))
    }

    fn see_result(&self) -> String {
        self.scenario.result.as_ref().map_or_else(|| self.world.tree_without_times(), |result| result(&self.world))
    }

    fn probe(&self) -> Result<Prediction, Failure> {
        self.step.probe(&self.world.reader()).map(|probe| probe.prediction)
    }

    fn prepare(&mut self) -> Result<(), Failure> {
        if let Some(verification) = self.step.verification() {
            self.baseline = Some(self.world.work(ALL, None, |work| verification.baseline(work))?);
        }
        self.undo = self.world.prepare(&*self.step, self.baseline.as_ref())?;
        Ok(())
    }

    fn apply(&self, acts: i64) -> Result<Done, Failure> {
        let done = self.world.work(acts, self.baseline.as_ref(), |work| self.step.apply(work, &self.undo))?;
        roles::keep(self.scenario.kind, &self.declaration, &done.results);
        Ok(done)
    }

    fn is_there(&self) {
        let confirmed = self.step.confirm(&self.world.reader(), &self.undo).expect("confirm failed");
        assert!(!matches!(confirmed, Confirmation::NotThere(_)), "the change is not there: {confirmed:?}");
    }

    /// What was held for the time of a run ends with it, and not with this process.
    fn close(&self) {
        if let Some(service) = self.step.service() {
            let _ = self.world.work(ALL, self.baseline.as_ref(), |work| service.close(work, &self.undo));
        }
    }

    /// What a rollback calls, in its order.
    fn undo(&self, acts: i64) -> Result<(), Failure> {
        for phase in [UndoPhase::Halt, UndoPhase::Undo] {
            self.world.work(acts, self.baseline.as_ref(), |work| self.step.take_back(phase, work, &self.undo))?;
        }
        Ok(())
    }
}

impl Drop for Case<'_> {
    fn drop(&mut self) {
        self.close();
        if let Some(teardown) = &self.scenario.teardown {
            teardown(&self.world);
        }
    }
}
