//! Walls inside crates, which Cargo cannot see: who may touch the host, who may know a kind, who folds events.

use super::finding::Finding;
use super::repository::{File, Repository};
use super::sources::{code, is_test};
use super::table::prose;

/// Crates whose code is pure.
const PURE: &[&str] = &["crates/runbook-model/src/", "crates/runbook-schedule/src/", "crates/runbook-rollout/src/"];
/// What a pure crate must not name.
const WORLD: &[&str] =
    &["std::fs", "std::net", "std::process", "std::env", "std::thread", "std::io", "SystemTime", "Instant", "tokio"];

/// The contract of steps and the step library, in which only the edges touch the host.
const STEPS: &[&str] = &[
    "crates/runbook-step/src/",
    "crates/runbook-services/src/",
    "crates/runbook-launch/src/",
    "crates/runbook-signals/src/",
    "crates/runbook-npm/src/",
    "crates/runbook-kinds/src/",
];
/// Its edges: the supervisor (a process of its own, with files of its own), and what asks over D-Bus and over HTTP.
const EDGES: &[&str] = &[
    "crates/runbook-services/src/process/",
    "crates/runbook-services/src/systemd/bus.rs",
    "crates/runbook-signals/src/http.rs",
];
/// Ways to the host around the handles.
const WAYS_AROUND: &[&str] = &[
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
];
/// What those modules hold that reaches nothing: data that the handles return, and what this process knows of itself.
const DATA: &[&str] = &[
    "std::process::id()",
    "std::env::temp_dir()",
    "std::fs::Metadata",
    "std::fs::FileType",
    "std::process::ExitStatus",
    "std::net::IpAddr",
    "std::net::SocketAddr",
    "std::net::{IpAddr, Ipv4Addr}",
    "std::net::{IpAddr, SocketAddr}",
];

/// What only Linux has.
const LINUX: &[&str] = &["/proc", "pidfd_open", "pidfd_send_signal", "syncfs(", "set_child_subreaper", "Boottime"];
/// The modules that may name it. Each has a branch for other systems, or finds there that nothing is there.
const LINUX_MODULES: &[&str] = &[
    "crates/runbook-backup/src/attributes.rs",
    "crates/runbook-backup/src/durable.rs",
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
    "crates/runbook-model/src/",
    "crates/runbook-template/src/",
    "crates/runbook-plan/src/",
    "crates/runbook-schedule/src/",
    "crates/runbook-rollout/src/",
    "crates/runbook-journal/src/",
    "crates/runbook-backup/src/",
    "crates/runbook-host/src/",
    "crates/runbook-step/src/",
    "crates/runbook-engine/src/",
    "crates/runbook-session/src/",
    "crates/runbook-report/src/",
    "crates/runbook/src/",
];

/// The crate that is steered by controls alone, and what else could steer it.
const STEERED: &[&str] = &["crates/runbook-engine/src/"];
const SURROUNDINGS: &[&str] = &["tokio::signal", "SignalKind", "stdin("];

/// Commands that act on a state directory. Written out, one means the state directory of whoever types it; `Next` writes
/// them all, and `Caller` says how they are typed here.
const COMMANDS: &[&str] = &[
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
];

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let kinds: Vec<String> = prose(repository.text("docs/kinds.md"))
        .filter_map(|(_, line)| line.strip_prefix("## "))
        .flat_map(|name| [name, name.split_inclusive('.').next().unwrap_or(name)].map(|name| format!("\"{name}\"")))
        .collect();
    let mut found: Vec<Finding> =
        repository.ending(".rs").filter(|file| !is_test(&file.path)).flat_map(|file| judge(file, &kinds)).collect();
    found.extend(repository.ending(".rs").filter(|file| !is_test(&file.path)).flat_map(commands));
    let folds: Vec<&File> =
        repository.ending(".rs").filter(|file| code(&file.text).contains("\nimpl RunState {")).collect();
    if let [_, others @ ..] = folds.as_slice() {
        let what = "`RunState` is one fold: its `impl` stands in one file";
        found.extend(others.iter().map(|file| Finding::whole(&file.path, what)));
    }
    found
}

/// Commands that are written out, beside comments and what is for tests alone.
fn commands(file: &File) -> Vec<Finding> {
    if FOR_TESTS.iter().any(|place| file.path.starts_with(place)) {
        return Vec::new();
    }
    let lines = code(&file.text).lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    let found = lines.filter_map(|(at, line)| Some((at, COMMANDS.iter().find(|command| line.contains(**command))?)));
    found
        .map(|(at, command)| {
            let what = format!("`{command}` means another state directory where one is given: let `Next` write it");
            Finding::at(&file.path, at + 1, what)
        })
        .collect()
}

fn judge(file: &File, kinds: &[String]) -> Vec<Finding> {
    let mut found = Vec::new();
    let is_in = |places: &[&str]| places.iter().any(|place| file.path.starts_with(place));
    let pure = is_in(PURE);
    let no_kind = is_in(KNOW_NO_KIND);
    let bound = is_in(STEPS) && !is_in(EDGES);
    for (at, line) in code(&file.text).lines().enumerate() {
        if line.trim_start().starts_with("//") {
            continue;
        }
        let names = |words: &[&'static str], line: &str| words.iter().find(|word| line.contains(**word)).copied();
        if let Some(word) = names(WORLD, line).filter(|_| pure) {
            found.push(Finding::at(
                &file.path,
                at + 1,
                format!("`{word}` in a crate that does no I/O and knows no clock"),
            ));
        }
        let rest = DATA.iter().fold(line.to_owned(), |line, data| line.replace(data, ""));
        if let Some(word) = names(WAYS_AROUND, &rest).filter(|_| bound) {
            let what = format!(
                "`{word}` outside {}: kinds reach the host through `Reader` and `Host` alone",
                EDGES.join(" and ")
            );
            found.push(Finding::at(&file.path, at + 1, what));
        }
        if let Some(word) = names(LINUX, line).filter(|_| !is_in(LINUX_MODULES) && !is_in(FOR_TESTS)) {
            let what = format!(
                "`{word}` is known to Linux alone: go through `Reader` or `Host`, or one of {}",
                LINUX_MODULES.join(", ")
            );
            found.push(Finding::at(&file.path, at + 1, what));
        }
        if let Some(word) = names(SURROUNDINGS, line).filter(|_| is_in(STEERED)) {
            found.push(Finding::at(
                &file.path,
                at + 1,
                format!("`{word}` in a crate that is steered by controls alone"),
            ));
        }
        if let Some(kind) = kinds.iter().find(|kind| no_kind && line.contains(*kind)) {
            found.push(Finding::at(&file.path, at + 1, format!("{kind} in a crate that treats all kinds alike")));
        }
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
