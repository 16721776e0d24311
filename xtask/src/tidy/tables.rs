//! Tables of kinds: a crate that has one tries the laws on it.

use super::finding::Finding;
use super::repository::Repository;

/// How a table begins.
const TABLES: [&str; 2] = [concat!("pub const KINDS: &[&dyn ", "Kind]"), concat!("runbook_step::", "kinds! {")];

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let tables = repository.ending(".rs").filter(|file| TABLES.iter().any(|table| file.text.contains(table)));
    let without = tables.filter(|file| {
        let own = file.path.split("/src/").next().unwrap_or_default();
        !repository.text(&format!("{own}/tests/conformance/main.rs")).contains("conformance::table!")
    });
    without
        .map(|file| Finding::whole(&file.path, "its kinds are not held to the laws: `conformance::table!`"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_without_laws_is_found() {
        let tests = ("crates/a/tests/conformance/main.rs", "conformance::table!(KINDS, ALL);");
        for table in TABLES.map(|table| ("crates/a/src/lib.rs", table)) {
            assert_eq!(check(&Repository::of(&[table])).len(), 1);
            assert!(check(&Repository::of(&[table, tests])).is_empty());
        }
    }
}
