//! Keeping a unit down from a stop to the start behind it or to the end of the run, against everybody who asks for it: a client of its socket, a timer, the
//! bus, a cron job.
//!
//! A drop-in in the runtime directory of units asserts that a link beside it leads nowhere, and the link leads to the process
//! of this `runbook`. So it ends with that process, also with one that was killed, and a reboot takes it away: nothing has to
//! be lifted for the unit to start again. And it ends at once when the link goes, before systemd reads its files again.

use super::{Load, Unit, UnitState};
use crate::undo_data;
use runbook_host::{Host, Reader};
use runbook_model::{Caller, Failure, Next};
use runbook_step::Work;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The drop-in; asserts of a unit add up, so its place among the others does not matter.
const NAME: &str = "zz-runbook-keeps-it-down.conf";
/// The link; systemd reads no file of this name.
const LINK: &str = "runbook";

/// The ending of the file with what is owed to a unit.
const OWED: &str = "owed.json";

/// What a run took down with a unit, and owes until the unit comes up: kept beside the journal, so that it outlives a crash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    /// The directory of the run.
    run: PathBuf,
    /// The units that start it and were active.
    pub triggers: Vec<String>,
}

impl Unit {
    /// What this run owes to the unit; `None` if it has not taken it down.
    pub fn owed(&self, work: &Work<'_>) -> Result<Option<Owed>, Failure> {
        let owed: Option<Owed> = undo_data::kept(work.host, &self.own_path(work.host, OWED))?;
        Ok(owed.filter(|owed| owed.run == run_of(work)))
    }

    /// Notes, before any of it happens, that this run takes the unit down with `triggers`.
    pub(super) fn owe(&self, work: &Work<'_>, triggers: &[String]) -> Result<Owed, Failure> {
        let mut owed = self.owed(work)?.unwrap_or_else(|| Owed { run: run_of(work).to_owned(), ..Owed::default() });
        for trigger in triggers.iter().filter(|trigger| !owed.triggers.contains(trigger)).cloned().collect::<Vec<_>>() {
            owed.triggers.push(trigger);
        }
        undo_data::keep(work.host, &self.own_file(work.host, OWED)?, &owed)?;
        Ok(owed)
    }

    /// Forgets what was owed: it is given.
    pub(super) fn forget_owed(&self, work: &Work<'_>) -> Result<(), Failure> {
        let path = self.own_path(work.host, OWED);
        if work.host.lstat(&path)?.is_some() { work.host.remove(&path) } else { Ok(()) }
    }

    /// Keeps everybody from starting it for as long as this process lives. Whether that could be done: a user who may
    /// stop a unit of the system need not be able to write its files.
    pub(super) fn hold(&self, host: &Host, state: &UnitState) -> Result<bool, Failure> {
        let Some(dir) = self.hold_dir(host).filter(|_| state.load == Load::Loaded) else { return Ok(false) };
        host.still_wanted()?;
        let (link, drop_in) = (dir.join(LINK), dir.join(NAME));
        let text = format!(
            "# Written by runbook, which keeps this unit down while it changes what the unit runs.\n\
             # It means nothing once that runbook has ended. `{}` tells of the run.\n\
             [Unit]\nAssertPathExists=!{}\n",
            // A process that finds it has no idea of where the run is kept.
            Caller::naming(host.state_dir()).command(&Next::Status),
            link.display()
        );
        let process = PathBuf::from(format!("/proc/{}", std::process::id()));
        let is_written = host.read(&drop_in)?.is_some_and(|now| now == text.as_bytes());
        let put = || -> Result<(), Failure> {
            make_dir(host, &dir)?;
            if host.read_link(&link)? != Some(process.clone()) {
                host.replace_link(&link, &process)?;
            }
            if is_written { Ok(()) } else { host.replace_file(&drop_in, text.as_bytes(), 0o644) }
        };
        if put().is_err() {
            return Ok(false);
        }
        if !is_written || !state.drop_ins.contains(&drop_in) {
            self.daemon_reload(host)?;
        }
        Ok(true)
    }

    /// Lets everybody start it again, at once.
    pub(super) fn release(&self, host: &Host) -> Result<(), Failure> {
        match self.hold_dir(host).map(|dir| dir.join(LINK)) {
            Some(link) if host.lstat(&link)?.is_some() => host.remove(&link),
            _ => Ok(()),
        }
    }

    /// Removes what is left of a hold, and has systemd read its files again if it has not read them as they are.
    pub(super) fn forget_hold(&self, host: &Host) -> Result<(), Failure> {
        self.release(host)?;
        if let Some(dir) = self.hold_dir(host)
            && host.lstat(&dir.join(NAME))?.is_some()
        {
            host.remove(&dir.join(NAME))?;
            host.remove_if_empty(&dir)?;
        }
        if self.state(host)?.needs_reload { self.daemon_reload(host) } else { Ok(()) }
    }

    fn hold_dir(&self, host: &Reader) -> Option<PathBuf> {
        Some(hold_top(host, self.user)?.join(format!("{}.d", self.name)))
    }
}

/// Removes what holds have left whose process has ended. They keep nobody out, but a process may come to have that number.
pub fn forget_holds(host: &Host) -> Result<(), Failure> {
    for user in [false, true] {
        let Some(top) = hold_top(host, user) else { continue };
        for name in host.list(&top)?.unwrap_or_default() {
            let dir = top.join(&name);
            let unit = name.to_str().and_then(|name| name.strip_suffix(".d"));
            let Some(unit) = unit.map(|name| Unit { name: name.to_owned(), user }) else { continue };
            let is_ours = host.lstat(&dir.join(NAME))?.is_some() || host.lstat(&dir.join(LINK))?.is_some();
            if is_ours && host.stat(&dir.join(LINK))?.is_none() {
                unit.forget_hold(host)?;
            }
        }
    }
    Ok(())
}

/// Where drop-ins are that end with the boot.
fn hold_top(host: &Reader, user: bool) -> Option<PathBuf> {
    if user { host.runtime_dir().map(|dir| dir.join("systemd/user")) } else { Some("/run/systemd/system".into()) }
}

/// The directory, and those above it that a user's manager may not have yet.
fn make_dir(host: &Host, dir: &Path) -> Result<(), Failure> {
    let dirs: Vec<&Path> = dir.ancestors().take(3).collect();
    for dir in dirs.into_iter().rev() {
        if host.lstat(dir)?.is_none() {
            host.create_dir(dir, 0o755)?;
        }
    }
    Ok(())
}

/// Steps have their directories inside that of the run.
fn run_of<'a>(work: &Work<'a>) -> &'a Path {
    work.dir.parent().unwrap_or(work.dir)
}
