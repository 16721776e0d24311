//! What comes in, and what is to be done about it.

use crate::{Artifact, Controller, Judged, RolloutEvent, Target, TargetVerdict};
use runbook_model::{HostName, RunId, StepId};
use serde::{Deserialize, Serialize};

/// What the clocks say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// How long the rollout has gone on, in milliseconds of a clock that nobody sets: deadlines and soaks go by it.
    pub elapsed_ms: u64,
    /// Milliseconds since 1970: the end of an approval goes by it, and nothing else.
    pub date_ms: i64,
}

/// What came in, and when.
#[derive(Clone, Debug)]
pub struct Input {
    /// When.
    pub now: Now,
    /// What.
    pub came: Came,
}

/// What came in. What a host says may come late, twice or out of order.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each says what the event of that name says")]
pub enum Came {
    /// The attempt begins.
    Start(Controller),
    /// This controller goes on with it.
    TakeOver(Controller),
    /// Time has passed.
    Tick,
    /// A host can be told again what is asked of it.
    Back(HostName),
    /// A host has heard of a higher epoch.
    Superseded,
    Reached {
        host: HostName,
        platform: String,
    },
    Unreachable {
        host: HostName,
        because: String,
    },
    Judged {
        target: Target,
        judged: Judged,
    },
    Reserved {
        host: HostName,
        /// Which request it answers.
        request: u32,
    },
    NotReserved {
        host: HostName,
        /// Which request it answers.
        request: u32,
        holder: String,
    },
    Fetched {
        from: Target,
        artifact: StepId,
        digest: String,
    },
    NotFetched {
        from: Target,
        artifact: StepId,
        because: String,
    },
    Given {
        target: Target,
        artifact: StepId,
        digest: String,
    },
    NotGiven {
        target: Target,
        because: String,
    },
    Begun(Target),
    Held(Target),
    Ended {
        target: Target,
        verdict: TargetVerdict,
        gives: Vec<(StepId, Artifact)>,
    },
    /// Its host knows no such run.
    NotThere(Target),
    TookBack {
        target: Target,
        whole: bool,
    },
    /// A person told it.
    Told(Told),
}

/// What a person tells a rollout that goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "told", rename_all = "kebab-case")]
pub enum Told {
    /// Begin nothing more; `resume` goes on.
    Drain {
        /// Who.
        by: String,
    },
    /// End it; what is at work goes back.
    Cancel {
        /// Who.
        by: String,
    },
    /// Take back all that it changed.
    RollBack {
        /// Who.
        by: String,
    },
    /// Open the gate of a wave.
    Approve(Approve),
}

/// What a person approves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approve {
    /// The digest of the rollout.
    pub rollout: String,
    /// The number of the wave.
    pub wave: usize,
    /// The digest of what was shown.
    pub evidence: String,
    /// Who.
    pub by: String,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Put it on record, durably, before anything else.
    Record(RolloutEvent),
    /// Tell a host.
    Send(Order),
    /// This controller ends.
    Leave(WhyLeave),
}

/// Why a controller ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyLeave {
    /// Every target has its verdict, or it is owed.
    Finished,
    /// Nothing more begins until somebody goes on.
    Drained,
    /// Another controller acts.
    Superseded,
}

/// What a host is asked for. Each can be asked for again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "its fields are what is asked for, of whom")]
pub enum Order {
    /// Reach it and its agent. → reached, unreachable
    Reach(HostName),
    /// Judge the plan for it; with its artifacts, where they are there. → judged
    Judge { target: Target, with_artifacts: bool },
    /// Keep it for this rollout, for [`RESERVED`](crate::RESERVED) from now. → reserved, not reserved
    Reserve { host: HostName, request: u32 },
    /// Let go of it; not answered.
    Release(HostName),
    /// Bring the bytes here. → fetched, not fetched
    Fetch { from: Target, run: RunId, artifact: StepId, digest: String },
    /// Bring them there. → given, not given
    Give { target: Target, artifact: StepId, digest: String },
    /// Begin the run if it is not there, and follow it. → begun, held, ended
    Begin { target: Target, run: RunId },
    /// Follow the run. → held, ended; one that is not there cannot begin any more → not there
    Follow { target: Target, run: RunId },
    /// Commit what holds. → ended
    Commit { target: Target, run: RunId },
    /// Let the run go back, and follow it. → ended; one that is not there cannot begin any more → not there
    Cancel { target: Target, run: RunId },
    /// Take back the run that is over. → took back
    RollBack { target: Target, run: RunId },
}

impl Order {
    /// Whom it is for.
    pub fn host(&self) -> &HostName {
        match self {
            Self::Reach(host) | Self::Reserve { host, .. } | Self::Release(host) => host,
            Self::Judge { target, .. }
            | Self::Fetch { from: target, .. }
            | Self::Give { target, .. }
            | Self::Begin { target, .. }
            | Self::Follow { target, .. }
            | Self::Commit { target, .. }
            | Self::Cancel { target, .. }
            | Self::RollBack { target, .. } => &target.host,
        }
    }
}
