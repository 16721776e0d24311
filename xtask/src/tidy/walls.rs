//! Walls inside crates, which Cargo cannot see: who may touch the host, who may know a kind, who folds events.

use super::finding::Finding;
use super::repository::{File, Repository};
use super::sources::{code, is_test};
use super::table::prose;
use super::wall::Wall;

const WALLS: &[Wall<'_>] = &[
    Wall {
        within: &["model", "schedule", "rollout"],
        except: &[],
        words: &[
            "std::fs",
            "std::net",
            "std::process",
            "std::env",
            "std::thread",
            "std::io",
            "SystemTime",
            "Instant",
            "tokio",
        ],
        fine: &[],
        why: "in a crate that does no I/O and knows no clock",
    },
    // The contract of steps and the step library, but for the edges: the supervisor (a process of its own, with files of its
    // own), and what asks over D-Bus and over HTTP. Fine are data that the handles return, and what this process knows of itself.
    Wall {
        within: &["step", "services", "launch", "signals", "npm", "kinds"],
        except: &[&[
            "crates/runbook-services/src/process/",
            "crates/runbook-services/src/systemd/bus.rs",
            "crates/runbook-signals/src/http.rs",
        ]],
        words: &[
            "std::fs",
            "std::net",
            "std::process",
            "std::env",
            "use std::os::unix::net",
            "ureq",
            "rustix",
            "tokio",
            "tempfile",
            "which::",
        ],
        fine: &[
            "std::process::id()",
            "std::env::temp_dir()",
            "std::fs::Metadata",
            "std::fs::FileType",
            "std::process::ExitStatus",
            "std::net::IpAddr",
            "std::net::SocketAddr",
            "std::net::{IpAddr, Ipv4Addr}",
            "std::net::{IpAddr, SocketAddr}",
        ],
        why: "outside the edges of the step library: kinds reach the host through `Reader` and `Host` alone",
    },
    Wall {
        within: &[],
        except: &[LINUX_MODULES, FOR_TESTS],
        words: &["/proc", "pidfd_open", "pidfd_send_signal", "syncfs(", "set_child_subreaper", "Boottime"],
        fine: &[],
        why: "is known to Linux alone: go through `Reader` or `Host`, or a module that has a branch for other systems",
    },
    Wall {
        within: &["engine"],
        except: &[],
        words: &["tokio::signal", "SignalKind", "stdin("],
        fine: &[],
        why: "in a crate that is steered by controls alone",
    },
    // `Next` writes the commands that act on a state directory, and `Caller` says how they are typed here.
    Wall {
        within: &[],
        except: &[FOR_TESTS],
        words: &[
            "runbook status",
            "runbook history",
            "runbook show",
            "runbook report",
            "runbook resume",
            "runbook rollback",
            "runbook recover",
            "runbook approve",
            "runbook backup",
            "runbook rollout ",
        ],
        fine: &[],
        why: "means another state directory where one is given: let `Next` write it",
    },
];

/// The modules that may name what only Linux has. Each has a branch for other systems, or finds there that nothing is there.
const LINUX_MODULES: &[&str] = &[
    "crates/runbook-backup/src/attributes.rs",
    "crates/runbook-backup/src/durable.rs",
    "crates/runbook-backup/src/ground.rs",
    "crates/runbook-backup/src/mounts.rs",
    "crates/runbook-backup/src/remove.rs",
    "crates/runbook-host/src/adopted.rs",
    "crates/runbook-host/src/cgroup.rs",
    "crates/runbook-host/src/pidfd.rs",
    "crates/runbook-host/src/procfs.rs",
    "crates/runbook-host/src/trees.rs",
    "crates/runbook-services/src/process/supervisor.rs",
    "crates/runbook-services/src/systemd/hold.rs",
];
/// Crates that are for Linux alone, and never shipped.
const FOR_TESTS: &[&str] = &["crates/test-hosts/", "crates/demo-gateway/", "crates/conformance/", "xtask/"];

/// Crates that treat all kinds alike.
const KNOW_NO_KIND: &[&str] = &[
    "model", "template", "plan", "schedule", "rollout", "journal", "backup", "host", "step", "engine", "session",
    "report", "runbook",
];

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let names = prose(repository.text("docs/kinds.md")).filter_map(|(_, line)| line.strip_prefix("## "));
    let kinds: Vec<String> = names
        .flat_map(|name| [name, name.split_inclusive('.').next().unwrap_or(name)].map(|name| format!("\"{name}\"")))
        .collect();
    let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
    let why = "in a crate that treats all kinds alike";
    let no_kind = Wall { within: KNOW_NO_KIND, except: &[], words: &kinds, fine: &[], why };
    let files = repository.ending(".rs").filter(|file| !is_test(&file.path));
    let mut found: Vec<Finding> =
        files.flat_map(|file| WALLS.iter().chain([&no_kind]).flat_map(|wall| wall.judge(file))).collect();
    let folds: Vec<&File> =
        repository.ending(".rs").filter(|file| code(&file.text).contains("\nimpl RunState {")).collect();
    if let [_, others @ ..] = folds.as_slice() {
        let what = "`RunState` is one fold: its `impl` stands in one file";
        found.extend(others.iter().map(|file| Finding::whole(&file.path, what)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        check(&Repository::of(&[("docs/kinds.md", "## npm.install\n"), (path, text)])).len()
    }

    #[test]
    fn ways_through_a_wall_are_found() {
        for (path, text) in [
            ("crates/runbook-model/src/a.rs", "use std::time::Instant;"),
            ("crates/runbook-schedule/src/a.rs", "let t = std::fs::read(p);"),
            ("crates/runbook-kinds/src/a.rs", "std::fs::write(path, text)?;"),
            ("crates/runbook-kinds/src/a.rs", "use std::process::Command;"),
            ("crates/runbook-kinds/src/a.rs", "let answer = ureq::get(url);"),
            ("crates/runbook-host/src/a.rs", "fs::read(\"/proc/1/stat\")"),
            ("crates/runbook-backup/src/a.rs", "rustix::fs::syncfs(dir)"),
            ("crates/runbook-plan/src/a.rs", "if uses == \"npm.install\" {"),
            ("crates/runbook-engine/src/a.rs", "\"npm.install\" =>"),
            ("crates/runbook-engine/src/a.rs", "use tokio::signal::unix::signal;"),
            ("crates/runbook-report/src/a.rs", "step.uses.starts_with(\"npm.\")"),
            ("crates/runbook/src/a.rs", "step.uses == \"npm.install\""),
            ("crates/runbook-report/src/a.rs", "format!(\"`runbook rollback {run}`\")"),
        ] {
            assert_eq!(found(path, text), 1, "{text}");
        }
    }

    #[test]
    fn edges_data_comments_and_tests_are_fine() {
        for (path, text) in [
            ("crates/runbook-host/src/a.rs", "std::fs::write(path, text)?;"),
            ("crates/runbook-host/src/procfs.rs", "fs::read(\"/proc/1/stat\")"),
            ("crates/runbook-kinds/src/a.rs", "use std::fs::Metadata;"),
            ("crates/runbook-kinds/src/a.rs", "// std::fs would go around the handle"),
            ("crates/runbook-kinds/src/a.rs", "#[cfg(test)]\nmod tests {\nuse std::fs;\n}"),
            ("crates/runbook-kinds/src/a.rs", "\"npm.install\""),
            ("crates/runbook-report/tests/a.rs", "\"npm.install\""),
            ("crates/runbook-plan/tests/a.rs", "\"npm.install\""),
            ("crates/runbook/src/a.rs", "/// What `runbook status` prints.\nfn a() -> &str { \"`runbook steps`\" }"),
            ("crates/runbook/tests/a.rs", "\"runbook status\""),
        ] {
            assert_eq!(found(path, text), 0, "{text}");
        }
    }

    #[test]
    fn a_second_fold_is_found() {
        let fold = ("crates/a/src/a.rs", "//! x\nimpl RunState {\n");
        assert!(check(&Repository::of(&[fold])).is_empty());
        assert_eq!(check(&Repository::of(&[fold, ("crates/b/src/b.rs", "//! x\nimpl RunState {\n")])).len(), 1);
    }
}
