//! What an error of the session costs, and what to type next: its exit code and its hint.

use crate::command_error::{CommandError, Exit, chain};
use crate::error::{Error, Unsettled};
use crate::naming::{Misnamed, Thing};
use crate::obstacles::{Attempt, InTheWay};
use runbook_engine::Obstacle;
use runbook_journal::Gap;
use runbook_model::{Code, Next, RunId, StepId, did_you_mean};
use std::path::Path;

impl From<Error> for CommandError {
    fn from(error: Error) -> Self {
        let warnings = error.doubtful().iter().map(warning).collect();
        let said = Self { hint: hint(&error), warnings, ..Self::new(exit(&error), message(&error)) };
        match error {
            Error::Unreadable(_) => said.code(Code::UNREADABLE),
            Error::UnknownEnvironment { .. } => said.code(Code::UNKNOWN_ENVIRONMENT),
            Error::NotAdmitted { found, .. } => Self { found: Some(found), ..said },
            Error::NotUnderstood(plan) => Self { found: Some(Box::new((plan.found, plan.sources))), ..said },
            _ => said,
        }
    }
}

/// What is said of something that may stand in the way.
pub fn warning(doubtful: &Obstacle) -> String {
    format!("warning: {}", doubtful.failure.message)
}

/// What keeps a plan from beginning, with the next action.
pub fn in_the_way(attempt: Attempt, certain: Vec<Obstacle>) -> CommandError {
    Error::InTheWay(Box::new(InTheWay { attempt, certain, doubtful: Vec::new() })).into()
}

fn exit(error: &Error) -> Exit {
    match error {
        Error::Held { .. } | Error::Unsettled(_) | Error::WindowClosed { .. } | Error::WindowUnusable(_) => Exit::Held,
        // A directory of others, in which no run ever was.
        Error::Journal(runbook_journal::Error::Foreign { .. }) => Exit::Refused,
        // What a journal holds that cannot be read, nobody knows.
        Error::Journal(damage) if damage.is_damage() => Exit::Stuck,
        Error::Lost(_) | Error::Down(_) => Exit::Stuck,
        Error::Engine(runbook_engine::Error::NoWayBack { .. } | runbook_engine::Error::NoWayOn { .. }) => Exit::Refused,
        Error::Engine(_) | Error::NotUnderstood(_) => Exit::Stopped,
        _ => Exit::Refused,
    }
}

fn message(error: &Error) -> String {
    match error {
        Error::Failure(failure) | Error::Down(failure) if !failure.detail.is_empty() => {
            format!("{}\n{}", failure.message, failure.detail)
        }
        _ => chain(error),
    }
}

fn hint(error: &Error) -> Option<String> {
    Some(match error {
        Error::Unreadable(failure) | Error::Failure(failure) | Error::Down(failure) => return failure.hint.clone(),
        Error::Backup(runbook_backup::Error::Io { doing, path, source }) => {
            return runbook_host::io_advice(doing, path, source);
        }
        Error::Engine(error) => return engine(error),
        Error::NotUnderstood(_) => either_way_of_an_error(),
        Error::NotAdmitted { .. } => "use the same version of runbook here and there".to_owned(),
        Error::Nowhere { .. } => "the current directory may have been removed; give the plan's full path".to_owned(),
        Error::UnknownEnvironment { name, base, known } => environments(name, base, known),
        Error::WindowClosed { opens, run: None, .. } => format!("it opens {opens}"),
        Error::WindowClosed { opens, run: Some(run), .. } => {
            let back = Next::Rollback(Some(run.clone()));
            format!("it opens {opens}; until then `{back}` takes back what was done")
        }
        Error::Held { .. } => format!("wait for it, or see what it does with `{}`", Next::Status),
        Error::Unsettled(Unsettled::Open { run, .. }) => either_way(run),
        Error::Unsettled(Unsettled::Stuck { run, .. }) => format!(
            "`{}` says what is left; then `{}` tries again, and `{}` closes it by hand",
            Next::Show(Some(run.clone())),
            Next::Rollback(Some(run.clone())),
            Next::Accept
        ),
        Error::Lost(gaps) | Error::Unsettled(Unsettled::Lost(gaps)) => lost(gaps),
        Error::NoJournal { .. } => "name another directory with --state-dir, or apply a plan".to_owned(),
        Error::Name(misnamed) => named(misnamed),
        Error::InTheWay(found) => mend(found),
        Error::NotBegun(_) => "the run did not begin; nothing was changed".to_owned(),
        Error::Later { later, .. } => {
            format!("take that one back first: `{}`", Next::Rollback(Some(later.clone())))
        }
        Error::Unnamed { run, plan, .. } => format!(
            "the run before it that changed this host is {run} of {plan}: `{}` takes it back",
            Next::Rollback(Some(run.clone()))
        ),
        Error::Over(run) => format!("`{}` tells how it ended", Next::Show(Some(run.clone()))),
        Error::NoGate { gates, .. } => match gates.as_slice() {
            [] => "there is none in its plan, so nothing waits for an approval".to_owned(),
            gates => format!("its gates are {}", gates.iter().map(StepId::as_str).collect::<Vec<_>>().join(", ")),
        },
        Error::NothingProven(_) => "add a step `verify.signals`, or apply it without --commit-within".to_owned(),
        Error::HoldsNot { run, .. } => format!("`{}` tells how it is", Next::Show(Some(run.clone()))),
        Error::NobodyHolds(run) => {
            let (resume, commit) = (Next::Resume(Some(run.clone())), Next::Commit(run.clone()));
            let back = Next::Rollback(Some(run.clone()));
            format!(
                "`{resume}` holds it on while its time lasts, and then `{commit}` keeps it; when the time is over `{resume}` takes it \
                 back, and so does `{back}` at any time"
            )
        }
        Error::NobodyAtWork(run) => format!(
            "`{}` goes on with it, `{}` takes it back",
            Next::Resume(Some(run.clone())),
            Next::Rollback(Some(run.clone()))
        ),
        Error::NotTaken { run, .. } => format!("`{}` tells how it is", Next::Show(Some(run.clone()))),
        Error::Unanswered { .. } => format!("see with `{}` whether it is at work, and say it again", Next::Status),
        Error::NotOnRecord { run, .. } => {
            format!("`{}` tells whether it came on record", Next::Show(Some(run.clone())))
        }
        Error::NotSent { .. } => "say it again; the run goes on as before".to_owned(),
        Error::NotApproved(_) => "approve again; the run still waits".to_owned(),
        Error::InUse(_) => "`--stop` stops the services, puts it back, starts them and looks whether they are up; \
             `--while-running` goes ahead all the same"
            .to_owned(),
        Error::InUseByOthers(_) => "end it, then say it again; `--while-running` goes ahead all the same".to_owned(),
        Error::WindowUnusable(_)
        | Error::NoRun
        | Error::NotOffered(_)
        | Error::Taken { .. }
        | Error::WaitsNoLonger { .. }
        | Error::BackupUnreadable { .. }
        | Error::NotInBackup { .. }
        | Error::StillInUse(_)
        | Error::Journal(_)
        | Error::Backup(_)
        | Error::Io(_)
        | Error::Damaged(_) => return None,
    })
}

/// What is said of an open run.
pub fn either_way(run: &RunId) -> String {
    let (resume, rollback) = (Next::Resume(Some(run.clone())), Next::Rollback(Some(run.clone())));
    format!("`{resume}` goes on with it, `{rollback}` takes it back")
}

fn either_way_of_an_error() -> String {
    format!("`{}` tells where the run is; `{}` goes on", Next::Status, Next::Resume(None))
}

fn engine(error: &runbook_engine::Error) -> Option<String> {
    let show = |run: &RunId| Next::Show(Some(run.clone()));
    match error {
        runbook_engine::Error::NoWayBack { run, .. } => Some(format!(
            "put a copy of it in its place and try again, or go by hand: `{}` tells what each step changed",
            show(run)
        )),
        runbook_engine::Error::NoWayOn { run, .. } => Some(format!(
            "put a copy of it in its place and resume again; `{}` tells what each step changed, and `{}` closes the run \
             by hand",
            show(run),
            Next::Accept
        )),
        runbook_engine::Error::Files { .. } => Some(
            "make room or give access there, or choose another directory with --state-dir; then apply again".to_owned(),
        ),
        _ => Some(either_way_of_an_error()),
    }
}

fn environments(name: &str, base: &Path, known: &[String]) -> String {
    match did_you_mean(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => {
            format!("make {}", base.join("environments").join(format!("{name}.yaml")).display())
        }
        None => format!("there are {}", known.join(", ")),
    }
}

fn lost(gaps: &[Gap]) -> String {
    let known = gaps.iter().find(|gap| gap.loss == runbook_journal::Loss::Records).and_then(|gap| gap.run.as_ref());
    let back =
        known.map(|run| format!("`{}` takes back what is known of that run; ", Next::RollbackKnown(run.clone())));
    format!(
        "{}look at the host, and at what `{}` has; when it is as it should be, `{}` closes this",
        back.unwrap_or_default(),
        Next::Backups,
        Next::Accept
    )
}

fn named(misnamed: &Misnamed) -> String {
    let list = match misnamed.what() {
        Thing::Run => Next::History,
        Thing::Backup => Next::Backups,
    };
    match misnamed {
        Misnamed::Unknown { near: Some(near), .. } => format!("did you mean `{near}`? `{list}` lists them"),
        Misnamed::Empty { .. } | Misnamed::Unknown { .. } => format!("`{list}` lists them"),
        Misnamed::Ambiguous { .. } => format!("write more of the name; `{list}` lists all"),
    }
}

/// The next action of the first obstacle, and what else there is to do.
fn mend(found: &InTheWay) -> String {
    let first = found.certain.first().and_then(|one| one.failure.hint.as_deref());
    let first = first.map_or_else(String::new, |hint| format!("{hint}; "));
    let rest = match &found.attempt {
        Attempt::Apply => "nothing was changed".to_owned(),
        Attempt::Undo { .. } => "then try again".to_owned(),
        Attempt::GoOn { run, can_go_back: false, .. } => format!(
            "`{}` tells what each step changed, and `{}` closes the run by hand",
            Next::Show(Some(run.clone())),
            Next::Accept
        ),
        Attempt::GoOn { run, touched, .. } => {
            let back = Next::Rollback(Some(run.clone()));
            let touched: Vec<String> = touched.iter().map(|step| format!("`{step}`")).collect();
            match touched.is_empty() {
                true => format!("or `{back}` closes the run"),
                false => format!("or `{back}` takes back {}", touched.join(", ")),
            }
        }
    };
    format!("{first}{rest}")
}
