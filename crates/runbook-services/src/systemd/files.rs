//! A file that says what a unit is, or changes what another one says: judged before it goes live, and read by systemd
//! once it is there.

use super::{Load, Unit};
use crate::definition_file::DefinitionFile;
use runbook_host::{Command, Reader};
use runbook_model::Failure;
use runbook_step::{TextFile, Work};
use serde_json::Value as Json;
use std::time::Duration;

const VERIFY: Duration = Duration::from_secs(60);

/// The text of a unit file or of a drop-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitText {
    /// The unit.
    pub unit: Unit,
    /// The file.
    pub file: TextFile,
    /// Whether `systemd-analyze verify` must accept it.
    pub verify: bool,
}

impl DefinitionFile for UnitText {
    fn file(&self, _: &Reader) -> Result<TextFile, Failure> {
        Ok(self.file.clone())
    }

    fn service(&self) -> (&'static str, &str) {
        ("unit", &self.unit.name)
    }

    fn when_read(&self) -> String {
        "systemd reads it".to_owned()
    }

    fn needs_manager(&self, host: &Reader) -> Result<(), Failure> {
        self.unit.needs_systemd(host)
    }

    /// Of a template nobody can tell.
    fn is_read(&self, host: &Reader) -> Result<bool, Failure> {
        Ok(self.unit.is_template() || !self.unit.state(host)?.needs_reload)
    }

    /// If `systemd-analyze` has nothing against it.
    fn put(&self, work: &Work<'_>, file: &TextFile) -> Result<String, Failure> {
        self.unit.needs_systemd(work.host)?;
        let is_there = file.is_there(&file.found(work.host)?);
        if !is_there && self.verify && !self.unit.is_template() {
            self.judge(work)?;
        }
        file.put(work.host)?;
        self.unit.daemon_reload(work.host)?;
        Ok(format!("{} written, systemd has read it", file.path.display()))
    }

    fn restore(&self, work: &Work<'_>, file: &TextFile, undo: &Json) -> Result<String, Failure> {
        let done = file.undo(work, undo)?;
        self.unit.daemon_reload(work.host)?;
        Ok(done)
    }
}

impl UnitText {
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
            host.keep(&drop_ins.join(self.file.path.file_name().unwrap_or_default()), self.file.content.as_bytes())?;
        } else {
            host.keep(&unit, self.file.content.as_bytes())?;
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
        Err(Failure::refused(format!("systemd would not accept {}; nothing was written", self.file.path.display()))
            .detail(said)
            .hint("correct `content`; or `verify: false`, if a program that it names is installed only later"))
    }

    fn is_drop_in(&self) -> bool {
        self.file.path.file_name().is_some_and(|name| *name != *self.unit.name)
    }
}
