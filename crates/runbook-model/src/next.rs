//! The commands that go on from here, as data. This is the one place that writes them and reads them back.
//!
//! A record, a hint and a message hold a command as [`Next`] writes it, which names no state directory: a journal outlives
//! the call that wrote it. The screen or page that shows one says with a [`Caller`] how it is typed here and now.

use crate::{RunId, StepId};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A command that a message names as the next action, or as the place where more is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Tells what blocks this host.
    Status,
    /// Lists the runs.
    History,
    /// Lists the backups.
    Backups,
    /// Removes backups past their retention.
    PruneBackups,
    /// Closes by hand what is stuck, open or lost.
    Accept,
    /// Goes on with the run; with the open one if none is named.
    Resume(Option<RunId>),
    /// Takes the run back; the latest one if none is named.
    Rollback(Option<RunId>),
    /// Takes back what is known of a run whose end the journal lost.
    RollbackKnown(RunId),
    /// Tells all about the run; about the latest one if none is named.
    Show(Option<RunId>),
    /// Prints the report of the run; of the latest one if none is named.
    Report(Option<RunId>),
    /// Keeps what the run holds.
    Commit(RunId),
    /// Lets the run pass a step that waits.
    Approve(RunId, StepId),
    /// Lists the attempts at rollouts that are led from here.
    Rollouts,
    /// Tells how the last attempt at the rollout of that name stands.
    ShowRollout(String),
    /// Prints its report.
    ReportRollout(String),
    /// Takes it back.
    RollBackRollout(String),
    /// Goes on with the last attempt at the rollout of that name.
    ResumeRollout(String),
    /// Ends it; what is at work goes back.
    CancelRollout(String),
    /// Shows what a plan would do. No record holds it, and so it is not read back.
    DryRun(PathBuf),
}

impl Next {
    fn words(&self) -> String {
        let of = |verb: &str, run: &Option<RunId>| match run {
            Some(run) => format!("{verb} {run}"),
            None => verb.to_owned(),
        };
        match self {
            Self::Status => "status".to_owned(),
            Self::History => "history".to_owned(),
            Self::Backups => "backup list".to_owned(),
            Self::PruneBackups => "backup prune".to_owned(),
            Self::Accept => "recover --accept BECAUSE".to_owned(),
            Self::Resume(run) => of("resume", run),
            Self::Rollback(run) => of("rollback", run),
            Self::RollbackKnown(run) => format!("rollback {run} --known"),
            Self::Show(run) => of("show", run),
            Self::Report(run) => of("report", run),
            Self::Commit(run) => format!("commit {run}"),
            Self::Approve(run, step) => format!("approve {run} {step}"),
            Self::Rollouts => "rollout list".to_owned(),
            Self::ShowRollout(name) => format!("rollout show {name}"),
            Self::ReportRollout(name) => format!("rollout report {name}"),
            Self::RollBackRollout(name) => format!("rollout rollback {name}"),
            Self::ResumeRollout(name) => format!("rollout resume {name}"),
            Self::CancelRollout(name) => format!("rollout cancel {name}"),
            Self::DryRun(plan) => format!("apply {} --dry-run", quoted(plan)),
        }
    }

    /// The command that `text` is, as `Display` writes it.
    fn read(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.strip_prefix("runbook ")?.split(' ').collect();
        Some(match words.as_slice() {
            ["status"] => Self::Status,
            ["history"] => Self::History,
            ["backup", "list"] => Self::Backups,
            ["backup", "prune"] => Self::PruneBackups,
            // Journals of older versions have it without the reason.
            ["recover", "--accept"] | ["recover", "--accept", "BECAUSE"] => Self::Accept,
            ["rollback", run, "--known"] => Self::RollbackKnown(RunId::new(run)?),
            ["rollout", "list"] => Self::Rollouts,
            ["rollout", "show", name] => Self::ShowRollout((*name).to_owned()),
            ["rollout", "report", name] => Self::ReportRollout((*name).to_owned()),
            ["rollout", "rollback", name] => Self::RollBackRollout((*name).to_owned()),
            ["rollout", "resume", name] => Self::ResumeRollout((*name).to_owned()),
            ["rollout", "cancel", name] => Self::CancelRollout((*name).to_owned()),
            ["commit", run] => Self::Commit(RunId::new(run)?),
            ["approve", run, step] => Self::Approve(RunId::new(run)?, StepId::new(step)?),
            [verb, run @ ..] => {
                let run = match run {
                    [] => None,
                    [run] => Some(RunId::new(run)?),
                    _ => return None,
                };
                match *verb {
                    "resume" => Self::Resume(run),
                    "rollback" => Self::Rollback(run),
                    "show" => Self::Show(run),
                    "report" => Self::Report(run),
                    _ => return None,
                }
            }
            [] => return None,
        })
    }
}

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Caller::default().command(self))
    }
}

impl Serialize for Next {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Next {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::read(&text)
            .ok_or_else(|| de::Error::custom(format_args!("`{text}` is no command that goes on from here")))
    }
}

/// How `runbook` has to be called here, so that a command means the state directory that this call means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// As a shell reads it; `None` where a command without it means the same one.
    state_dir: Option<String>,
    /// Which host, as flags; `None` for this one.
    host: Option<String>,
}

impl Caller {
    /// One that has to name its state directory; `path` is absolute.
    pub fn naming(path: &Path) -> Self {
        Self { state_dir: Some(quoted(path)), host: None }
    }

    /// The same for a host of an inventory; without a file that is the one that is found from here.
    #[must_use]
    pub fn on(self, host: &str, inventory: Option<&Path>) -> Self {
        let file = inventory.map(|file| format!(" --inventory {}", quoted(file))).unwrap_or_default();
        Self { host: Some(format!("--host {host}{file}")), ..self }
    }

    /// Whether a command is typed as the journal has it.
    pub fn is_bare(&self) -> bool {
        self.state_dir.is_none() && self.host.is_none()
    }

    /// The command as it is typed into a shell, on one line and without a backtick.
    pub fn command(&self, next: &Next) -> String {
        let dir = self.state_dir.as_ref().map(|dir| format!("--state-dir {dir} ")).unwrap_or_default();
        let host = self.host.as_ref().map(|host| format!(" {host}")).unwrap_or_default();
        format!("runbook {dir}{}{host}", next.words())
    }

    /// `text` with every command in it as it is typed: the whole text, or what stands between two backticks.
    pub fn spell(&self, text: &str) -> String {
        if let Some(next) = Next::read(text) {
            return self.command(&next);
        }
        let parts: Vec<&str> = text.split('`').collect();
        // A name in the text may have a backtick, so that nobody knows which of them open.
        let between = |nth: usize| nth > 0 && nth + 1 < parts.len();
        let typed = parts.iter().enumerate().map(|(nth, part)| match Next::read(part).filter(|_| between(nth)) {
            Some(next) => self.command(&next),
            None => (*part).to_owned(),
        });
        typed.collect::<Vec<_>>().join("`")
    }
}

/// A path as one word of a shell. What would not be shown as it is, or would end a code span, is written as a number.
fn quoted(path: &Path) -> String {
    let is_harmless = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%".contains(c);
    let is_shown = |c: char| c != '`' && (c == ' ' || c.is_ascii_graphic() || (!c.is_ascii() && c.is_alphanumeric()));
    match path.to_str() {
        Some(text) if !text.is_empty() && text.chars().all(is_harmless) => text.to_owned(),
        Some(text) if text.chars().all(is_shown) => format!("'{}'", text.replace('\'', r"'\''")),
        _ => {
            let byte = |byte: &u8| match byte {
                b' '..=b'~' if !br"\'`".contains(byte) => char::from(*byte).to_string(),
                byte => format!("\\{byte:03o}"),
            };
            format!("$'{}'", path.as_os_str().as_bytes().iter().map(byte).collect::<String>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Next> {
        let (run, step) = (RunId::new("7k2m").unwrap(), StepId::new("go-on").unwrap());
        let of = |make: fn(Option<RunId>) -> Next| [make(None), make(Some(run.clone()))];
        let mut all = vec![Next::Status, Next::History, Next::Backups, Next::PruneBackups, Next::Accept];
        all.extend([Next::Resume, Next::Rollback, Next::Show, Next::Report].into_iter().flat_map(of));
        all.extend([Next::RollbackKnown(run.clone()), Next::Commit(run.clone()), Next::Approve(run, step)]);
        let name = || "openclaw-4.23".to_owned();
        all.extend([Next::Rollouts, Next::ResumeRollout(name()), Next::CancelRollout(name())]);
        all.extend([Next::ShowRollout, Next::ReportRollout, Next::RollBackRollout].map(|next| next(name())));
        all
    }

    #[test]
    fn what_a_journal_holds_is_typed_as_the_caller_has_to() {
        let caller = Caller::naming(Path::new("/x y"));
        for next in all() {
            let (kept, typed) = (next.to_string(), caller.command(&next));
            assert_eq!(Next::read(&kept).as_ref(), Some(&next));
            assert_eq!(typed, kept.replacen("runbook ", "runbook --state-dir '/x y' ", 1));
            assert_eq!(caller.spell(&kept), typed);
            assert_eq!(caller.spell(&format!("see `{kept}`; or `df`")), format!("see `{typed}`; or `df`"));
            assert_eq!(caller.spell(&typed), typed);
            assert_eq!(Caller::default().spell(&format!("see `{kept}`")), format!("see `{kept}`"));
        }
    }

    #[test]
    fn a_backtick_in_a_name_hides_no_command() {
        let typed = Caller::naming(Path::new("/x")).spell("cannot read /a`b: `runbook status` tells");
        assert_eq!(typed, "cannot read /a`b: `runbook --state-dir /x status` tells");
    }

    #[test]
    fn other_text_stays() {
        let caller = Caller::naming(Path::new("/x"));
        for text in
            ["", "`runbook steps`", "runbook rollback UP", "after runbook status, `runbook", "`runbook show a b`"]
        {
            assert_eq!(caller.spell(text), text);
        }
    }

    #[test]
    fn a_path_is_one_word_on_one_line() {
        for (path, word) in [
            ("/var/lib/run-book", "/var/lib/run-book"),
            ("/x y", "'/x y'"),
            ("/it's", r"'/it'\''s'"),
            ("/$HOME/*", "'/$HOME/*'"),
            ("/jörg", "'/jörg'"),
            ("/a\nb`c'\\", r"$'/a\012b\140c\047\134'"),
            ("/a\u{202e}b", r"$'/a\342\200\256b'"),
        ] {
            assert_eq!(quoted(Path::new(path)), word);
        }
    }
}
