//! Which crate may know which: the arrows of ARCHITECTURE.md against every Cargo.toml. The table on that page is what is
//! checked, so it cannot fall behind.

use super::finding::Finding;
use super::repository::Repository;
use super::table::{cells, code};
use std::collections::{BTreeMap, BTreeSet};

const PAGE: &str = "ARCHITECTURE.md";

/// Dependencies that belong to one crate alone.
const OWNED: &[(&str, &str)] =
    &[("petgraph", "runbook-schedule"), ("serde-saphyr", "runbook-plan"), ("rusqlite", "runbook-journal")];

/// Crates that do no I/O and know no clock and no async runtime, with all that they may depend on.
const PURE: &[(&str, &[&str])] = &[
    ("runbook-model", &["anstyle-parse", "serde", "serde_json", "semver", "strsim"]),
    ("runbook-schedule", &["runbook-model", "petgraph"]),
    ("runbook-rollout", &["runbook-model", "blake3", "serde", "serde_json", "thiserror"]),
];

/// A line of a `[dependencies]` table.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Dependency {
    name: String,
    line: usize,
    for_tests: bool,
    from_workspace: bool,
}

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let arrows = arrows(repository.text(PAGE));
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for file in repository.ending("/Cargo.toml") {
        let Some(name) = file.path.strip_prefix("crates/").and_then(|rest| rest.strip_suffix("/Cargo.toml")) else {
            continue;
        };
        seen.insert(name.to_owned());
        let dependencies = dependencies(&file.text);
        match arrows.get(name) {
            Some(allowed) => found.extend(judge(&file.path, name, &dependencies, allowed)),
            None => found.push(Finding::whole(&file.path, format!("`{name}` is not in the table of {PAGE}; add it"))),
        }
        if !file.text.contains("[lints]\nworkspace = true") {
            found.push(Finding::whole(
                &file.path,
                "the lints of the workspace are not used; add `[lints] workspace = true`",
            ));
        }
    }
    let gone = arrows.keys().filter(|name| !seen.contains(*name));
    found.extend(gone.map(|name| Finding::whole(PAGE, format!("the table has `{name}`, and there is no such crate"))));
    found
}

fn judge(path: &str, name: &str, dependencies: &[Dependency], allowed: &BTreeSet<String>) -> Vec<Finding> {
    let pure = PURE.iter().find(|(pure, _)| *pure == name).map(|(_, may)| *may);
    let mut found = Vec::new();
    for dependency in dependencies {
        let Dependency { name: wanted, line, for_tests, from_workspace } = dependency;
        if !from_workspace {
            let what = format!("`{wanted}` gets its version here; it belongs in the root Cargo.toml, with its reason");
            found.push(Finding::at(path, *line, what));
        }
        if *for_tests {
            continue;
        }
        if wanted.starts_with("runbook") && !allowed.contains(wanted) {
            let what = format!("`{name}` may not know `{wanted}`: the table of {PAGE} has no such arrow");
            found.push(Finding::at(path, *line, what));
        }
        if let Some((_, owner)) = OWNED.iter().find(|(owned, owner)| owned == wanted && *owner != name) {
            found.push(Finding::at(path, *line, format!("only `{owner}` may use `{wanted}`")));
        }
        if pure.is_some_and(|may| !may.contains(&wanted.as_str())) {
            let what = format!("`{name}` does no I/O and knows no clock; `{wanted}` is not among what it may use");
            found.push(Finding::at(path, *line, what));
        }
    }
    found
}

/// The rows of the table whose head begins `| crate | may know |`.
fn arrows(page: &str) -> BTreeMap<String, BTreeSet<String>> {
    let rows = page.lines().skip_while(|line| !line.starts_with("| crate | may know |")).skip(1);
    rows.take_while(|line| line.starts_with('|'))
        .filter_map(cells)
        .filter_map(|row| {
            let name = code(row.first()?).next()?.to_owned();
            Some((name, code(row.get(1)?).map(|short| format!("runbook-{short}")).collect()))
        })
        .collect()
}

/// Everything in a Cargo.toml that is a dependency, in any of the forms that Cargo reads.
fn dependencies(manifest: &str) -> Vec<Dependency> {
    let mut found = Vec::new();
    let mut for_tests = None;
    for (at, line) in manifest.lines().enumerate() {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let (table, one) = match header.split_once("dependencies.") {
                Some((before, name)) => (format!("{before}dependencies"), Some(name)),
                None => (header.to_owned(), None),
            };
            for_tests = table.ends_with("dependencies").then(|| table.ends_with("dev-dependencies"));
            // A table of its own for one dependency: its keys are no dependencies.
            if let Some(name) = one
                && let Some(for_tests) = for_tests.take()
            {
                found.push(Dependency { name: name.to_owned(), line: at + 1, for_tests, from_workspace: false });
            }
            continue;
        }
        let Some(for_tests) = for_tests else { continue };
        let Some((key, value)) = line.split_once('=') else { continue };
        let (name, rest) = key.trim().split_once('.').unwrap_or((key.trim(), ""));
        let from_workspace = rest == "workspace" || value.contains("workspace = true");
        let name = name.trim_matches('"').to_owned();
        found.push(Dependency { name, line: at + 1, for_tests, from_workspace });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str =
        "| crate | may know | why |\n|---|---|---|\n| `runbook-model` | | a |\n| `runbook-plan` | `model` | b |\n";
    const LINTS: &str = "[lints]\nworkspace = true\n";

    fn found(name: &str, manifest: &str) -> Vec<String> {
        let path = format!("crates/{name}/Cargo.toml");
        let other = if name == "runbook-model" { "runbook-plan" } else { "runbook-model" };
        let other = format!("crates/{other}/Cargo.toml");
        let manifest = format!("{LINTS}{manifest}");
        let files = [(PAGE, TABLE), (path.as_str(), manifest.as_str()), (other.as_str(), LINTS)];
        check(&Repository::of(&files)).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn an_arrow_of_the_table_is_fine() {
        assert!(found("runbook-plan", "[dependencies]\nrunbook-model.workspace = true\n").is_empty());
    }

    #[test]
    fn what_is_not_in_the_table_is_found() {
        for (name, manifest, says) in [
            ("runbook-plan", "[dependencies]\nrunbook-engine.workspace = true\n", "may not know `runbook-engine`"),
            ("runbook-plan", "[dependencies]\nrunbook-engine = { workspace = true }\n", "may not know"),
            (
                "runbook-plan",
                "[target.'cfg(unix)'.dependencies]\npetgraph.workspace = true\n",
                "only `runbook-schedule`",
            ),
            ("runbook-plan", "[dependencies]\nserde = \"1\"\n", "gets its version here"),
            ("runbook-plan", "[dependencies.serde]\nversion = \"1\"\n", "gets its version here"),
            ("runbook-model", "[build-dependencies]\ntokio.workspace = true\n", "does no I/O"),
            ("runbook-new", "", "not in the table"),
        ] {
            assert!(found(name, manifest).iter().any(|what| what.contains(says)), "{manifest}");
        }
    }

    #[test]
    fn tests_may_know_more() {
        assert!(found("runbook-model", "[dev-dependencies]\nproptest.workspace = true\n").is_empty());
    }

    #[test]
    fn a_row_without_a_crate_is_found() {
        let files = [(PAGE, TABLE), ("crates/runbook-model/Cargo.toml", LINTS)];
        let found = check(&Repository::of(&files));
        assert!(found.iter().any(|finding| finding.what.contains("no such crate")), "{found:?}");
    }

    #[test]
    fn unused_lints_are_found() {
        let files = [(PAGE, TABLE), ("crates/runbook-model/Cargo.toml", ""), ("crates/runbook-plan/Cargo.toml", LINTS)];
        assert_eq!(check(&Repository::of(&files)).len(), 1);
    }
}
