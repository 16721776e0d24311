//! Loading, ending and restarting a job, and believing it only when launchd and the job's processes show it.
//!
//! `launchctl bootout` comes back while the job still ends (36), and for some seconds afterwards launchd refuses to load
//! the same label again (5, 37). So every one of these waits for what it is about, not for `launchctl`.

use super::print::UNKNOWN;
use super::{Definition, Job, JobState};
use crate::manner::Manner;
use crate::waits::{self, LOOK};
use runbook_host::{Host, Identity, Output, Reader};
use runbook_model::{Failure, FailureKind};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a process that was killed may take to be gone.
const LEAVES: Duration = Duration::from_secs(5);
/// How long launchd may hold on to a label after its job has ended.
const LETS_GO: Duration = Duration::from_secs(20);
/// How long launchd may take to start a job that it has loaded, before it is told to.
const STARTS: Duration = Duration::from_secs(3);

/// EIO: a label that is not free yet, a job that is loaded, one that is disabled, or a property list that launchd dislikes.
const IO: i32 = 5;
/// EINPROGRESS: the job still ends.
const IN_PROGRESS: i32 = 36;
/// EALREADY: the job is loaded, or still ends.
const ALREADY: i32 = 37;

impl Job {
    /// Its state, if it is loaded; else what to do.
    pub fn loaded(&self, host: &Reader) -> Result<JobState, Failure> {
        self.state(host)?.ok_or_else(|| {
            Failure::missing(format!("{self} is not loaded in {}", self.domain(host)))
                .hint("correct `label` or `domain`, or load it with `launchd.bootstrap`")
        })
    }

    /// Loads it from the property list at `plist`, and waits until it stays up if that says that it runs from then on.
    pub fn bootstrap(&self, host: &Host, plist: &Path, manner: Manner) -> Result<JobState, Failure> {
        let definition = Definition::of(host, plist, &self.label)?;
        let state = self.bring_in(host, plist, &definition)?;
        if definition.starts_when_loaded { self.comes_up(host, 0, manner.settle) } else { Ok(state) }
    }

    /// Loads it from the property list at `plist`, which says this, and waits for nothing.
    pub(super) fn bring_in(&self, host: &Host, plist: &Path, definition: &Definition) -> Result<JobState, Failure> {
        self.refuse_disabled(host, definition)?;
        if self.state(host)?.is_none() {
            self.note_start(host, definition.stdout.as_deref(), definition.stderr.as_deref())?;
            self.load(host, plist)?;
        }
        self.loaded(host)
    }

    /// Ends it and makes launchd forget it, with every process that it started. Whether it was loaded.
    pub fn bootout(&self, host: &Host, manner: Manner) -> Result<bool, Failure> {
        let Some(before) = self.state(host)? else { return Ok(false) };
        let members = self.members(host, &before)?;
        let target = self.target(host);
        let output = host.run(&Self::launchctl(&["bootout", &target]))?;
        // It has its own time to end, and launchd some to notice.
        let until = Instant::now() + before.exit_timeout + LETS_GO;
        while let Some(state) = self.state(host)? {
            if !is_under_way(&output) || Instant::now() >= until {
                let what =
                    format!("{self} is {} after `launchctl bootout {target}`, {}", state.words(), output.ending());
                let kind = if is_under_way(&output) { FailureKind::TimedOut } else { FailureKind::Failed };
                return Err(Failure { kind, ..self.explained(host, &state, &what) }.detail(output.tail()));
            }
            host.pause(LOOK)?;
        }
        if !manner.leave_processes {
            self.all_gone(host, &members)?;
        }
        Ok(true)
    }

    /// Starts it anew; nothing of what ran before may be left. It must be loaded.
    pub fn restart(&self, host: &Host, manner: Manner) -> Result<JobState, Failure> {
        let before = self.loaded(host)?;
        let members = self.members(host, &before)?;
        self.note_start(host, before.stdout.as_deref(), before.stderr.as_deref())?;
        host.run_well(&Self::launchctl(&["kickstart", "-k", &self.target(host)]))?;
        // launchd may hand out the old number for as long as the old process ends.
        let main = before.pid.and_then(|pid| members.iter().find(|member| member.pid == pid));
        if let Some(main) = main
            && !host.wait_gone(main, before.exit_timeout + LETS_GO)?
        {
            let what = format!("{self} still runs what it ran before, {main}, after it was told to start anew");
            return Err(self.explained(host, &before, &what));
        }
        let state = self.comes_up(host, before.runs, manner.settle)?;
        if !manner.leave_processes {
            self.all_gone(host, &members)?;
        }
        Ok(state)
    }

    /// Starts it, if it is loaded and does not run, and waits until it stays up.
    pub fn start(&self, host: &Host, manner: Manner) -> Result<JobState, Failure> {
        let before = self.loaded(host)?;
        self.note_start(host, before.stdout.as_deref(), before.stderr.as_deref())?;
        host.run_well(&Self::launchctl(&["kickstart", &self.target(host)]))?;
        let runs = if before.pid.is_some() { before.runs.saturating_sub(1) } else { before.runs };
        self.comes_up(host, runs, manner.settle)
    }

    /// Its main process; `None` if it has none that is alive.
    pub fn main(host: &Reader, state: &JobState) -> Result<Option<Identity>, Failure> {
        let process = state.pid.map(|pid| host.process(pid)).transpose()?.flatten();
        Ok(process.filter(|process| !process.ended).map(|process| process.identity))
    }

    /// Its main process and all that this one started, the main one first.
    pub fn members(&self, host: &Reader, state: &JobState) -> Result<Vec<Identity>, Failure> {
        let Some(main) = Self::main(host, state)? else { return Ok(Vec::new()) };
        let children = host.descendants(main.pid)?.into_iter().map(|process| process.identity);
        Ok(std::iter::once(main.clone()).chain(children).collect())
    }

    /// A failure if launchd would not load it.
    pub fn refuse_disabled(&self, host: &Reader, definition: &Definition) -> Result<(), Failure> {
        if !self.is_disabled(host, Some(definition))? {
            return Ok(());
        }
        Err(Failure::refused(format!("{self} is disabled in {}, so launchd does not load it", self.domain(host)))
            .hint("enable it with `launchd.enable` first, if it is not disabled for a reason"))
    }

    fn load(&self, host: &Host, plist: &Path) -> Result<(), Failure> {
        let command = Self::launchctl(&["bootstrap", &self.domain(host).to_string(), &plist.to_string_lossy()]);
        let refused = |output: &Output| matches!(output.status.code(), Some(IO | IN_PROGRESS | ALREADY));
        let again = |output: &Output| Ok(refused(output) && self.state(host)?.is_none());
        let output = host.run_until(&command, LOOK, LETS_GO, &again)?;
        if output.status.success() || (refused(&output) && self.state(host)?.is_some()) {
            return Ok(());
        }
        let message = format!("launchd does not load {self}: `{}` ended with {}", command.line(), output.ending());
        Err(Failure::failed(message).detail(output.tail()).hint(format!(
            "the file has to belong to the user of the domain and be writable by nobody else; launchd's own reason is in \
             `log show --last 5m --predicate 'process == \"launchd\"'`, the file is {}",
            plist.display()
        )))
    }

    /// Waits until it has a process that stays the same for as long as `settle`, or is a command that ended well. It
    /// was started `runs` times before.
    fn comes_up(&self, host: &Host, runs: u64, settle: Duration) -> Result<JobState, Failure> {
        let mut told = false;
        let mut until = Instant::now() + STARTS;
        let mut state = self.loaded(host)?;
        while state.pid.is_none() {
            if state.runs > runs && self.is_over(host, &state)? {
                return Ok(state);
            }
            if state.last_exit.is_some() && state.runs > runs {
                return Err(self.explained(host, &state, &format!("{self} did not stay up")));
            }
            if Instant::now() >= until {
                if told {
                    return Err(self.explained(host, &state, &format!("{self} is {} and is not started", state.word)));
                }
                // A domain may hold back what is to run when it is loaded.
                host.run_well(&Self::launchctl(&["kickstart", &self.target(host)]))?;
                (told, until) = (true, Instant::now() + STARTS);
            }
            host.pause(LOOK)?;
            state = self.loaded(host)?;
        }
        let ended = match Self::main(host, &state)? {
            Some(main) => waits::ends_within(host, &main, settle)?,
            None => true,
        };
        let other = |now: &JobState| !ended || now.pid != state.pid || now.runs != state.runs;
        let now = waits::noticed(host, || self.loaded(host), other)?;
        if (!ended && now.pid == state.pid && now.runs == state.runs) || self.is_over(host, &now)? {
            return Ok(now);
        }
        Err(self.explained(host, &now, &format!("{self} did not stay up")))
    }

    /// Whether it is a command that ended well, and stays ended: one that is always started again goes in circles.
    fn is_over(&self, host: &Reader, state: &JobState) -> Result<bool, Failure> {
        if !state.has_run() {
            return Ok(false);
        }
        let definition = state.plist.as_deref().map(|plist| Definition::at(host, plist)).transpose()?.flatten();
        Ok(!definition.is_some_and(|definition| definition.respawns))
    }

    /// Fails, naming each, if one of these processes is still there after a moment.
    fn all_gone(&self, host: &Host, members: &[Identity]) -> Result<(), Failure> {
        waits::all_gone(host, members, LEAVES, |count| {
            Failure::failed(format!("{self} was ended and left {count} behind"))
                .hint("end them by their numbers, or say `leave_processes: true` if they are meant to go on")
        })
    }
}

/// Whether a bootout did what it should, or is about to.
fn is_under_way(output: &Output) -> bool {
    output.status.success() || output.status.code().is_some_and(|code| code == IN_PROGRESS || UNKNOWN.contains(&code))
}
