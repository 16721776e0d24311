//! Tables of kinds: a crate that has one tries the laws on it.

use super::finding::Finding;
use super::repository::Repository;

/// How a table begins.
const TABLE: &str = concat!("pub const KINDS: &[&dyn ", "Kind]");

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let tables = repository.ending(".rs").filter(|file| file.text.contains(TABLE));
    let without = tables.filter(|file| {
        let own = file.path.split("/src/").next().unwrap_or_default();
        !repository.text(&format!("{own}/tests/conformance/main.rs")).contains("conformance::table!(")
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
        let table = ("crates/a/src/lib.rs", TABLE);
        let tests = ("crates/a/tests/conformance/main.rs", "conformance::table!(KINDS, ALL);");
        assert_eq!(check(&Repository::of(&[table])).len(), 1);
        assert!(check(&Repository::of(&[table, tests])).is_empty());
    }
}
