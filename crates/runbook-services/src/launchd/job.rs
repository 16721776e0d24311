//! Which job of which domain.

use runbook_host::{Command, Reader};
use runbook_model::Failure;
use runbook_step::Names;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long `launchctl` may take; `kickstart -k` waits until the old process has ended.
const LIMIT: Duration = Duration::from_secs(120);

/// Where launchd keeps jobs apart (launchctl(1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// Daemons of the host.
    System,
    /// Agents of a user who is logged in at the screen.
    Gui(u32),
    /// Agents of a user, logged in or not.
    User(u32),
}

/// A job of launchd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its label.
    pub label: String,
    /// Its domain as the plan names it; without one it is that of the user that runs `runbook`.
    domain: Option<Domain>,
}

impl Domain {
    /// What it has to be in a plan.
    pub const NAME: Names = Names {
        wanted: "`system`, `gui/UID` or `user/UID`, with the user's number",
        fit: |text| Self::parse(text).is_some(),
    };

    /// `system`, `gui/501` or `user/501`.
    pub fn parse(text: &str) -> Option<Self> {
        let user = |uid: &str| uid.parse().ok().filter(|_| uid.bytes().all(|byte| byte.is_ascii_digit()));
        match text.split_once('/') {
            None => (text == "system").then_some(Self::System),
            Some(("gui", uid)) => user(uid).map(Self::Gui),
            Some(("user", uid)) => user(uid).map(Self::User),
            Some(_) => None,
        }
    }

    /// Where the jobs of the user that runs `runbook` belong: those of root to the system.
    fn own(host: &Reader) -> Self {
        match host.own_uid() {
            0 => Self::System,
            uid => Self::Gui(uid),
        }
    }

    /// The user whose jobs these are; root for the system.
    pub fn uid(self) -> u32 {
        match self {
            Self::System => 0,
            Self::Gui(uid) | Self::User(uid) => uid,
        }
    }

    /// Where the property lists of its jobs are; `home` is the home directory of its user.
    fn plists(self, home: &Path) -> PathBuf {
        match self {
            Self::System => "/Library/LaunchDaemons".into(),
            Self::Gui(_) | Self::User(_) => home.join("Library/LaunchAgents"),
        }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::Gui(uid) => write!(f, "gui/{uid}"),
            Self::User(uid) => write!(f, "user/{uid}"),
        }
    }
}

impl Job {
    /// The job with this label.
    pub fn named(label: &str, domain: Option<Domain>) -> Self {
        Self { label: label.to_owned(), domain }
    }

    /// What its title has to be.
    pub const TITLE: Names = Names {
        wanted: "the label of a job, such as `ai.openclaw.gateway`, or `DOMAIN/LABEL`",
        fit: |title| Self::of_title(title).is_some(),
    };
    /// What its label has to be.
    pub const LABEL: Names =
        Names { wanted: "the label of a job, such as `ai.openclaw.gateway`: no path, no spaces", fit: Self::is_label };

    /// Whether `text` can be a label: it stands in a path of launchd's own, and in a file name.
    pub fn is_label(text: &str) -> bool {
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"/\"'{}".contains(c);
        !text.is_empty() && text.len() < 200 && !text.starts_with(['-', '.']) && text.chars().all(plain)
    }

    /// `LABEL`, or `DOMAIN/LABEL` where the plan names the domain.
    pub fn title(&self) -> String {
        self.domain.map_or_else(|| self.label.clone(), |domain| format!("{domain}/{}", self.label))
    }

    /// The job whose [`title`](Self::title) this is; `None` if it is none.
    pub fn of_title(title: &str) -> Option<Self> {
        let (domain, label) = match title.rsplit_once('/') {
            Some((domain, label)) => (Some(Domain::parse(domain)?), label),
            None => (None, title),
        };
        Self::is_label(label).then(|| Self::named(label, domain))
    }

    /// Its domain on this host.
    pub fn domain(&self, host: &Reader) -> Domain {
        self.domain.unwrap_or_else(|| Domain::own(host))
    }

    /// `gui/501/LABEL`: how launchd is told which one.
    pub fn target(&self, host: &Reader) -> String {
        format!("{}/{}", self.domain(host), self.label)
    }

    /// Where its property list may be, as far as that is known without the host.
    pub fn plists(&self, home: &Path) -> Vec<PathBuf> {
        let domains = self.domain.map_or(vec![Domain::System, Domain::Gui(0)], |domain| vec![domain]);
        domains.into_iter().map(|domain| self.plist_in(domain, home)).collect()
    }

    /// Where its property list is on this host: at `named`, else in the usual place of its domain. Where the home of
    /// another user is, is not guessed.
    pub fn plist(&self, host: &Reader, named: Option<&Path>) -> Result<PathBuf, Failure> {
        if let Some(named) = named {
            return Ok(named.to_owned());
        }
        let domain = self.domain(host);
        if domain != Domain::System && domain.uid() != host.own_uid() {
            return Err(Failure::refused(format!("{self} belongs to {domain}, and to another user than this one"))
                .hint("say with `plist` where its property list is"));
        }
        Ok(self.plist_in(domain, host.home()))
    }

    fn plist_in(&self, domain: Domain, home: &Path) -> PathBuf {
        domain.plists(home).join(format!("{}.plist", self.label))
    }

    /// `launchctl WORD…`.
    pub fn launchctl(words: &[&str]) -> Command {
        let argv = std::iter::once(&"launchctl").chain(words).map(|word| (*word).to_owned());
        Command { limit: Some(LIMIT), ..Command::new(argv) }
    }

    /// Fails, with the next action, where there is no launchd.
    pub fn needs_launchd(&self, host: &Reader) -> Result<(), Failure> {
        host.program("launchctl").map(drop).map_err(|_| {
            Failure::missing(format!("{self} cannot be reached: this host has no `launchctl`"))
                .hint("launchd is the init system of macOS; use `systemd.*` or `process.*` elsewhere")
        })
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_names_the_job_again() {
        for (label, domain) in [
            ("ai.openclaw.gateway", None),
            ("ai.openclaw.gateway", Some(Domain::System)),
            ("a", Some(Domain::Gui(501))),
            ("a", Some(Domain::User(0))),
        ] {
            let job = Job::named(label, domain);
            assert_eq!(Job::of_title(&job.title()), Some(job));
        }
        for not_a_job in ["", "gui/a", "gui/501/", "login/1/a", "gui/+1/a", "system/gui/1/a", "a b"] {
            assert_eq!(Job::of_title(not_a_job), None, "{not_a_job}");
        }
    }

    #[test]
    fn the_usual_place_of_a_property_list() {
        let home = Path::new("/Volumes/ann");
        let agent = home.join("Library/LaunchAgents/a.b.plist");
        assert_eq!(Job::named("a.b", Some(Domain::Gui(501))).plists(home), std::slice::from_ref(&agent));
        assert_eq!(Job::named("a.b", None).plists(home), [PathBuf::from("/Library/LaunchDaemons/a.b.plist"), agent]);
    }
}
