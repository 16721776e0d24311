//! Whose a process is, by its control group: of which unit, of which manager.

use super::{Unit, UnitState};
use runbook_host::{Identity, Reader};
use runbook_model::{Failure, Resource};
use std::fmt;

/// The unit that a process is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The unit.
    pub unit: Unit,
    /// The number of the user whose manager runs the unit; `None` for a unit of the system.
    pub of_user: Option<u32>,
}

impl Place {
    /// Where this process is; `None` if it is in no unit, as in a container's own group, or gone.
    pub fn of(host: &Reader, process: &Identity) -> Result<Option<Self>, Failure> {
        Ok(host.groups_of(process)?.iter().find_map(|group| Self::of_group(group)))
    }

    /// systemd names groups after slices and units, and a user's manager makes its own below `user@NUMBER.service`.
    fn of_group(path: &str) -> Option<Self> {
        // A group whose name would mean something to the kernel has a `_` in front.
        let unit = |part: &str| part.strip_prefix('_').unwrap_or(part).to_owned();
        let is_unit = |part: &&str| part.ends_with(".service") || part.ends_with(".scope");
        let mut parts = path.split('/').filter(|part| !part.is_empty() && !part.ends_with(".slice"));
        let first = parts.next().filter(is_unit)?;
        let uid = first.strip_prefix("user@").and_then(|rest| rest.strip_suffix(".service")?.parse().ok());
        if let (Some(uid), Some(inner)) = (uid, parts.next().filter(is_unit)) {
            return Some(Self { unit: Unit::named(&unit(inner), true), of_user: Some(uid) });
        }
        Some(Self { unit: Unit::named(&unit(first), false), of_user: None })
    }

    /// The thing that steps conflict about.
    pub fn resource(&self) -> Resource {
        Resource::Unit(self.unit.title())
    }

    /// Whether what is there belongs to a session of a person, or to a manager itself, and to no service: an SSH session,
    /// a terminal, what a manager was left with.
    pub fn is_session(&self) -> bool {
        let name = self.unit.name.as_str();
        let of_system = name == "init.scope" || name.starts_with("session-") && name.ends_with(".scope");
        let of_user = self.of_user.is_some() && name.ends_with(".scope");
        of_system || of_user || name.starts_with("user@")
    }

    /// Whether the service manager itself is there.
    pub fn is_manager(&self) -> bool {
        self.unit.name == "init.scope"
    }

    /// Whether that unit is up or on its way. The manager of another user is not asked: what is there counts as up.
    pub fn is_active(&self, host: &Reader) -> Result<bool, Failure> {
        match self.of_user {
            Some(uid) if uid != host.own_uid() => Ok(true),
            _ => Ok(!self.unit.state(host)?.is_down()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.of_user {
            None => self.unit.fmt(f),
            Some(uid) => write!(f, "{} of user {uid}", self.unit),
        }
    }
}

impl Unit {
    /// Every process of it: those in its control group, and what they have started in other groups.
    pub fn members(&self, host: &Reader, state: &UnitState) -> Result<Vec<Identity>, Failure> {
        let inside = host.processes_in_group(&state.control_group)?;
        let mut found: Vec<Identity> = inside.into_iter().map(|process| process.identity).collect();
        for below in host.descendants_of(found.iter().map(|process| process.pid).collect())? {
            if !found.contains(&below.identity) {
                found.push(below.identity);
            }
        }
        Ok(found)
    }

    /// The number of the user that its processes run as.
    pub fn uid(&self, host: &Reader, state: &UnitState) -> Result<u32, Failure> {
        match state.get("User") {
            _ if self.user => Ok(host.own_uid()),
            "" => Ok(0),
            name => host.uid_of(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_group_tells_the_unit() {
        for (path, unit, of_user, session) in [
            ("/system.slice/a.service", "a.service", None, false),
            ("/system.slice/a.service/payload/x.scope", "a.service", None, false),
            ("/system.slice/system-a.slice/a@1.service", "a@1.service", None, false),
            ("/_cpu.service", "cpu.service", None, false),
            ("/system.slice/run-u12.scope", "run-u12.scope", None, false),
            ("/system.slice/docker-0a.scope", "docker-0a.scope", None, false),
            ("/init.scope", "init.scope", None, true),
            ("/user.slice/user-1000.slice/session-3.scope", "session-3.scope", None, true),
            ("/user.slice/user-1000.slice/user@1000.service", "user@1000.service", None, true),
            ("/user.slice/user-1000.slice/user@1000.service/init.scope", "init.scope", Some(1000), true),
            ("/user.slice/user-1000.slice/user@1000.service/app.slice/b.service", "b.service", Some(1000), false),
            (
                "/user.slice/user-1000.slice/user@1000.service/app.slice/app-x-1.scope",
                "app-x-1.scope",
                Some(1000),
                true,
            ),
        ] {
            let place = Place::of_group(path).unwrap();
            assert_eq!(
                (place.unit.name.as_str(), place.of_user, place.is_session()),
                (unit, of_user, session),
                "{path}"
            );
        }
        for path in ["/", "", "/system.slice", "/docker/0a", "/../beside"] {
            assert_eq!(Place::of_group(path), None, "{path}");
        }
    }
}
