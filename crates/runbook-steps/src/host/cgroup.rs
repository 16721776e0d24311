//! Which processes are in a control group, from `/proc`: it reads the same with either version of the hierarchy.

use super::{Process, Reader};
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
}

/// `cgroups(7)`: lines of `hierarchy:controllers:path`. systemd's own hierarchy is the unified one or the named one.
fn in_group(groups: &str, path: &str) -> bool {
    groups.lines().any(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else { return false };
        let below = group.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        below && (controllers.is_empty() || controllers == "name=systemd")
    })
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
