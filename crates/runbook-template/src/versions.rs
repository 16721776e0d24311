//! The tests that compare versions. A semver and a date version have no order, and saying so is an error, not `false`.

use minijinja::{Error, ErrorKind};
use runbook_model::Version;
use std::cmp::Ordering;

pub(crate) fn is_older_than(left: &str, right: &str) -> Result<bool, Error> {
    compare(left, right).map(Ordering::is_lt)
}

pub(crate) fn is_newer_than(left: &str, right: &str) -> Result<bool, Error> {
    compare(left, right).map(Ordering::is_gt)
}

fn compare(left: &str, right: &str) -> Result<Ordering, Error> {
    let (a, b) = (parse(left)?, parse(right)?);
    a.compare(&b).ok_or_else(|| {
        let kind = |version: &Version| match version {
            Version::Date(_) => "a date version",
            Version::Semver(_) => "semver",
        };
        failed(format!("`{left}` is {} and `{right}` is {}; neither is older than the other", kind(&a), kind(&b)))
    })
}

fn parse(text: &str) -> Result<Version, Error> {
    Version::parse(text).map_err(|error| failed(format!("`{text}` cannot be compared: {error}")))
}

fn failed(message: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}
