//! What a simulated run meets: a plan, and the fate of each of its steps.

use crate::plan::plan;
use proptest::prelude::*;
use runbook_engine::{Execution, SecretUse};
use runbook_model::*;
use std::time::Duration;

/// The part that a step plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Change,
    Stop(u8),
    Start(u8),
    Restart(u8),
    Backup { always: bool, if_needed: bool },
    Verify(Lost),
    Inspect,
    Gate,
}

/// For how long the verification after a rollback misses a signal that was green.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    Never,
    UntilInsured,
    Always,
    /// It cannot be read after the rollback.
    Unread,
}

/// What one attempt of a step comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Well,
    Unchanged,
    Skip,
    /// Probing or preparing fails.
    NotBegun(FailureKind),
    /// Acting fails half-way.
    HalfDone(FailureKind),
}

/// What somebody does about a run that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    Commit,
    /// A commit comes in the same instant as the end of the time, before it or after it.
    AtTheLastMoment,
    TooLate,
    Silence,
}

/// What comes of secrets that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandIn {
    Comes,
    Never,
    /// Their giver is gone when another process goes on.
    Once,
}

/// Secrets that are handed in: of these steps one each, of which there are two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Handed {
    pub(crate) users: u16,
    pub(crate) comes: HandIn,
}

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) part: Part,
    /// Earlier steps, by number.
    pub(crate) needs: Vec<usize>,
    /// Which of a few paths a change writes.
    pub(crate) path: u8,
    pub(crate) needed: bool,
    pub(crate) on_failure: OnFailure,
    /// One for each attempt that the plan allows; at least one.
    pub(crate) fates: Vec<Fate>,
    pub(crate) undo_fails: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) steps: Vec<Step>,
    pub(crate) parallel: usize,
    /// What a person says where the evidence does not tell, from the second time on if it is to read again; `None` where
    /// nobody is there.
    pub(crate) answer: Option<Decision>,
    /// What somebody does about a run that holds; `None` where it does not hold.
    pub(crate) hold: Option<Hold>,
    /// `None` where the plan has none.
    pub(crate) handed: Option<Handed>,
    /// Which job ends next, and what a crash leaves; read round and round.
    pub(crate) chance: Vec<u8>,
}

/// A step whose change goes well.
pub(crate) fn step(part: Part) -> Step {
    Step {
        part,
        needs: Vec::new(),
        path: 0,
        needed: true,
        on_failure: OnFailure::Rollback,
        fates: vec![Fate::Well],
        undo_fails: false,
    }
}

impl Step {
    pub(crate) fn needs(mut self, needs: &[usize]) -> Self {
        self.needs = needs.to_vec();
        self
    }

    pub(crate) fn path(mut self, path: u8) -> Self {
        self.path = path;
        self
    }

    pub(crate) fn fates(mut self, fates: &[Fate]) -> Self {
        self.fates = fates.to_vec();
        self
    }

    pub(crate) fn on_failure(mut self, on_failure: OnFailure) -> Self {
        self.on_failure = on_failure;
        self
    }

    pub(crate) fn undo_fails(mut self) -> Self {
        self.undo_fails = true;
        self
    }

    pub(crate) fn changes(&self) -> bool {
        self.declare().changes()
    }

    fn declare(&self) -> Declaration {
        let serves = |role: fn(Resource) -> Role, service: u8| {
            let unit = Resource::Unit(format!("unit{service}"));
            Declaration::attendant().writes(unit.clone()).role(role(unit))
        };
        match self.part {
            Part::Change => Declaration::principal(UndoSource::Own).writes(path(self.path)),
            Part::Stop(service) => serves(Role::Stop, service),
            Part::Start(service) => serves(Role::Start, service),
            Part::Restart(service) => serves(Role::Restart, service),
            Part::Backup { .. } => Declaration::attendant().reads(path(0)).role(Role::Backup(vec![path(0)])),
            Part::Verify(_) => Declaration::attendant().role(Role::Verify(vec![SignalKind::Functional])),
            Part::Gate => Declaration::attendant().role(Role::Gate),
            Part::Inspect => Declaration::inspection().role(Role::Inspect),
        }
    }
}

fn path(number: u8) -> Resource {
    Resource::Path(format!("/p{number}").into())
}

pub(crate) fn id(number: usize) -> StepId {
    StepId::new(&format!("s{number}")).unwrap()
}

pub(crate) fn number(id: &StepId) -> usize {
    id.as_str()[1..].parse().unwrap()
}

impl Script {
    pub(crate) fn of(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            parallel: 1,
            answer: None,
            hold: None,
            handed: None,
            chance: vec![0],
        }
    }

    pub(crate) fn step(&self, id: &StepId) -> &Step {
        &self.steps[number(id)]
    }

    /// The secret that a step uses, going forward, and half of them on the way back too.
    fn secret_of(&self, at: usize) -> Option<SecretUse> {
        self.handed.filter(|handed| handed.users & (1 << at) != 0)?;
        let forward = vec![format!("t{}", at % 2)];
        let back = if at % 4 < 2 { forward.clone() } else { Vec::new() };
        Some(SecretUse { step: id(at), forward, back })
    }

    /// `None` where the steps wait for one another in a cycle.
    pub(crate) fn execution(&self) -> Option<Execution> {
        let plan = plan("/", self.steps.iter().enumerate().map(|(at, step)| definition(at, step)).collect());
        let declarations: Vec<Declaration> = self.steps.iter().map(Step::declare).collect();
        let (schedule, _) = runbook_schedule::build(&plan, &declarations);
        let patience = self.answer.map(|_| Duration::from_secs(1));
        let mut execution = Execution::new(&plan, schedule?, self.parallel);
        execution.patience = patience;
        execution.handed_in.uses = (0..self.steps.len()).filter_map(|at| self.secret_of(at)).collect();
        Some(execution)
    }
}

fn definition(at: usize, step: &Step) -> StepDef {
    let span = Span::default();
    let attempts = u32::try_from(step.fates.len()).unwrap();
    StepDef {
        id: id(at),
        id_span: span,
        uses: "x".into(),
        uses_span: span,
        with: Node::new(span, Value::Map(vec![])),
        needs: step.needs.iter().map(|on| (id(*on), span)).collect(),
        condition: None,
        timeout: None,
        retry: Retry { attempts, backoff: Duration::from_secs(1) },
        on_failure: step.on_failure,
        allow: vec![],
    }
}

/// How much goes wrong in a random script.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Odds {
    pub(crate) undo_fails: bool,
    pub(crate) other_policies: bool,
}

pub(crate) fn scripts(odds: Odds) -> impl Strategy<Value = Script> {
    let steps = prop::collection::vec((steps(odds), any::<(u16, u16)>()), 1..9);
    let answers = [None, Some(Decision::RollBack), Some(Decision::ReadAgain), Some(Decision::Keep)];
    let answer = prop::sample::select(answers.to_vec());
    let holds = [Hold::Commit, Hold::AtTheLastMoment, Hold::TooLate, Hold::Silence].map(Some);
    let hold = prop_oneof![1 => Just(None), 1 => prop::sample::select(holds.to_vec())];
    let comes = prop::sample::select(vec![HandIn::Comes, HandIn::Never, HandIn::Once]);
    let handed = (any::<(u16, u16)>(), comes).prop_map(|((some, few), comes)| Handed { users: some & few, comes });
    let handed = prop::option::weighted(0.3, handed);
    (steps, 1..5_usize, (answer, hold, handed), prop::collection::vec(any::<u8>(), 1..24)).prop_map(
        |(steps, parallel, (answer, hold, handed), chance)| {
            let with_needs = |(at, (step, (some, few))): (usize, (Step, (u16, u16)))| {
                step.needs(&(0..at).filter(|on| some & few & (1 << on) != 0).collect::<Vec<_>>())
            };
            Script {
                steps: steps.into_iter().enumerate().map(with_needs).collect(),
                parallel,
                answer,
                hold,
                handed,
                chance,
            }
        },
    )
}

fn steps(odds: Odds) -> impl Strategy<Value = Step> {
    let part = prop_oneof![
        6 => Just(Part::Change),
        1 => (0..2_u8).prop_map(Part::Stop),
        1 => (0..2_u8).prop_map(Part::Start),
        2 => (0..2_u8).prop_map(Part::Restart),
        2 => any::<(bool, bool)>().prop_map(|(always, if_needed)| Part::Backup { always, if_needed }),
        2 => prop_oneof![
            4 => Just(Lost::Never), 2 => Just(Lost::UntilInsured), 1 => Just(Lost::Always), 1 => Just(Lost::Unread)
        ]
            .prop_map(Part::Verify),
        1 => Just(Part::Inspect),
        1 => Just(Part::Gate),
    ];
    let policy = if odds.other_policies {
        prop_oneof![3 => Just(OnFailure::Rollback), 1 => Just(OnFailure::Stop), 2 => Just(OnFailure::Continue)].boxed()
    } else {
        Just(OnFailure::Rollback).boxed()
    };
    let fates = prop::collection::vec(fates(), 1..4);
    let undo_fails = if odds.undo_fails { prop::bool::weighted(0.15).boxed() } else { Just(false).boxed() };
    (part, 0..4_u8, prop::bool::weighted(0.9), policy, fates, undo_fails).prop_map(
        |(part, path, needed, on_failure, fates, undo_fails)| {
            let needed = needed || part == Part::Change;
            Step { part, needs: Vec::new(), path, needed, on_failure, fates, undo_fails }
        },
    )
}

fn fates() -> impl Strategy<Value = Fate> {
    use FailureKind::{Failed, Inconclusive, Missing, Refused, TimedOut};
    let failure = prop::sample::select(vec![Failed, TimedOut, Refused, Inconclusive, Missing]);
    prop_oneof![
        8 => Just(Fate::Well),
        1 => Just(Fate::Unchanged),
        1 => Just(Fate::Skip),
        1 => failure.clone().prop_map(Fate::NotBegun),
        2 => failure.prop_map(Fate::HalfDone),
    ]
}
