//! A file that says what a unit is, or changes what another one says: judged before it goes live, and read by systemd
//! once it is there.

use super::{Load, Unit};
use crate::Work;
use crate::host::{Command, Host, Reader};
use runbook_model::Failure;
use serde_json::Value as Json;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const VERIFY: Duration = Duration::from_secs(60);
/// The key of undo data under which the directories are that the step makes, the innermost first.
const MADE: &str = "made";
/// The key of undo data under which it says whether the file was as wanted.
const SAME: &str = "same";

/// The text of a unit file or of a drop-in, and where it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnitText {
    /// The unit.
    pub(crate) unit: Unit,
    /// Where the file is.
    pub(crate) path: PathBuf,
    /// Its whole text.
    pub(crate) content: String,
    /// Its permission bits.
    pub(crate) mode: u32,
    /// Whether `systemd-analyze verify` must accept it.
    pub(crate) verify: bool,
}

/// A file as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its text; `None` if there is no file.
    pub(crate) content: Option<Vec<u8>>,
    /// Its permission bits.
    pub(crate) mode: Option<u32>,
}

impl UnitText {
    /// What is there now. A directory or a link at the path is refused: a link is how a unit is masked or linked.
    pub(crate) fn found(&self, host: &Reader) -> Result<Found, Failure> {
        let place = self.path.display();
        match host.lstat(&self.path)? {
            None => Ok(Found { content: None, mode: None }),
            Some(found) if found.is_file() => {
                Ok(Found { content: host.read(&self.path)?, mode: Some(found.permissions().mode() & 0o7777) })
            }
            Some(found) if found.is_symlink() => {
                let target = host.read_link(&self.path)?.unwrap_or_default();
                let masked = target == Path::new("/dev/null");
                let what =
                    if masked { "which masks the unit" } else { "which puts a file from elsewhere in its place" };
                Err(Failure::refused(format!("{place} is a link to {}, {what}", target.display()))
                    .hint("remove the link with `file.remove` first, if it is not there for a reason"))
            }
            Some(_) => Err(Failure::refused(format!("{place} is not a file"))),
        }
    }

    /// Whether the file is as wanted.
    pub(crate) fn is_there(&self, found: &Found) -> bool {
        found.mode == Some(self.mode) && found.content.as_deref() == Some(self.content.as_bytes())
    }

    /// Whether systemd has not read what is on the disk. Of a template nobody can tell.
    pub(crate) fn needs_reload(&self, host: &Reader) -> Result<bool, Failure> {
        Ok(!self.unit.is_template() && self.unit.state(host)?.needs_reload)
    }

    /// Captures what is there, and which directories the step will make; for `prepare`.
    pub(crate) fn remember(&self, work: &Work<'_>) -> Result<Json, Failure> {
        let mut undo = work.capture(std::slice::from_ref(&self.path))?;
        undo[SAME] = self.is_there(&self.found(work.host)?).into();
        let missing = self.missing_parents(work.host)?;
        undo[MADE] = missing.iter().map(|dir| dir.to_string_lossy()).collect();
        Ok(undo)
    }

    /// Writes the file, if `systemd-analyze` has nothing against it, and lets systemd read it.
    pub(crate) fn put(&self, work: &Work<'_>) -> Result<(), Failure> {
        self.unit.needs_systemd(work.host)?;
        if !self.is_there(&self.found(work.host)?) {
            if self.verify && !self.unit.is_template() {
                self.judge(work)?;
            }
            self.make_parents(work.host)?;
            work.host.replace_file(&self.path, self.content.as_bytes(), self.mode)?;
        }
        self.unit.daemon_reload(work.host)
    }

    /// Puts back what [`remember`](Self::remember) captured, and lets systemd read it. Directories that the step made
    /// go if nobody put anything else into them.
    pub(crate) fn take_back(&self, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        // What a restore replaces is set aside, and on another file system than the state directory that is beside it.
        // The plan holds this text: nothing is lost without it, and nothing is left in systemd's directory.
        let is_ours = undo.get(SAME) == Some(&Json::Bool(false)) && self.is_there(&self.found(work.host)?);
        if is_ours {
            work.host.remove(&self.path)?;
        }
        let mut done = work.put_back(std::slice::from_ref(&self.path))?;
        if is_ours && work.host.lstat(&self.path)?.is_none() {
            done = format!("{} removed, as nothing was there before", self.path.display());
        }
        for made in undo.get(MADE).and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str) {
            let made = Path::new(made);
            if work.host.list(made)?.is_some_and(|names| names.is_empty()) {
                work.host.remove(made)?;
            }
        }
        self.unit.daemon_reload(work.host)?;
        Ok(done)
    }

    fn make_parents(&self, host: &Host) -> Result<(), Failure> {
        self.missing_parents(host)?.into_iter().rev().try_for_each(|parent| host.create_dir(parent, 0o755))
    }

    /// The directories above the file that are not there, the nearest first.
    fn missing_parents(&self, host: &Reader) -> Result<Vec<&Path>, Failure> {
        let mut missing = Vec::new();
        for parent in self.path.ancestors().skip(1) {
            if host.lstat(parent)?.is_some() {
                break;
            }
            missing.push(parent);
        }
        Ok(missing)
    }

    /// Asks `systemd-analyze verify` about the unit with the new text, in a directory where systemd does not look.
    fn judge(&self, work: &Work<'_>) -> Result<(), Failure> {
        let host = work.host;
        if host.program("systemd-analyze").is_err() {
            return Ok(());
        }
        let dir = work.dir.join("verify");
        host.drop_own_dir(&dir)?;
        host.own_dir(&dir)?;
        let unit = dir.join(&self.unit.name);
        if self.is_drop_in() {
            let state = self.unit.state(host)?;
            let Some(fragment) = state.fragment.filter(|_| state.load != Load::NotFound) else {
                return Err(Failure::missing(format!("there is no unit {} that this could change", self.unit))
                    .hint(self.unit.correct_the_name()));
            };
            host.keep(&unit, &host.read(&fragment)?.unwrap_or_default())?;
            let drop_ins = dir.join(format!("{}.d", self.unit.name));
            host.own_dir(&drop_ins)?;
            host.keep(&drop_ins.join(self.path.file_name().unwrap_or_default()), self.content.as_bytes())?;
        } else {
            host.keep(&unit, self.content.as_bytes())?;
        }
        let scope = if self.unit.user { "--user" } else { "--system" };
        let argv = ["systemd-analyze", scope, "--man=no", "verify", &unit.to_string_lossy()].map(str::to_owned);
        let output =
            host.ask(&Command { env: self.unit.environment(host), limit: Some(VERIFY), ..Command::new(argv) })?;
        host.drop_own_dir(&dir)?;
        let said = output.tail().replace(&format!("{}/", dir.display()), "");
        if output.status.success() {
            if let Some(line) = said.lines().find(|line| line.starts_with(&self.unit.name)) {
                work.say(format!("systemd-analyze: {line}"));
            }
            return Ok(());
        }
        Err(Failure::refused(format!("systemd would not accept {}; nothing was written", self.path.display()))
            .detail(said)
            .hint("correct `content`; or `verify: false`, if a program that it names is installed only later"))
    }

    fn is_drop_in(&self) -> bool {
        self.path.file_name().is_some_and(|name| *name != *self.unit.name)
    }
}
