//! Runs and backups by name: the whole name, or a beginning that only one of them has.

use jiff::Timestamp;

/// How many are listed where several begin alike.
const SHOWN: usize = 12;

/// What has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A run of a plan.
    Run,
    /// A backup on this host.
    Backup,
}

/// Something that has a name, with what helps to tell it from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// Its plan, if that is known.
    pub plan: Option<String>,
    /// When it began, in milliseconds since 1970.
    pub began: Option<i64>,
}

/// A name that means nothing, or several things.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misnamed {
    /// There is no name.
    #[error("the name of the {} is empty", .what.word())]
    Empty {
        /// What it would name.
        what: Thing,
    },
    /// Nothing is called that.
    #[error("there is no {} `{wanted}` on this host", .what.word())]
    Unknown {
        /// What it would name.
        what: Thing,
        /// The name.
        wanted: String,
        /// A name that is nearly the same.
        near: Option<String>,
    },
    /// Several begin with it.
    #[error("{} {}s begin with `{wanted}`: {}", .several.len(), .what.word(), listed(.several))]
    Ambiguous {
        /// What it would name.
        what: Thing,
        /// The beginning.
        wanted: String,
        /// All that it may mean.
        several: Vec<Named>,
    },
}

impl Misnamed {
    /// What it would name.
    pub fn what(&self) -> Thing {
        match self {
            Self::Empty { what } | Self::Unknown { what, .. } | Self::Ambiguous { what, .. } => *what,
        }
    }
}

impl Thing {
    fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Backup => "backup",
        }
    }
}

/// The place in `known` of the thing that `wanted` means.
pub(crate) fn pick(what: Thing, wanted: &str, known: &[Named]) -> Result<usize, Misnamed> {
    if wanted.is_empty() {
        return Err(Misnamed::Empty { what });
    }
    if let Some(exact) = known.iter().position(|one| one.name == wanted) {
        return Ok(exact);
    }
    let matching: Vec<(usize, &Named)> =
        known.iter().enumerate().filter(|(_, one)| one.name.starts_with(wanted)).collect();
    let wanted = wanted.to_owned();
    match matching.as_slice() {
        [(only, _)] => Ok(*only),
        [] => {
            // A long name is typed by its beginning.
            let beginnings = known.iter().filter_map(|one| one.name.get(..wanted.len())).filter(|one| one.len() > 3);
            let near =
                runbook_model::did_you_mean(&wanted, known.iter().map(|one| one.name.as_str()).chain(beginnings));
            Err(Misnamed::Unknown { what, near: near.map(str::to_owned), wanted })
        }
        several => {
            let several = several.iter().map(|(_, one)| (*one).clone()).collect();
            Err(Misnamed::Ambiguous { what, wanted, several })
        }
    }
}

fn listed(several: &[Named]) -> String {
    let one = |one: &Named| {
        let began = one.began.and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let began = began.map(|began| began.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
        match one.plan.iter().cloned().chain(began).collect::<Vec<_>>().join(", ") {
            about if about.is_empty() => one.name.clone(),
            about => format!("{} ({about})", one.name),
        }
    };
    let mut text = several.iter().take(SHOWN).map(one).collect::<Vec<_>>().join(", ");
    if let more @ 1.. = several.len().saturating_sub(SHOWN) {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Misnamed, Named, Thing, pick};

    fn named(names: &[&str]) -> Vec<Named> {
        names.iter().map(|name| Named { name: (*name).to_owned(), plan: None, began: None }).collect()
    }

    #[test]
    fn a_whole_name_wins_over_a_beginning() {
        let known = named(&["ab-first", "ab-first-too", "cd"]);
        let picked = |wanted: &str| pick(Thing::Run, wanted, &known).ok();
        assert_eq!(["ab-first", "ab-first-", "c", "cd"].map(picked), [Some(0), Some(1), Some(2), Some(2)]);
        assert_eq!(["", "ab", "x", "cde"].map(picked), [None; 4]);
    }

    #[test]
    fn a_beginning_with_a_slip_is_suggested() {
        let told = pick(Thing::Run, "7k2m9d", &named(&["7k2m9cq4v8w1x5yz", "b"])).unwrap_err();
        let wanted =
            Misnamed::Unknown { what: Thing::Run, wanted: "7k2m9d".to_owned(), near: Some("7k2m9c".to_owned()) };
        assert_eq!(told, wanted);
    }

    #[test]
    fn many_that_begin_alike_are_counted() {
        let names: Vec<String> = (0..30).map(|nth| format!("a{nth:02}")).collect();
        let known = named(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let told = pick(Thing::Run, "a", &known).unwrap_err().to_string();
        assert!(told.starts_with("30 runs begin with `a`: a00, a01"), "{told:?}");
        assert!(told.ends_with("a11 and 18 more"), "{told:?}");
    }

    #[test]
    fn runs_that_begin_alike_are_told_apart_by_plan_and_time() {
        let one =
            |name: &str, began| Named { name: name.to_owned(), plan: Some("demo".to_owned()), began: Some(began) };
        let told = pick(Thing::Run, "7", &[one("7a", 0), one("7b", 1000)]).unwrap_err().to_string();
        let wanted = "7a (demo, 1970-01-01 00:00:00 UTC), 7b (demo, 1970-01-01 00:00:01 UTC)";
        assert!(told.ends_with(wanted), "{told}");
    }
}
