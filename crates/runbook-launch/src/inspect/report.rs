//! What an inspection puts out, and the line that a person reads.

use super::Finding;
use super::installations::Installation;
use super::running::Running;
use jiff::Timestamp;
use runbook_host::Reader;
use runbook_model::{Failure, Outputs, Results};
use runbook_services::ServiceFacts;
use runbook_services::package::npm_prefix;
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

/// Everything that was found out.
pub(super) struct Inspection {
    pub(super) told: ServiceFacts,
    pub(super) finding: Finding,
    pub(super) running: Running,
    /// The package's name, if it has one.
    pub(super) package: Option<String>,
    pub(super) version: Option<String>,
    pub(super) installations: Vec<Installation>,
    /// Whether a restart would run something else; `None` if that is not known.
    pub(super) restart_pending: Option<bool>,
    pub(super) notes: Vec<String>,
}

impl Inspection {
    pub(super) fn results(&self, host: &Reader) -> Result<Results, Failure> {
        let Self { told, finding, running, .. } = self;
        let text = |path: &PathBuf| json!(path.to_string_lossy());
        let declared = || told.declared.first().cloned().unwrap_or_default();
        let launch = told.launch.as_ref().ok();
        let cwd = running.executed.cwd.clone().or_else(|| launch.map(|launch| launch.cwd.clone()));
        let account = launch.map_or(&told.account, |_| &finding.trail.account);
        let npm = finding.trail.node.as_deref().map(|node| npm_beside(host, node)).transpose()?.flatten();
        let outputs = json!({
            "running": running.main.is_some(),
            "pid": running.main.as_ref().map(|main| main.pid),
            "exe": running.executed.exe.as_ref().map_or_else(|| json!(declared()), text),
            // Not what runs: there, a variable with a secret has been put in, and this ends in the journal.
            "argv": told.declared,
            "cwd": cwd.as_ref().map(text),
            "log": told.log,
            "start_time": running.main.as_ref().map(|main| host.started_ns(main) / 1_000_000),
            "restart": told.restart,
            "restarts": told.restarts,
            "user": account.name,
            "home": account.home.as_ref().map(text),
            "unit_files": told.files.iter().map(text).collect::<Vec<_>>(),
            "entry": finding.entry.as_ref().map(text),
            "wrappers": finding.trail.wrappers.iter().map(text).collect::<Vec<_>>(),
            "package": self.package,
            "package_root": finding.root.as_ref().map(text),
            "version": self.version,
            "npm_prefix": finding.root.as_deref().and_then(npm_prefix).as_ref().map(text),
            "running_root": running.root.as_ref().map(text),
            "running_version": running.version,
            "restart_pending": self.restart_pending,
            "node": finding.trail.node.as_ref().map(text),
            "npm": npm.as_ref().map(text),
            "installations": self.installations.iter().map(|one| self.installation(one)).collect::<Vec<_>>(),
            "notes": self.notes,
        });
        let outputs: Outputs = outputs.as_object().cloned().unwrap_or_default();
        Ok(Results { installation: self.used().map(Box::new), ..outputs.into() })
    }

    /// The installation that the next start runs.
    fn used(&self) -> Option<runbook_model::Installation> {
        let root = self.finding.root.clone()?;
        let unused = self.installations.iter().filter(|one| !self.is_used(&one.root)).map(|one| one.root.clone());
        Some(runbook_model::Installation { package: self.package.clone(), root, unused: unused.collect() })
    }

    fn installation(&self, one: &Installation) -> Json {
        json!({ "root": one.root.to_string_lossy(), "version": one.version, "used": self.is_used(&one.root) })
    }

    fn is_used(&self, root: &Path) -> bool {
        [&self.finding.root, &self.running.root].iter().any(|used| used.as_deref() == Some(root))
    }

    /// `2026.4.15 at /opt/openclaw/app, pid 412 since 02:14, also installed: …`
    pub(super) fn summary(&self, host: &Reader) -> String {
        let at = |version: &Option<String>, root: &Option<PathBuf>| {
            let version = version.as_deref().unwrap_or("an unknown version");
            root.as_ref().map_or_else(|| version.to_owned(), |root| format!("{version} at {}", root.display()))
        };
        let (next, now) = (at(&self.version, &self.finding.root), at(&self.running.version, &self.running.root));
        let mut parts = match self.running.root.is_some() && self.running.root != self.finding.root {
            true => vec![format!("the next start runs {next}"), format!("what runs now is {now}")],
            false => vec![next],
        };
        parts.push(match &self.running.main {
            Some(main) => format!("{main} since {}", clock(host.started_ns(main), host.now_ms())),
            None => self.told.state.clone(),
        });
        let others = self.installations.iter().filter(|one| !self.is_used(&one.root));
        let told = |one: &Installation| format!("{} (not used)", at(&one.version, &Some(one.root.clone())));
        let others: Vec<String> = others.map(told).collect();
        if !others.is_empty() {
            parts.push(format!("also installed: {}", others.join(" and ")));
        }
        let line = parts.join(", ");
        if self.notes.is_empty() { line } else { format!("{line}; {}", self.notes.join("; ")) }
    }
}

/// The npm that was installed with this Node.
fn npm_beside(host: &Reader, node: &Path) -> Result<Option<PathBuf>, Failure> {
    let real = host.canonical(node).ok().flatten();
    for node in [Some(node.to_owned()), real].into_iter().flatten() {
        let npm = node.with_file_name("npm");
        if host.stat(&npm)?.is_some_and(|found| found.is_file()) {
            return Ok(Some(npm));
        }
    }
    Ok(None)
}

/// The time of day in UTC; with the date, if it is not of the last day.
fn clock(started_ns: u64, now_ms: i64) -> String {
    let started_ms = i64::try_from(started_ns / 1_000_000).unwrap_or(i64::MAX);
    let format = if now_ms.saturating_sub(started_ms) < 24 * 3_600_000 { "%H:%M" } else { "%F %H:%M" };
    Timestamp::from_millisecond(started_ms)
        .map_or_else(|_| "an unknown time".to_owned(), |time| time.strftime(format).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_its_date_when_it_is_not_of_today() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        let started = u64::try_from(at("2026-03-24T02:14:07Z")).unwrap() * 1_000_000;
        assert_eq!(clock(started, at("2026-03-24T20:00:00Z")), "02:14");
        assert_eq!(clock(started, at("2026-03-26T00:00:00Z")), "2026-03-24 02:14");
    }
}
