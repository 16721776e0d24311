//! The checks, and what they share: a list of files to look at, and findings to report.

mod circles;
mod finding;
mod format;
mod manifests;
mod pages;
mod proofs;
mod repository;
mod sources;
mod table;
mod tables;
mod traces;
mod wall;
mod walls;
mod words;

use finding::Finding;
use repository::Repository;

/// Every check. Adding one is a file and a line here.
const CHECKS: &[fn(&Repository) -> Vec<Finding>] = &[
    manifests::check,
    sources::check,
    tables::check,
    walls::check,
    circles::check,
    format::check,
    traces::check,
    pages::check,
    words::check,
    proofs::check,
];

/// Looks at the repository that this program was built in; an error lists what is not tidy.
pub(crate) fn report() -> Result<String, String> {
    let repository = Repository::read().map_err(|error| format!("cannot list the files of the repository: {error}"))?;
    let mut found: Vec<Finding> = CHECKS.iter().flat_map(|check| check(&repository)).collect();
    found.sort();
    if found.is_empty() {
        return Ok(format!("tidy: {} files looked at, nothing found", repository.len()));
    }
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    Err(format!("{}\ntidy: {} found", lines.join("\n"), found.len()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_repository_is_tidy() {
        if let Err(found) = super::report() {
            panic!("{found}");
        }
    }
}
