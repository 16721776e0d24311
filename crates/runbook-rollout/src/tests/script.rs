//! What a rollout will meet.

use crate::{Given, Waves};
use proptest::collection::vec;
use proptest::prelude::*;
use runbook_model::*;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

pub(super) const PERSON: &str = "ops";

/// How a run ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    Ok,
    NothingToDo,
    Refused,
    RolledBack,
    Stopped,
    Accepted,
    Stuck,
    Hangs,
}

#[derive(Clone, Debug)]
pub(super) struct HostScript {
    pub(super) platform: usize,
    pub(super) jump: Option<usize>,
    /// Somebody else's.
    pub(super) kept: bool,
    /// From when to when nobody reaches it.
    pub(super) away: Vec<(u64, u64)>,
    /// It does not even say that it cannot be reached.
    pub(super) silent: bool,
    /// By stage.
    pub(super) ends: Vec<Ends>,
    pub(super) takes_ms: u64,
    pub(super) can_go_back: bool,
    pub(super) gives: Gives,
    /// It takes what it is given.
    pub(super) takes: bool,
}

/// What comes of an artifact that is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gives {
    Bytes,
    Nothing,
    Others,
}

#[derive(Clone, Debug)]
pub(super) struct StageScript {
    pub(super) canary: bool,
    /// No canary has to be above it.
    pub(super) free: bool,
    /// Stages before it, as bits.
    pub(super) needs: usize,
    /// Its hosts, as bits.
    pub(super) hosts: usize,
    pub(super) batch: u32,
    pub(super) soak_ms: Option<u64>,
    pub(super) approve: bool,
    pub(super) gives: bool,
    /// Of an earlier stage.
    pub(super) takes: Option<(usize, Promote)>,
}

/// What a person does about a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gatekeeper {
    Opens,
    LooksAtOtherEvidence,
    MeansAnotherRollout,
    IsSomebodyElse,
    Sleeps,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Blow {
    /// The controller dies after so many records of the next reaction, and another goes on.
    Crash(usize),
    /// Another controller goes on, and the older one does not know.
    TakeOver,
    Drain,
    Cancel,
    RollBack,
}

#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) seed: u64,
    pub(super) hosts: Vec<HostScript>,
    pub(super) stages: Vec<StageScript>,
    pub(super) estate: u32,
    pub(super) per_jump: Option<u32>,
    pub(super) confirm: bool,
    pub(super) max_failed: (Amount, Amount),
    pub(super) scope: RollbackScope,
    pub(super) gatekeeper: Gatekeeper,
    pub(super) blows: Vec<(usize, Blow)>,
    /// How the date jumps, in milliseconds a tick.
    pub(super) dates: Vec<i64>,
}

pub(super) fn host_name(at: usize) -> HostName {
    HostName::new(&format!("h{at}")).unwrap()
}

pub(super) fn stage_name(at: usize) -> StepId {
    StepId::new(&format!("s{at}")).unwrap()
}

pub(super) fn artifact(at: usize) -> StepId {
    StepId::new(&format!("a{at}")).unwrap()
}

impl Script {
    pub(super) fn rollout(&self) -> Rollout {
        let stages = self.stages.iter().enumerate().map(|(at, stage)| self.stage(at, stage));
        Rollout {
            name: "demo".to_owned(),
            inventory: String::new(),
            environment: None,
            vars: Vec::new(),
            concurrency: Concurrency {
                estate: NonZeroU32::new(self.estate).unwrap(),
                per_jump: self.per_jump.and_then(NonZeroU32::new),
            },
            confirm_within: self.confirm.then_some(Duration::from_secs(180)),
            host_deadline: Duration::from_secs(1800),
            max_failed: MaxFailed { wave: self.max_failed.0, rollout: self.max_failed.1 },
            on_failure: self.scope,
            stages: stages.collect(),
        }
    }

    pub(super) fn waves(&self) -> Waves {
        self.attempt(Given { digest: "now".to_owned(), attempt: 1, ..Given::default() })
    }

    pub(super) fn attempt(&self, given: Given) -> Waves {
        let jump = |(at, host): (usize, &HostScript)| Some((host_name(at), format!("jump{}", host.jump?)));
        let jumps: BTreeMap<_, _> = self.hosts.iter().enumerate().filter_map(jump).collect();
        Waves::of(&self.rollout(), Given { jumps, ..given }).unwrap()
    }

    fn stage(&self, at: usize, stage: &StageScript) -> Stage {
        let span = Span::default();
        let names: Vec<HostName> =
            (0..self.hosts.len()).filter(|host| stage.hosts >> host & 1 == 1).map(host_name).collect();
        let names = if names.is_empty() { vec![host_name(at % self.hosts.len())] } else { names };
        let needs =
            (0..at).filter(|other| stage.needs >> other & 1 == 1 || (!stage.canary && !stage.free && *other == 0));
        let takes = stage.takes.filter(|_| at > 0).map(|(from, promote)| (from % at, promote));
        let needs: Vec<usize> = needs.chain(takes.map(|(from, _)| from)).collect();
        Stage {
            id: stage_name(at),
            span,
            canary: stage.canary || at == 0,
            needs: needs.into_iter().map(|other| (stage_name(other), span)).collect(),
            hosts: StageHosts { names, span },
            plan: String::new(),
            plan_span: span,
            vars: Vec::new(),
            artifacts: if stage.gives { vec![(artifact(at), span)] } else { Vec::new() },
            promote: takes
                .map(|(from, to)| Promotion { artifact: artifact(from), span: Span::default(), to })
                .into_iter()
                .collect(),
            soak: stage.soak_ms.map(Duration::from_millis),
            approve: stage
                .approve
                .then(|| ApproveGate { by: vec![PERSON.to_owned()], within: Duration::from_secs(3600) }),
            batches: vec![Amount::Count(stage.batch)],
            allow: Vec::new(),
        }
    }
}

fn ends() -> impl Strategy<Value = Ends> {
    prop_oneof![
        14 => Just(Ends::Ok),
        2 => Just(Ends::NothingToDo),
        1 => Just(Ends::Refused),
        2 => Just(Ends::RolledBack),
        1 => Just(Ends::Stopped),
        1 => Just(Ends::Accepted),
        1 => Just(Ends::Stuck),
        1 => Just(Ends::Hangs),
    ]
}

fn hosts() -> impl Strategy<Value = HostScript> {
    let away = (0..400_000_u64, prop_oneof![3 => 1000..200_000_u64, 1 => Just(u64::MAX / 4)]);
    let away = prop_oneof![5 => Just(Vec::new()), 2 => vec(away, 1..3)];
    let first = (0..2_usize, prop::option::of(0..2_usize), prop::bool::weighted(0.02), away, any::<bool>());
    let second = (vec(ends(), 5), 1000..300_000_u64, prop::bool::weighted(0.9));
    let gives = prop_oneof![8 => Just(Gives::Bytes), 1 => Just(Gives::Nothing), 1 => Just(Gives::Others)];
    let third = (gives, prop::bool::weighted(0.9));
    (first, second, third).prop_map(
        |((platform, jump, kept, away, silent), (ends, takes_ms, can_go_back), (gives, takes))| HostScript {
            platform,
            jump,
            kept,
            away: away.into_iter().map(|(from, long)| (from, from.saturating_add(long))).collect(),
            silent,
            ends,
            takes_ms,
            can_go_back,
            gives,
            takes,
        },
    )
}

fn stages() -> impl Strategy<Value = StageScript> {
    let promote = prop_oneof![Just(Promote::SamePlatform), Just(Promote::Any)];
    let first = (prop::bool::weighted(0.2), prop::bool::weighted(0.2), 0..16_usize, 1..64_usize, 1..4_u32);
    let soak = prop_oneof![4 => 1000..900_000_u64, 1 => 4_000_000..9_000_000_u64];
    let second = (prop::option::of(soak), prop::bool::weighted(0.2), any::<bool>());
    (first, second, prop::option::weighted(0.4, (0..4_usize, promote))).prop_map(
        |((canary, free, needs, hosts, batch), (soak_ms, approve, gives), takes)| StageScript {
            canary,
            free,
            needs,
            hosts,
            batch,
            soak_ms,
            approve,
            gives,
            takes,
        },
    )
}

fn blows() -> impl Strategy<Value = Vec<(usize, Blow)>> {
    let blow = prop_oneof![
        5 => (0..4_usize).prop_map(Blow::Crash),
        2 => Just(Blow::TakeOver),
        1 => Just(Blow::Drain),
        1 => Just(Blow::Cancel),
        1 => Just(Blow::RollBack),
    ];
    prop_oneof![2 => Just(Vec::new()), 3 => vec((0..120_usize, blow), 1..4)]
}

pub(super) fn scripts() -> impl Strategy<Value = Script> {
    let scope = prop_oneof![Just(RollbackScope::Host), Just(RollbackScope::Wave), Just(RollbackScope::Promoted)];
    let gatekeeper = prop_oneof![
        4 => Just(Gatekeeper::Opens),
        1 => Just(Gatekeeper::LooksAtOtherEvidence),
        1 => Just(Gatekeeper::MeansAnotherRollout),
        1 => Just(Gatekeeper::IsSomebodyElse),
        1 => Just(Gatekeeper::Sleeps),
    ];
    let budget = prop_oneof![
        2 => Just(Amount::Count(0)),
        2 => (1..3_u32).prop_map(Amount::Count),
        1 => Just(Amount::Count(9)),
        2 => (0..=100_u8).prop_map(Amount::Percent),
    ];
    let first = (any::<u64>(), vec(hosts(), 1..6), vec(stages(), 1..5), 1..5_u32, prop::option::of(1..3_u32));
    let second = (any::<bool>(), (budget.clone(), budget), scope, gatekeeper, blows());
    let dates = prop_oneof![2 => Just(Vec::new()), 1 => vec(-10_000_000_i64..10_000_000, 1..4)];
    (first, second, dates).prop_map(
        |((seed, hosts, stages, estate, per_jump), (confirm, max_failed, scope, gatekeeper, blows), dates)| Script {
            seed,
            hosts,
            stages,
            estate,
            per_jump,
            confirm,
            max_failed,
            scope,
            gatekeeper,
            blows,
            dates,
        },
    )
}
