//! A host that does what it is told, as an agent does: each order once, none of a lower epoch.

use super::script::{Ends, Gives, HostScript, Script, artifact, host_name};
use crate::reserved::RESERVED_MS;
use crate::{Artifact, Came, How, Judged, Order, Target, TargetVerdict};
use runbook_model::RunId;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunIs {
    Working,
    Holding,
    Over(TargetVerdict),
    TakenBack { whole: bool },
}

#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) target: Target,
    pub(super) is: RunIs,
}

#[derive(Clone, Debug)]
pub(super) struct SimHost {
    pub(super) at: usize,
    pub(super) script: HostScript,
    pub(super) epoch: u64,
    pub(super) runs: BTreeMap<RunId, Run>,
    /// Runs that cannot begin any more.
    never: BTreeSet<RunId>,
    /// What it was given, by name.
    pub(super) has: BTreeMap<String, String>,
    confirm: bool,
    /// Until when it is kept for the rollout.
    kept_until: Option<u64>,
    /// What began though it was not kept.
    pub(super) unkept: Option<Target>,
}

/// What a host does after a while.
#[derive(Clone, Debug)]
pub(super) enum Later {
    Ends(RunId),
    HoldEnds(RunId),
    GoesBack(RunId),
}

/// What comes of an order: answers, and what happens after so many milliseconds.
#[derive(Default)]
pub(super) struct Effect {
    pub(super) says: Vec<Came>,
    pub(super) later: Vec<(u64, Later)>,
}

pub(super) fn digest_of(run: &RunId, id: usize) -> String {
    format!("{}-{id}", run.as_str())
}

impl SimHost {
    pub(super) fn new(script: &Script, at: usize) -> Option<Self> {
        let own = script.hosts.get(at)?.clone();
        let (runs, never, has) = Default::default();
        Some(Self {
            at,
            script: own,
            epoch: 0,
            runs,
            never,
            has,
            confirm: script.confirm,
            kept_until: None,
            unkept: None,
        })
    }

    pub(super) fn is_away(&self, at: u64) -> bool {
        self.script.away.iter().any(|(from, to)| (*from..*to).contains(&at))
    }

    /// When it can be reached again.
    pub(super) fn back_at(&self, at: u64) -> Option<u64> {
        let until = self.script.away.iter().filter(|(from, to)| (*from..*to).contains(&at)).map(|(_, to)| *to).max()?;
        if until > 100_000_000 {
            None
        } else if self.is_away(until) {
            self.back_at(until)
        } else {
            Some(until)
        }
    }

    fn is_at_work(&self) -> bool {
        self.runs.values().any(|run| matches!(run.is, RunIs::Working | RunIs::Holding))
    }

    fn stage(target: &Target) -> usize {
        target.stage.as_str().trim_start_matches('s').parse().unwrap()
    }

    fn ends(&self, target: &Target) -> Ends {
        self.script.ends.get(Self::stage(target)).copied().unwrap_or(Ends::Ok)
    }

    /// What it does about `order`; of one that takes artifacts, nothing is known before they are there.
    pub(super) fn hear(&mut self, order: Order, epoch: u64, takes: bool, now: u64) -> Effect {
        if epoch < self.epoch {
            return Effect { says: vec![Came::Superseded], ..Effect::default() };
        }
        self.epoch = epoch;
        let mut effect = Effect::default();
        match order {
            Order::Reach(host) => {
                effect.says.push(Came::Reached { host, platform: format!("p{}", self.script.platform) });
            }
            Order::Judge { target, with_artifacts } => {
                let judged = match self.ends(&target) {
                    Ends::Refused => Judged::Refused("no".to_owned()),
                    Ends::NothingToDo => Judged::NothingToDo,
                    _ if takes && !with_artifacts => Judged::Later,
                    _ => Judged::Change,
                };
                effect.says.push(Came::Judged { target, judged });
            }
            Order::Reserve { host, request } if self.script.kept => {
                effect.says.push(Came::NotReserved { host, request, holder: "somebody".to_owned() });
            }
            Order::Reserve { host, request } if self.is_at_work() => {
                let holder = "a run of this rollout".to_owned();
                effect.says.push(Came::NotReserved { host, request, holder });
            }
            Order::Reserve { host, request } => {
                self.kept_until = Some(now + RESERVED_MS);
                effect.says.push(Came::Reserved { host, request });
            }
            Order::Release(_) => self.kept_until = None,
            Order::Fetch { from, run, artifact, digest: _ } => effect.says.push(match self.script.gives {
                Gives::Bytes => Came::Fetched { digest: digest_of(&run, Self::stage(&from)), from, artifact },
                Gives::Others => Came::Fetched { from, artifact, digest: "of something else".to_owned() },
                Gives::Nothing => Came::NotFetched { from, artifact, because: "no".to_owned() },
            }),
            Order::Give { target, .. } if !self.script.takes => {
                effect.says.push(Came::NotGiven { target, because: "its disk is full".to_owned() });
            }
            Order::Give { target, artifact, digest } => {
                self.has.insert(artifact.to_string(), digest.clone());
                effect.says.push(Came::Given { target, artifact, digest });
            }
            Order::Begin { target, run } => {
                if !self.runs.contains_key(&run) && !self.never.contains(&run) {
                    if self.kept_until.take().is_none_or(|until| until < now) {
                        self.unkept = Some(target.clone());
                    }
                    self.runs.insert(run.clone(), Run { target: target.clone(), is: RunIs::Working });
                    if self.ends(&target) != Ends::Hangs {
                        effect.later.push((self.script.takes_ms, Later::Ends(run.clone())));
                    }
                }
                effect.says.extend(self.tell(&run, target));
            }
            Order::Follow { target, run } => {
                if !self.runs.contains_key(&run) {
                    self.never.insert(run.clone());
                }
                effect.says.extend(self.tell(&run, target));
            }
            Order::Commit { target, run } => {
                if let Some(known) = self.runs.get_mut(&run).filter(|known| known.is == RunIs::Holding) {
                    known.is = RunIs::Over(TargetVerdict::Ok);
                }
                effect.says.extend(self.tell(&run, target));
            }
            Order::Cancel { target, run } => match self.runs.get(&run).map(|known| known.is) {
                Some(RunIs::Working | RunIs::Holding) => effect.later.push((2000, Later::GoesBack(run))),
                None => {
                    self.never.insert(run);
                    effect.says.push(Came::NotThere(target));
                }
                Some(_) => effect.says.extend(self.tell(&run, target)),
            },
            Order::RollBack { target, run } => {
                if let Some(known) = self.runs.get_mut(&run).filter(|known| matches!(known.is, RunIs::Over(_))) {
                    known.is = RunIs::TakenBack { whole: self.script.can_go_back };
                }
                if let Some(RunIs::TakenBack { whole }) = self.runs.get(&run).map(|known| known.is) {
                    effect.says.push(Came::TookBack { target, whole });
                }
            }
        }
        effect
    }

    pub(super) fn later(&mut self, later: Later) -> Effect {
        let mut effect = Effect::default();
        let (Later::Ends(run) | Later::HoldEnds(run) | Later::GoesBack(run)) = &later;
        let Some(known) = self.runs.get(run).cloned() else { return effect };
        let is = match (&later, known.is) {
            (Later::Ends(_), RunIs::Working) => match self.ends(&known.target) {
                Ends::Ok if self.confirm => {
                    effect.later.push((180_000, Later::HoldEnds(run.clone())));
                    RunIs::Holding
                }
                Ends::Ok => RunIs::Over(TargetVerdict::Ok),
                Ends::NothingToDo => RunIs::Over(TargetVerdict::NothingToDo),
                Ends::Refused => RunIs::Over(TargetVerdict::Failed(How::Refused)),
                Ends::RolledBack => RunIs::Over(TargetVerdict::Failed(How::RolledBack)),
                Ends::Stopped => RunIs::Over(TargetVerdict::Failed(How::Stopped)),
                Ends::Accepted => RunIs::Over(TargetVerdict::Failed(How::Accepted)),
                Ends::Stuck => RunIs::Over(TargetVerdict::Stuck),
                Ends::Hangs => RunIs::Working,
            },
            (Later::HoldEnds(_), RunIs::Holding) | (Later::GoesBack(_), RunIs::Working | RunIs::Holding) => {
                RunIs::Over(TargetVerdict::Failed(How::RolledBack))
            }
            (_, is) => is,
        };
        if is != known.is {
            self.runs.get_mut(run).unwrap().is = is;
            effect.says.extend(self.tell(run, known.target));
        }
        effect
    }

    fn tell(&self, run: &RunId, target: Target) -> Option<Came> {
        Some(match self.runs.get(run).map(|known| known.is) {
            None => Came::NotThere(target),
            Some(RunIs::Working) => Came::Begun(target),
            Some(RunIs::Holding) => Came::Held(target),
            Some(RunIs::Over(verdict)) => {
                let stage = Self::stage(&target);
                let platform = Some(format!("p{}", self.script.platform));
                let proved = Artifact { digest: digest_of(run, stage), platform };
                let gives = if verdict == TargetVerdict::Ok { vec![(artifact(stage), proved)] } else { Vec::new() };
                Came::Ended { target, verdict, gives }
            }
            Some(RunIs::TakenBack { .. }) => return None,
        })
    }

    pub(super) fn name(&self) -> runbook_model::HostName {
        host_name(self.at)
    }
}
