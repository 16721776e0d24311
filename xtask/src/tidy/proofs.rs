//! Proofs: the pages that say which test proves what name tests that exist.

use super::finding::Finding;
use super::repository::Repository;
use super::table::{code, prose};
use std::collections::BTreeSet;

/// Pages on which a code span with a name of several words is the name of a test.
const PAGES: &[&str] = &["ARCHITECTURE.md", "docs/case-studies.md"];

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let known: BTreeSet<&str> = repository.ending(".rs").flat_map(|file| functions(&file.text)).collect();
    let mut found = Vec::new();
    for page in PAGES {
        for (at, line) in prose(repository.text(page)) {
            for name in code(line).filter(|name| is_test_name(name) && !known.contains(name)) {
                found.push(Finding::at(page, at, format!("there is no test `{name}`")));
            }
        }
    }
    found
}

/// The names of all functions; those that macros make tests of stand as functions too.
fn functions(text: &str) -> impl Iterator<Item = &str> {
    text.split("fn ").skip(1).filter_map(|rest| rest.split('(').next()).filter(|name| is_word(name))
}

fn is_word(name: &str) -> bool {
    !name.is_empty()
        && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
}

/// Two words at least, so that names of fields and modules are left alone; lints have other places.
fn is_test_name(name: &str) -> bool {
    is_word(name) && name.matches('_').count() >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_is_gone_is_found() {
        let tests = ("crates/a/tests/b.rs", "#[test]\nfn it_goes_back() {\n");
        let page = ("docs/case-studies.md", "`it_goes_back`, `it_is_gone_now`, `snake_case`\n");
        let found = check(&Repository::of(&[tests, page]));
        assert_eq!(found, [Finding::at("docs/case-studies.md", 1, "there is no test `it_is_gone_now`")]);
    }
}
