//! Why the session did not do what it was asked. Each variant is one cause, with what a client needs to say what follows.

use crate::naming::Misnamed;
use crate::obstacles::InTheWay;
use jiff::Timestamp;
use runbook_engine::Obstacle;
use runbook_journal::{Gap, Holder};
use runbook_model::{Diagnostic, Failure, RunId, SourceMap, StepId, Verdict};
use runbook_services::attached::User;
use std::fmt;
use std::path::PathBuf;

/// Why not. Unless a variant says otherwise, nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A plan or an environment cannot be read as text.
    #[error("{0}")]
    Unreadable(Failure),
    /// Nobody knows where the relative paths of a plan start.
    #[error("cannot tell where {title} is: {why}")]
    Nowhere {
        /// What messages call the plan.
        title: String,
        /// In words for people.
        why: String,
    },
    /// The environment that was chosen is not there.
    #[error("there is no environment `{name}`")]
    UnknownEnvironment {
        /// Its name.
        name: String,
        /// Where the plan is.
        base: PathBuf,
        /// The names of those that are there.
        known: Vec<String>,
    },
    /// The maintenance window of the plan is closed.
    #[error("the maintenance window of {plan} is closed")]
    WindowClosed {
        /// The plan's name.
        plan: String,
        /// When it opens, by the clock of its zone.
        opens: String,
        /// The run that was to go forward, if it has begun.
        run: Option<RunId>,
    },
    /// This host cannot tell whether the window is open.
    #[error("{0}")]
    WindowUnusable(Failure),
    /// Another process is at work on this host.
    #[error("another runbook is at work on this host: {by}{}", since(.by, .run.as_ref()))]
    Held {
        /// It, as it says itself.
        by: Holder,
        /// The run that it has taken up.
        run: Option<RunId>,
    },
    /// A run that was to begin cannot have the id that it was given.
    #[error("the run cannot be called {}: {why}", .run.as_str())]
    Taken {
        /// The id.
        run: RunId,
        /// Why not.
        why: String,
    },
    /// No run and no backup of this host names such a file.
    #[error("this host has no {0}")]
    NotOffered(String),
    /// An earlier run has to be settled first.
    #[error(transparent)]
    Unsettled(#[from] Unsettled),
    /// The journal does not hold all that happened on this host.
    #[error("{}", lost(.0))]
    Lost(Vec<Gap>),
    /// Nothing was ever done here.
    #[error("no plan was ever applied here: there is no journal in {}", .dir.display())]
    NoJournal {
        /// The state directory.
        dir: PathBuf,
    },
    /// The journal holds no run.
    #[error("no plan was ever applied here")]
    NoRun,
    /// A name means nothing, or several things.
    #[error(transparent)]
    Name(#[from] Misnamed),
    /// The host is not as it has to be for this.
    #[error("{0}")]
    InTheWay(Box<InTheWay>),
    /// The journal did not take the beginning of a run, so there is none.
    #[error(transparent)]
    NotBegun(runbook_engine::Error),
    /// A run that came later changed the host too, and has to be taken back first.
    #[error("run {later} came after run {run} and {}", came(*.how))]
    Later {
        /// The run that was to be taken back.
        run: RunId,
        /// The one that came after it.
        later: RunId,
        /// How that one ended.
        how: Option<Verdict>,
    },
    /// The latest run left nothing to take back, and nobody named the one before it.
    #[error("the latest run, {latest} of {latest_plan}, left nothing to take back")]
    Unnamed {
        /// The latest run.
        latest: RunId,
        /// Its plan.
        latest_plan: String,
        /// The run before it that changed this host.
        run: RunId,
        /// Its plan.
        plan: String,
    },
    /// The run has ended, so it cannot go on.
    #[error("run {0} is over")]
    Over(RunId),
    /// This version does not understand the plan that was saved with a run.
    #[error("{}", runbook_engine::Error::Refused(.0.run.clone()))]
    NotUnderstood(Box<NotUnderstood>),
    /// This version does not understand a plan that came from another host.
    #[error("this host does not understand the plan {plan} as it came")]
    NotAdmitted {
        /// Its name.
        plan: String,
        /// What is wrong, and the texts that it is wrong in.
        found: Box<(Vec<Diagnostic>, SourceMap)>,
    },
    /// A service that was up before a crash is down.
    #[error("{0}")]
    Down(Failure),
    /// The run has no such step to approve.
    #[error("run {run} has no step `{step}` that waits for an approval")]
    NoGate {
        /// The run.
        run: RunId,
        /// What was named.
        step: String,
        /// The steps that can be approved.
        gates: Vec<StepId>,
    },
    /// The step is over, or its run is.
    #[error("step `{step}` of run {run} waits no longer")]
    WaitsNoLonger {
        /// The run.
        run: RunId,
        /// The step.
        step: StepId,
    },
    /// The plan, or what this run needs of it, has no verification: nothing would be proven that could be held.
    #[error("no verification of {0} has anything to prove, so there is nothing to hold")]
    NothingProven(String),
    /// The run does not hold: it is not there yet, it was committed, or it is over.
    #[error("run {run} does not hold: {why}")]
    HoldsNot {
        /// The run.
        run: RunId,
        /// How it is.
        why: String,
    },
    /// The run holds, and no process watches it that could end it.
    #[error("run {0} holds, and nobody is at work on it")]
    NobodyHolds(RunId),
    /// The run is open, and no process goes on with it that could hear what it is told.
    #[error("run {0} is open, and nobody is at work on it")]
    NobodyAtWork(RunId),
    /// What was sent makes no sense where the run is.
    #[error("run {run} does not take the {letter}: {because}")]
    NotTaken {
        /// The run.
        run: RunId,
        /// `commit`, `cancel`, `drain`.
        letter: &'static str,
        /// Why.
        because: String,
    },
    /// What was sent was taken by nobody, and was withdrawn.
    #[error("run {run} does not answer: the {letter} was withdrawn, and does not count")]
    Unanswered {
        /// The run.
        run: RunId,
        /// `commit`, `cancel`, `drain`.
        letter: &'static str,
    },
    /// What was sent was taken, and is not on record yet.
    #[error("run {run} took the {letter}, and it is not on record yet")]
    NotOnRecord {
        /// The run.
        run: RunId,
        /// `commit`, `cancel`, `drain`.
        letter: &'static str,
    },
    /// It cannot be sent; the run goes on as before.
    #[error("the {letter} cannot be given")]
    NotSent {
        /// `commit`, `cancel`, `drain`.
        letter: &'static str,
        /// Why not.
        source: runbook_engine::Error,
    },
    /// An approval cannot be written; the run still waits.
    #[error("the approval cannot be given")]
    NotApproved(#[source] runbook_engine::Error),
    /// A backup cannot be read.
    #[error("{backup} cannot be read: {why}")]
    BackupUnreadable {
        /// Its name.
        backup: String,
        /// Why not.
        why: String,
    },
    /// A backup does not hold a path.
    #[error("{} is not in the backup {backup}", .path.display())]
    NotInBackup {
        /// The path.
        path: PathBuf,
        /// The backup.
        backup: String,
    },
    /// Somebody uses what is to be put back.
    #[error("what is to be put back is in use, and its users may write over it:\n{}", lines(.0))]
    InUse(Vec<User>),
    /// Somebody uses what is to be put back who is no service, and is not stopped.
    #[error("what is to be put back is in use by what is no service, and is not stopped for you:\n{}", lines(.0))]
    InUseByOthers(Vec<User>),
    /// Somebody uses it although all services are stopped. They were started again.
    #[error("still in use: {}", .0.line())]
    StillInUse(User),
    /// The state directory or the journal refuses.
    #[error(transparent)]
    Journal(#[from] runbook_journal::Error),
    /// A run stopped without a verdict: its journal says how far it came.
    #[error(transparent)]
    Engine(#[from] runbook_engine::Error),
    /// Something on the host did not do what it should.
    #[error("{0}")]
    Failure(Failure),
    /// A backup cannot be used.
    #[error(transparent)]
    Backup(#[from] runbook_backup::Error),
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The journal holds an impossible order of records.
    #[error("the journal of this run is damaged: {0}")]
    Damaged(runbook_model::IllegalTransition),
}

/// An earlier run that keeps a new one from beginning: a second change on top would take its way back away.
#[derive(Debug, thiserror::Error)]
pub enum Unsettled {
    /// It was interrupted.
    #[error("run {run} of {plan} was interrupted and is still open")]
    Open {
        /// The run.
        run: RunId,
        /// Its plan.
        plan: String,
    },
    /// Its rollback did not come to its end.
    #[error("run {run} of {plan} is stuck, and nothing may change until that is settled")]
    Stuck {
        /// The run.
        run: RunId,
        /// Its plan.
        plan: String,
    },
    /// There may be one: the journal lost something.
    #[error("{}", lost(.0))]
    Lost(Vec<Gap>),
}

/// A saved plan that this version does not understand.
#[derive(Debug)]
pub struct NotUnderstood {
    /// The run that it was saved with.
    pub run: RunId,
    /// What is wrong.
    pub found: Vec<Diagnostic>,
    /// The texts that it is wrong in.
    pub sources: SourceMap,
}

impl Error {
    /// Why the lock or a claim cannot be taken.
    pub(crate) fn of_claim(error: runbook_journal::Error) -> Self {
        match error {
            runbook_journal::Error::Held(by) => Self::Held { by, run: None },
            other => Self::Journal(other),
        }
    }

    /// Whether it says that the journal knows no such run.
    pub fn is_no_such_run(&self) -> bool {
        matches!(self, Self::NoRun | Self::NoJournal { .. } | Self::Journal(runbook_journal::Error::NoSuchRun(_)))
    }

    /// What may stand in the way beside what certainly does; it is only told.
    pub fn doubtful(&self) -> &[Obstacle] {
        match self {
            Self::InTheWay(found) => &found.doubtful,
            _ => &[],
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<runbook_model::IllegalTransition> for Error {
    fn from(error: runbook_model::IllegalTransition) -> Self {
        Self::Damaged(error)
    }
}

fn lost(gaps: &[Gap]) -> impl fmt::Display {
    let told: Vec<&str> = gaps.iter().map(|gap| gap.what.as_str()).collect();
    format!("the journal does not hold all that happened on this host: {}", told.join("; "))
}

fn came(how: Option<Verdict>) -> &'static str {
    match how {
        Some(Verdict::Stuck) => "is stuck",
        None => "is still open",
        Some(_) => "changed this host too",
    }
}

fn lines(users: &[User]) -> String {
    users.iter().map(User::line).collect::<Vec<_>>().join("\n")
}

/// Since when somebody is at work, and on which run they are.
fn since(holder: &Holder, run: Option<&RunId>) -> String {
    let since = if holder.since > 0 { format!(", since {}", stamp(holder.since)) } else { String::new() };
    let run = run.map_or_else(String::new, |run| format!(", on run {run}"));
    since + &run
}

/// `2026-04-25 05:27:03 UTC` for milliseconds since 1970.
pub fn stamp(ms: i64) -> String {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX).strftime("%F %T UTC").to_string()
}
