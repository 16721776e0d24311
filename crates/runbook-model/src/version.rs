//! Versions: semver and dates, which are different things and are never compared with one another.
//!
//! The second field report has a plugin that read every `x.y.z` as a date version and called `2.0.1` older than
//! `2026.3.22`. Here that comparison has no answer.

use semver::Prerelease;
use std::cmp::Ordering;
use std::fmt;

/// A version as packages write it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// `2026.3.23`, `2026.3.23-2`, `2026.3.23-beta.1`.
    Date(DateVersion),
    /// `0.8.3-beta`, `2.0.1`.
    Semver(semver::Version),
}

/// `YYYY.M.D`, then nothing, a later build `-2`, or a pre-release `-beta.1`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DateVersion {
    year: u16,
    month: u8,
    day: u8,
    suffix: Suffix,
}

/// What follows the date; the order of the variants is their order in time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Suffix {
    Before(Prerelease),
    Release,
    Build(u64),
}

/// Why a text is not a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionError {
    /// A tag such as `latest` or a range such as `^1.2`: it means something else tomorrow.
    NotExact,
    /// It has the shape of a date version, but there is no such day.
    NoSuchDay,
    /// Neither semver nor a date version.
    Malformed,
}

impl fmt::Display for VersionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotExact => "it is a tag or a range, not one exact version",
            Self::NoSuchDay => "it looks like a date version, but there is no such day",
            Self::Malformed => "it is neither semver (1.4.2) nor a date version (2026.3.23-2)",
        })
    }
}

impl std::error::Error for VersionError {}

impl Version {
    /// The version written in `text`, without a leading `v`.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        if let Some(date) = DateVersion::parse(text) {
            return date.map(Self::Date);
        }
        match semver::Version::parse(text) {
            Ok(version) => Ok(Self::Semver(version)),
            Err(_) if is_range_or_tag(text) => Err(VersionError::NotExact),
            Err(_) => Err(VersionError::Malformed),
        }
    }

    /// The order of two versions; `None` where one is a date and the other is not.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Date(a), Self::Date(b)) => Some(a.key().cmp(&b.key())),
            (Self::Semver(a), Self::Semver(b)) => Some(a.cmp_precedence(b)),
            _ => None,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Semver(version) => version.fmt(f),
            Self::Date(date) => {
                write!(f, "{}.{}.{}", date.year, date.month, date.day)?;
                match &date.suffix {
                    Suffix::Release => Ok(()),
                    Suffix::Before(pre) => write!(f, "-{pre}"),
                    Suffix::Build(build) => write!(f, "-{build}"),
                }
            }
        }
    }
}

impl DateVersion {
    /// `None` where the text has not the shape of a date version, which starts with four digits of a year.
    fn parse(text: &str) -> Option<Result<Self, VersionError>> {
        let (date, suffix) = text.split_once('-').map_or((text, None), |(date, suffix)| (date, Some(suffix)));
        let mut parts = date.split('.');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        let numeric = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if parts.next().is_some() || year.len() != 4 || ![year, month, day].into_iter().all(numeric) {
            return None;
        }
        let (Ok(year), Ok(month), Ok(day)) = (year.parse::<u16>(), month.parse::<u8>(), day.parse::<u8>()) else {
            return Some(Err(VersionError::NoSuchDay));
        };
        if year < 1970 || day == 0 || day > days_in(year, month) {
            return Some(Err(VersionError::NoSuchDay));
        }
        let suffix = match suffix {
            None => Suffix::Release,
            Some(text) if numeric(text) => match text.parse() {
                Ok(build) => Suffix::Build(build),
                Err(_) => return Some(Err(VersionError::Malformed)),
            },
            Some(text) => match Prerelease::new(text) {
                Ok(pre) if !pre.is_empty() => Suffix::Before(pre),
                _ => return Some(Err(VersionError::Malformed)),
            },
        };
        Some(Ok(Self { year, month, day, suffix }))
    }

    fn key(&self) -> (u16, u8, u8, &Suffix) {
        (self.year, self.month, self.day, &self.suffix)
    }
}

fn days_in(year: u16, month: u8) -> u8 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 0,
    }
}

fn is_range_or_tag(text: &str) -> bool {
    let tag = text.starts_with(|c: char| c.is_ascii_alphabetic() && c != 'v')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    tag || text.starts_with(['^', '~', '<', '>', '=', '*'])
        || text.contains(['*', '|', ' '])
        || text.split('.').any(|part| part.eq_ignore_ascii_case("x"))
        || (!text.is_empty()
            && text.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
            && text.split('.').count() < 3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Ordering::{Greater, Less};

    fn order(a: &str, b: &str) -> Option<Ordering> {
        Version::parse(a).unwrap().compare(&Version::parse(b).unwrap())
    }

    #[test]
    fn the_reports_own_strings() {
        assert_eq!(order("2026.3.13", "2026.3.8"), Some(Greater));
        assert_eq!(order("2026.3.23-2", "2026.3.23"), Some(Greater));
        assert_eq!(order("2026.3.23-2", "2026.3.22"), Some(Greater));
        assert_eq!(order("2026.4.15", "2026.4.22"), Some(Less));
        assert_eq!(order("2026.3.23-beta.1", "2026.3.23"), Some(Less));
        assert_eq!(order("0.8.3-beta", "0.8.3"), Some(Less));
        assert_eq!(order("2.0.1", "1.0.2"), Some(Greater));
        assert_eq!(order("2.0.1", "2026.3.22"), None, "a plugin's version is not a host's date");
        assert_eq!(order("0.8.3-beta", "2026.3.22"), None);
    }

    #[test]
    fn what_is_not_a_version_says_why() {
        for tag in ["latest", "next", "^1.2.3", "~1.2.3", "1.x", "1.2", "*", ">=1 <2"] {
            assert_eq!(Version::parse(tag), Err(VersionError::NotExact), "{tag}");
        }
        for day in ["2026.13.1", "2026.2.30", "2026.3.0", "2026.999.1"] {
            assert_eq!(Version::parse(day), Err(VersionError::NoSuchDay), "{day}");
        }
        for text in ["", "v1.2.3", "1.2.3.4", "2026.3.23-", "1..2"] {
            assert_eq!(Version::parse(text), Err(VersionError::Malformed), "{text}");
        }
    }

    #[test]
    fn versions_print_as_written() {
        for text in ["2026.3.23-2", "2026.4.15", "2026.3.23-beta.1", "0.8.3-beta", "2.0.1+build"] {
            assert_eq!(Version::parse(text).unwrap().to_string(), text);
        }
    }
}
