//! Source files: how they open, how long they are, what they are called, and what must not stand in them.

use super::finding::Finding;
use super::repository::{File, Repository};

/// Lines of a file without its tests.
const LONGEST: usize = 500;

/// Notes to oneself. Split, so that this file does not find itself.
const NOTES: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
    concat!("HA", "CK"),
    concat!("unimple", "mented!"),
    concat!("to", "do!("),
];

/// How a block of properties says where the cases are kept that failed.
const KEPT: &str = "#![proptest_config(test_rules::cases(";

/// The crate that says how.
const RULES: &str = "crates/test-rules/";

/// Names that say nothing.
const EMPTY_NAMES: &[&str] = &["utils", "util", "helpers", "helper", "manager", "common", "misc"];

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let rust = repository.ending(".rs").flat_map(judge);
    rust.chain(repository.files().flat_map(notes)).collect()
}

fn judge(file: &File) -> Vec<Finding> {
    let mut found = Vec::new();
    if !file.text.starts_with("//!") {
        found.push(Finding::at(&file.path, 1, "does not open with `//!`: say what is here and what is not"));
    }
    let code = code(&file.text);
    let lines = code.lines().count();
    if !is_test(&file.path) && lines > LONGEST {
        found.push(Finding::whole(&file.path, format!("{lines} lines without tests: it holds two things; split it")));
    }
    let mut parts = file.path.trim_end_matches(".rs").split('/');
    if let Some(name) = parts.find(|part| EMPTY_NAMES.contains(part)) {
        found.push(Finding::whole(&file.path, format!("`{name}` says nothing; name what it holds")));
    }
    let (properties, kept) = (file.text.matches(concat!("proptest", "! {")).count(), file.text.matches(KEPT).count());
    if properties > kept && !file.path.starts_with(RULES) {
        found.push(Finding::whole(
            &file.path,
            format!("a property without `{KEPT}…))]`: a case that fails is not kept"),
        ));
    }
    let tests_from = if is_test(&file.path) { 0 } else { lines };
    for (at, line) in file.text.lines().enumerate() {
        if at >= tests_from && line.contains(concat!("thread::", "sleep")) {
            found.push(Finding::at(&file.path, at + 1, "a test waits for what happens, never for time to pass"));
        }
        if line.trim() == concat!("#[", "ignore]") {
            found.push(Finding::at(&file.path, at + 1, "say why: `#[ignore = \"…\"]`"));
        }
        if line.contains(concat!("\"SKIP", "PED")) && !file.path.starts_with(RULES) {
            found.push(Finding::at(&file.path, at + 1, "a test is skipped by `test_rules::skip`, which fails in CI"));
        }
        if !is_test(&file.path) && line.contains(concat!("#[", "allow(")) {
            found.push(Finding::at(&file.path, at + 1, "use `#[expect(…, reason = \"…\")]`"));
        }
    }
    found
}

/// A word counts where no letter stands beside it, so that `.NAME-XXXXXX` is a name.
fn notes(file: &File) -> Vec<Finding> {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut found = Vec::new();
    for (at, line) in file.text.lines().enumerate() {
        for note in NOTES {
            let stands_alone = line.match_indices(note).any(|(from, _)| {
                !line[..from].ends_with(is_letter) && !line[from + note.len()..].starts_with(is_letter)
            });
            if stands_alone {
                found.push(Finding::at(&file.path, at + 1, format!("`{note}`: do it, or open an issue")));
            }
        }
    }
    found
}

/// The text before the tests at the end of a file.
pub(crate) fn code(text: &str) -> &str {
    text.find("#[cfg(test)]\nmod tests {").map_or(text, |from| &text[..from])
}

/// Whether a file holds nothing but tests or benches.
pub(crate) fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.contains("/benches/") || path.ends_with("/tests.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        check(&Repository::of(&[(path, text)])).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn a_tidy_file_is_fine() {
        assert!(found("a/src/b.rs", "//! What is here.\n\nfn main() {}\n").is_empty());
    }

    #[test]
    fn what_must_not_stand_in_a_file_is_found() {
        let sleep = concat!("//! x\nfn t() { std::thread::", "sleep(d) }\n");
        let tail = format!("//! x\n#[cfg(test)]\nmod tests {{\n{sleep}}}\n");
        let long = format!("//! x\n{}", "fn f() {}\n".repeat(LONGEST));
        for (path, text, says) in [
            ("a/src/b.rs", "fn main() {}\n", "does not open"),
            ("a/src/b.rs", long.as_str(), "two things"),
            ("a/src/utils.rs", "//! x\n", "says nothing"),
            ("a/src/helpers/b.rs", "//! x\n", "says nothing"),
            ("a/tests/b.rs", sleep, "never for time to pass"),
            ("a/src/b.rs", tail.as_str(), "never for time to pass"),
            ("a/src/b.rs", concat!("//! x\n#[", "ignore]\n"), "say why"),
            ("a/src/b.rs", concat!("//! x\n#[", "allow(dead_code)]\n"), "expect"),
            ("a/src/b.rs", concat!("//! x\n// TO", "DO: later\n"), "open an issue"),
            ("docs/a.md", concat!("FIX", "ME"), "open an issue"),
            ("a/tests/b.rs", concat!("//! x\nprintln!(\"SKIP", "PED: no npm\");\n"), "test_rules::skip"),
            ("a/tests/b.rs", concat!("//! x\nproptest", "! {\n"), "is not kept"),
        ] {
            assert!(found(path, text).iter().any(|what| what.contains(says)), "{text}");
        }
    }

    #[test]
    fn tests_do_not_count_as_length_and_code_may_wait() {
        let tests =
            format!("//! x\nuse std::thread::{};\n#[cfg(test)]\nmod tests {{\n{}}}\n", "sleep", "//\n".repeat(LONGEST));
        assert!(found("a/src/b.rs", &tests).is_empty());
    }

    #[test]
    fn part_of_a_name_is_no_note() {
        assert!(found("a/b.md", concat!(".NAME-X", "XXXXX and TO", "DOS")).is_empty());
    }
}
