//! Which processes are in a control group, from `/proc`: it reads the same with either version of the hierarchy.

use crate::{Identity, Process, Reader};
use runbook_model::Failure;
use std::fs;

impl Reader {
    /// The processes in the control group `path` (from the root of the hierarchy, as systemd tells it) and below it;
    /// none for an empty path.
    pub fn processes_in_group(&self, path: &str) -> Result<Vec<Process>, Failure> {
        // Everything is below the root, and nothing has an empty group.
        if path.trim_matches('/').is_empty() {
            return Ok(Vec::new());
        }
        let is_in = |process: &Process| {
            fs::read_to_string(format!("/proc/{}/cgroup", process.identity.pid))
                .is_ok_and(|groups| in_group(&groups, path))
        };
        Ok(self.processes()?.into_iter().filter(is_in).collect())
    }

    /// The control groups of exactly this process in the hierarchies that systemd keeps its units in: one path, or two
    /// where both hierarchies are mounted. None if it is gone.
    pub fn groups_of(&self, process: &Identity) -> Result<Vec<String>, Failure> {
        let text = fs::read_to_string(format!("/proc/{}/cgroup", process.pid)).unwrap_or_default();
        // The number may have passed to another process in between; then what was read is about that one.
        let still = self.alive(process)?;
        Ok(groups(&text).filter(|_| still).map(str::to_owned).collect())
    }
}

/// `cgroups(7)`: lines of `hierarchy:controllers:path`. systemd's own hierarchy is the unified one or the named one.
fn groups(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, group) = (fields.next()?, fields.next()?);
        (controllers.is_empty() || controllers == "name=systemd").then_some(group)
    })
}

fn in_group(text: &str, path: &str) -> bool {
    groups(text).any(|group| group.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

#[cfg(test)]
mod tests {
    use super::in_group;

    #[test]
    fn a_group_holds_what_is_below_it_and_nothing_beside_it() {
        let path = "/system.slice/a.service";
        for (groups, is_in) in [
            ("0::/system.slice/a.service\n", true),
            ("0::/system.slice/a.service/payload\n", true),
            ("9:pids:/x\n1:name=systemd:/system.slice/a.service\n0::/\n", true),
            ("0::/system.slice/a.service2\n", false),
            ("0::/system.slice\n", false),
            ("4:memory:/system.slice/a.service\n0::/other\n", false),
            ("", false),
        ] {
            assert_eq!(in_group(groups, path), is_in, "{groups}");
        }
    }
}
