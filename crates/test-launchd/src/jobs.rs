//! The jobs that are loaded, and what each subcommand does to them. Their processes are in `life.rs`.

use crate::definition::Definition;
use crate::wire::Answer;
use rustix::process::{Pid, Signal};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Which version's words are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// macOS 12 and later.
    Recent,
    /// macOS 10.14 and before.
    Old,
}

/// How long `bootout` waits before it comes back with "in progress".
const PATIENCE: Duration = Duration::from_millis(100);
/// How long a label is not free after its job has ended.
const HELD: Duration = Duration::from_millis(300);

/// A domain and a label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Target {
    pub(crate) domain: String,
    pub(crate) label: String,
}

/// A job that is loaded.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) definition: Definition,
    pub(crate) path: PathBuf,
    pub(crate) process: Option<Pid>,
    pub(crate) runs: u64,
    pub(crate) last_exit: Option<ExitStatus>,
    /// It could not be started at all: EX_CONFIG.
    pub(crate) misconfigured: bool,
    pub(crate) spawned: Option<Instant>,
    /// It was booted out, and its process ends.
    pub(crate) ending: bool,
    /// It is started anew as soon as its process has ended.
    pub(crate) restarting: bool,
}

/// Everything.
#[derive(Debug)]
pub(crate) struct Jobs {
    pub(crate) style: Style,
    pub(crate) inner: Mutex<Inner>,
    pub(crate) changed: Condvar,
}

#[derive(Debug, Default)]
pub(crate) struct Inner {
    pub(crate) jobs: BTreeMap<Target, Entry>,
    held: BTreeMap<Target, Instant>,
    /// By the database's own key: agents of a user have one for both of their domains.
    pub(crate) overrides: BTreeMap<Target, bool>,
}

impl Target {
    /// `gui/501/LABEL`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (domain, label) = text.rsplit_once('/')?;
        Some(Self { domain: domain.to_owned(), label: label.to_owned() })
    }

    pub(crate) fn database_key(&self) -> Self {
        Self { domain: database(&self.domain).to_owned(), label: self.label.clone() }
    }

    pub(crate) fn unknown(&self) -> Answer {
        let place = match self.domain.split_once('/') {
            Some((kind, uid)) => format!("domain for user {kind}: {uid}"),
            None => format!("domain for {}", self.domain),
        };
        Answer::failed(113, format!("Bad request.\nCould not find service \"{}\" in {place}", self.label))
    }
}

pub(crate) fn database(domain: &str) -> &str {
    domain.split_once('/').map_or(domain, |(_, uid)| uid)
}

impl Inner {
    /// Forgets a job whose process has ended; its label is not free at once.
    pub(crate) fn forget(&mut self, target: &Target) {
        self.jobs.remove(target);
        self.held.insert(target.clone(), Instant::now() + HELD);
    }

    fn is_disabled(&self, target: &Target, definition: &Definition) -> bool {
        self.overrides.get(&target.database_key()).copied().unwrap_or(definition.disabled)
    }
}

impl Jobs {
    pub(crate) fn new(style: Style) -> Arc<Self> {
        Arc::new(Self { style, inner: Mutex::default(), changed: Condvar::new() })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn bootstrap(self: &Arc<Self>, domain: &str, path: &Path) -> Answer {
        let io = || {
            Answer::failed(
                5,
                "Bootstrap failed: 5: Input/output error\nTry re-running the command as root for richer errors.",
            )
        };
        let Some(definition) = Definition::read(path) else { return io() };
        if path.metadata().is_ok_and(|found| found.permissions().mode() & 0o022 != 0) {
            return Answer::failed(122, "Bootstrap failed: 122: Path had bad ownership/permissions");
        }
        let target = Target { domain: domain.to_owned(), label: definition.label.clone() };
        let mut inner = self.lock();
        let busy = || Answer::failed(37, "Bootstrap failed: 37: Operation already in progress");
        match (inner.jobs.get(&target), self.style) {
            (Some(entry), _) if entry.ending => return busy(),
            (Some(_), Style::Recent) => return io(),
            (Some(_), Style::Old) => return busy(),
            (None, _) => {}
        }
        if inner.is_disabled(&target, &definition) {
            return match self.style {
                Style::Recent => Answer::failed(119, "Bootstrap failed: 119: Service is disabled"),
                Style::Old => io(),
            };
        }
        if inner.held.get(&target).is_some_and(|until| Instant::now() < *until) {
            return io();
        }
        let starts = definition.run_at_load;
        let entry = Entry {
            definition,
            path: path.to_owned(),
            process: None,
            runs: 0,
            last_exit: None,
            misconfigured: false,
            spawned: None,
            ending: false,
            restarting: false,
        };
        inner.jobs.insert(target.clone(), entry);
        if starts {
            self.spawn(&mut inner, &target);
        }
        Answer::default()
    }

    pub(crate) fn bootout(self: &Arc<Self>, target: &Target) -> Answer {
        let mut inner = self.lock();
        let in_progress = || Answer::failed(36, "Boot-out failed: 36: Operation now in progress");
        let Some(entry) = inner.jobs.get_mut(target) else {
            return Answer::failed(3, "Boot-out failed: 3: No such process");
        };
        if entry.ending {
            return in_progress();
        }
        if entry.process.is_none() {
            inner.forget(target);
            return Answer::default();
        }
        entry.ending = true;
        self.end(entry, target);
        let is_there = |inner: &mut Inner| inner.jobs.contains_key(target);
        let (inner, _) =
            self.changed.wait_timeout_while(inner, PATIENCE, is_there).unwrap_or_else(PoisonError::into_inner);
        if inner.jobs.contains_key(target) { in_progress() } else { Answer::default() }
    }

    pub(crate) fn kickstart(self: &Arc<Self>, target: &Target, kills: bool) -> Answer {
        let mut inner = self.lock();
        let Some(entry) = inner.jobs.get_mut(target) else { return target.unknown() };
        let limit = entry.definition.exit_timeout + Duration::from_secs(5);
        match entry.process {
            Some(_) if !kills => return Answer::default(),
            Some(_) => {
                entry.restarting = true;
                self.end(entry, target);
            }
            None => self.spawn(&mut inner, target),
        }
        let under_way = |inner: &mut Inner| inner.jobs.get(target).is_some_and(|entry| entry.restarting);
        let waited = self.changed.wait_timeout_while(inner, limit, under_way);
        drop(waited);
        Answer::default()
    }

    pub(crate) fn kill(&self, signal: &str, target: &Target) -> Answer {
        let inner = self.lock();
        let Some(entry) = inner.jobs.get(target) else { return target.unknown() };
        let signal = match signal.trim_start_matches("SIG") {
            "TERM" | "15" => Signal::TERM,
            "KILL" | "9" => Signal::KILL,
            "HUP" | "1" => Signal::HUP,
            other => return Answer::failed(64, format!("Unknown signal: {other}")),
        };
        match entry.process {
            Some(pid) => {
                let _ = rustix::process::kill_process(pid, signal);
                Answer::default()
            }
            None => Answer::failed(3, "No process to signal."),
        }
    }

    pub(crate) fn set_disabled(&self, target: &Target, disabled: bool) -> Answer {
        self.lock().overrides.insert(target.database_key(), disabled);
        Answer::default()
    }

    /// Ends everything at once.
    pub(crate) fn end_all(&self) {
        for entry in self.lock().jobs.values_mut() {
            entry.ending = true;
            if let Some(pid) = entry.process {
                let _ = rustix::process::kill_process_group(pid, Signal::KILL);
            }
        }
        let left = |inner: &mut Inner| !inner.jobs.values().all(|entry| entry.process.is_none());
        drop(self.changed.wait_timeout_while(self.lock(), Duration::from_secs(10), left));
    }
}
