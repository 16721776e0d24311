//! Jobs: what systemd is asked to do with a unit, and the result that it gives.
//!
//! Over D-Bus the result is a word of its own. Without a bus `systemctl` waits for the same job, and says in a sentence
//! how it ended.

use super::Unit;
use super::bus::{BusAnswer, unit_job};
use runbook_host::{Command, Host};
use runbook_model::{Failure, FailureKind};

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Brings a unit up.
    Start,
    /// Brings it down.
    Stop,
    /// Brings it down and up in one job, with the units that go down and up with it.
    Restart,
    /// Asks what runs to read its configuration again.
    Reload,
}

/// How a job ended (`JobRemoved` in org.freedesktop.systemd1(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobResult {
    /// It did what it was for.
    Done,
    /// Another job took its place, or somebody cancelled it.
    Cancelled,
    /// The job's own time was up.
    TimedOut,
    /// The unit failed.
    Failed,
    /// A unit that this one needs could not be started.
    Dependency,
    /// There was nothing to do in the unit's state.
    Skipped,
    /// Anything else, in systemd's word.
    Other(String),
}

impl Verb {
    /// `start`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Reload => "reload",
        }
    }

    /// What becomes of jobs that contradict this one. A start that is asked for while a unit goes down would cancel the stop.
    fn mode(self) -> &'static str {
        match self {
            Self::Stop => "replace-irreversibly",
            Self::Start | Self::Restart | Self::Reload => "replace",
        }
    }

    fn method(self) -> &'static str {
        match self {
            Self::Start => "StartUnit",
            Self::Stop => "StopUnit",
            Self::Restart => "RestartUnit",
            Self::Reload => "ReloadUnit",
        }
    }
}

impl JobResult {
    fn of_word(word: &str) -> Self {
        match word {
            "done" => Self::Done,
            "canceled" => Self::Cancelled,
            "timeout" => Self::TimedOut,
            "failed" => Self::Failed,
            "dependency" => Self::Dependency,
            "skipped" => Self::Skipped,
            other => Self::Other(other.to_owned()),
        }
    }

    /// From what `systemctl` says of a job that it waited for and that was not done.
    fn of_sentence(text: &str) -> Self {
        let says = |what: &str| text.contains(what);
        if says("A dependency job for") {
            Self::Dependency
        } else if says(" canceled.") {
            Self::Cancelled
        } else if says(" timed out.") {
            Self::TimedOut
        } else if says(" is not active, cannot reload.") || says(" skipped.") {
            Self::Skipped
        } else if says("Assertion failed on job") {
            Self::Other("assert".to_owned())
        } else {
            Self::Failed
        }
    }

    /// What it means for somebody who waits, after "the job to start a.service".
    pub fn words(&self) -> String {
        match self {
            Self::Done => "is done".to_owned(),
            Self::Cancelled => "was cancelled, or another one took its place".to_owned(),
            Self::TimedOut => "took longer than its JobTimeoutSec=".to_owned(),
            Self::Failed => "failed".to_owned(),
            Self::Dependency => "was given up: a unit that it needs did not come up".to_owned(),
            Self::Skipped => "was skipped, for there is nothing to do in the state that it is in".to_owned(),
            Self::Other(word) => format!("ended with `{word}`"),
        }
    }
}

impl Unit {
    /// Asks for a job and waits until it is over, over the bus or, where there is none, with `systemctl`.
    pub fn job(&self, host: &Host, verb: Verb) -> Result<JobResult, Failure> {
        self.needs_systemd(host)?;
        match unit_job(host, self.user, (verb.method(), verb.mode()), &self.name)? {
            BusAnswer::Over(word) => Ok(JobResult::of_word(&word)),
            BusAnswer::Refused(error, text) => Err(self.refused(verb, &error, &text)),
            BusAnswer::NoBus => self.job_by_systemctl(host, verb),
        }
    }

    fn job_by_systemctl(&self, host: &Host, verb: Verb) -> Result<JobResult, Failure> {
        // It waits for the job as long as that takes: the limit is the step's own.
        let mode = format!("--job-mode={}", verb.mode());
        let command = Command { limit: None, ..self.systemctl_for(host, &[&mode, verb.word()], &[&self.name]) };
        let output = host.run(&command)?;
        if output.status.success() {
            return Ok(JobResult::Done);
        }
        let said = output.tail();
        match said.lines().find(|line| line.starts_with("Failed to ")) {
            Some(line) => Err(self.refused(verb, error_of(line), line)),
            None => Ok(JobResult::of_sentence(&said)),
        }
    }

    /// systemd made no job.
    fn refused(&self, verb: Verb, error: &str, text: &str) -> Failure {
        let failure = |kind| Failure::new(kind, format!("systemd does not {} {self}: {text}", verb.word()));
        match error.rsplit('.').next().unwrap_or_default() {
            "NoSuchUnit" | "LoadFailed" => failure(FailureKind::Missing).hint(self.correct_the_name()),
            "UnitMasked" => failure(FailureKind::Refused).hint(format!("`systemctl unmask {self}` lifts the mask")),
            "AccessDenied" | "InteractiveAuthorizationRequired" => failure(FailureKind::Missing)
                .hint("run as root, or as a user whom polkit lets manage units; for a unit of your own, `user: true`"),
            _ => failure(FailureKind::Failed).hint(format!("`systemctl status {self}` shows its state")),
        }
    }

    /// What to do about a unit that is not there.
    pub fn correct_the_name(&self) -> String {
        let scope = if self.user { "--user " } else { "" };
        format!(
            "correct `unit`, or write its file with `systemd.unit-file`; `systemctl {scope}list-unit-files` has all"
        )
    }
}

/// The name of the error behind a sentence of `systemctl`.
fn error_of(line: &str) -> &'static str {
    let says = |what: &str| line.contains(what);
    if says(" not found") {
        "NoSuchUnit"
    } else if says(" is masked") {
        "UnitMasked"
    } else if says("Access denied") || says("authentication required") || says("Permission denied") {
        "AccessDenied"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_know_the_same_results() {
        for (word, sentence) in [
            ("canceled", "Job for a.service canceled."),
            ("timeout", "Job for a.service timed out."),
            ("dependency", "A dependency job for a.service failed. See 'journalctl -xe' for details."),
            ("failed", "Job for a.service failed because the control process exited with error code."),
            ("failed", "Job for a.service failed because a timeout was exceeded."),
            ("assert", "Assertion failed on job for a.service."),
            ("skipped", "a.service is not active, cannot reload."),
        ] {
            assert_eq!(JobResult::of_word(word), JobResult::of_sentence(sentence), "{sentence}");
        }
    }

    #[test]
    fn what_systemctl_refuses_has_the_name_of_its_error() {
        for (line, error) in [
            ("Failed to start a.service: Unit a.service not found.", "NoSuchUnit"),
            ("Failed to start a.service: Unit a.service is masked.", "UnitMasked"),
            ("Failed to start a.service: Access denied", "AccessDenied"),
            ("Failed to start a.service: Interactive authentication required.", "AccessDenied"),
            ("Failed to start a.service: Transport endpoint is not connected", ""),
        ] {
            assert_eq!(error_of(line), error);
        }
    }
}
