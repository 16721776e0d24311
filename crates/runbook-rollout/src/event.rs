//! What comes on record of a rollout. The lifecycle is complete here; what happens inside a run is in the journal of its host.

use crate::{Target, TargetVerdict};
use runbook_model::{HostName, RunId, StepId};
use serde::{Deserialize, Serialize};

/// One line of a rollout's journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutRecord {
    /// Its number, from 1.
    pub seq: u64,
    /// When, in milliseconds since 1970; for people, nothing goes by it.
    pub at: i64,
    /// How long the rollout has gone on, in milliseconds of a clock that nobody sets. It never gets less.
    pub elapsed_ms: u64,
    /// The controller that wrote it.
    pub epoch: u64,
    /// What.
    pub event: RolloutEvent,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum RolloutEvent {
    /// An attempt began. Comes first, and once.
    Started {
        /// The name of the rollout.
        rollout: String,
        /// The digest of the rollout and of all that it was made from.
        digest: String,
        /// Which apply of that name this is, from 1.
        attempt: u32,
        /// Who acts.
        controller: Controller,
    },
    /// Another controller goes on. Ends a drain.
    TakenOver {
        /// Who acts from here on; the epoch is that of the record.
        controller: Controller,
    },
    /// A host and its agent are there.
    Reached {
        /// The host.
        host: HostName,
        /// What artifacts have to fit.
        platform: String,
    },
    /// A host cannot be reached, and nothing runs there for this rollout.
    Unreachable {
        /// The host.
        host: HostName,
        /// Why not.
        because: String,
    },
    /// A plan was judged for the facts of a host.
    Judged {
        /// Which.
        target: Target,
        /// What came of it.
        judged: Judged,
    },
    /// A host is kept for this rollout.
    Reserved {
        /// The host.
        host: HostName,
    },
    /// A host is to be kept for longer; nothing begins there before it is.
    RenewalDue {
        /// The host.
        host: HostName,
    },
    /// Somebody else is at work on a host.
    NotReserved {
        /// The host.
        host: HostName,
        /// Who, since when.
        holder: String,
    },
    /// A person is to look at what was seen so far before the wave begins.
    ApprovalAsked {
        /// Its number.
        wave: usize,
        /// The digest of what is shown.
        evidence: String,
    },
    /// A person did.
    Approved {
        /// Its number.
        wave: usize,
        /// The digest of what was shown.
        evidence: String,
        /// Who.
        by: String,
        /// Until when it counts, in milliseconds since 1970.
        until: i64,
    },
    /// An approval opens nothing.
    ApprovalRefused {
        /// The wave that was meant.
        wave: usize,
        /// Who.
        by: String,
        /// Why not.
        because: String,
    },
    /// Hosts of a wave may begin.
    WaveOpened {
        /// Its number.
        wave: usize,
    },
    /// All hosts of a wave are counted, what they give is here, and their soak is over.
    WavePassed {
        /// Its number.
        wave: usize,
    },
    /// The bytes of an artifact are here, and are what its digest says.
    Fetched {
        /// The artifact.
        artifact: StepId,
        /// Its digest.
        digest: String,
    },
    /// The host that proved an artifact does not give it.
    NotFetched {
        /// The artifact.
        artifact: StepId,
        /// Who.
        from: Target,
        /// Why not.
        because: String,
    },
    /// An artifact is on a host that needs it.
    Given {
        /// Where.
        target: Target,
        /// The artifact.
        artifact: StepId,
        /// Its digest.
        digest: String,
    },
    /// A target is refused before its begin.
    Refused {
        /// Which.
        target: Target,
        /// Why.
        because: String,
    },
    /// A target is about to be told to begin. Nothing is sent before this is durable.
    BeginIntended {
        /// Which.
        target: Target,
        /// The id of its run.
        run: RunId,
    },
    /// Its run is on record on its host.
    Begun {
        /// Which.
        target: Target,
    },
    /// Its run is done and proven, and waits for a commit.
    Held {
        /// Which.
        target: Target,
    },
    /// It is about to be told to commit.
    CommitIntended {
        /// Which.
        target: Target,
    },
    /// It is about to be told to go back.
    CancelIntended {
        /// Which.
        target: Target,
        /// Why.
        because: String,
    },
    /// Its run is over, as its host has it on record; also of one that was lost before.
    Ended {
        /// Which.
        target: Target,
        /// How.
        verdict: TargetVerdict,
        /// What its run packed and proved.
        gives: Vec<(StepId, Artifact)>,
    },
    /// Nothing was heard of it by its deadline.
    Lost {
        /// Which.
        target: Target,
    },
    /// Nothing more begins.
    Stopped {
        /// Why.
        because: StopCause,
    },
    /// A person wants nothing more to begin; `resume` goes on.
    DrainAsked {
        /// Who.
        by: String,
    },
    /// A person wants it to end.
    CancelAsked {
        /// Who.
        by: String,
    },
    /// A person wants everything back that this attempt changed.
    RollbackAsked {
        /// Who.
        by: String,
    },
    /// A committed run is about to be told to go back.
    BackIntended {
        /// Which.
        target: Target,
    },
    /// What came of that.
    TookBack {
        /// Which.
        target: Target,
        /// Whether it is as it was.
        whole: bool,
    },
    /// Nobody answered to that, or something newer on its host has to go back first; it is asked for when the host is back.
    BackOwed {
        /// Which.
        target: Target,
    },
    /// Every target has its verdict, or it is owed.
    Finished,
}

/// Who acts, and what its clock said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Controller {
    /// Who.
    pub by: String,
    /// Milliseconds since the boot, by a clock that counts while the machine sleeps.
    pub uptime_ms: u64,
    /// The boot.
    pub boot: String,
}

/// What a plan would do on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judged {
    /// There is something to do.
    Change,
    /// It is as the plan wants it.
    NothingToDo,
    /// Nobody knows before its artifacts are there.
    Later,
    /// The plan is refused for this host.
    Refused(String),
}

/// An archive that a run packed after its verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// BLAKE3 of its bytes, in hex.
    pub digest: String,
    /// What hosts have to be to take it; `None` where it fits all.
    pub platform: Option<String>,
}

/// Why nothing more begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "kebab-case")]
pub enum StopCause {
    /// Something could not be taken back.
    Stuck {
        /// Where.
        target: Target,
    },
    /// A canary is not ok.
    Canary {
        /// Which.
        target: Target,
    },
    /// More hosts of a wave failed than may.
    Wave {
        /// Its number.
        wave: usize,
        /// So many.
        failed: usize,
    },
    /// More hosts failed than may.
    Rollout {
        /// So many.
        failed: usize,
    },
    /// A host is kept by somebody else, and nothing was changed yet.
    Kept {
        /// Which.
        host: HostName,
    },
    /// Nobody approved in time.
    NotApproved {
        /// The wave that waited.
        wave: usize,
    },
    /// A person cancelled it.
    Cancelled,
    /// A person took it back.
    TakenBack,
}
