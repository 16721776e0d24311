//! Runs, backups and steps by name: the whole name, or a beginning that only one of them has.

use crate::error::CommandError;
use runbook_model::Next;

/// How many are listed where several begin alike.
const SHOWN: usize = 12;

/// Something that has a name.
pub(crate) struct Named {
    /// Its name.
    pub(crate) name: String,
    /// What else helps to tell it from others.
    pub(crate) about: String,
}

/// The place in `known` of the `what` ("run") that `wanted` means. A refusal lists those that it may mean, or ends with
/// `list`, the command that lists all.
pub(crate) fn pick(what: &str, wanted: &str, known: &[Named], list: &Next) -> Result<usize, CommandError> {
    if wanted.is_empty() {
        return Err(
            CommandError::refused(format!("the name of the {what} is empty")).hint(format!("`{list}` lists them"))
        );
    }
    if let Some(exact) = known.iter().position(|one| one.name == wanted) {
        return Ok(exact);
    }
    let matching: Vec<(usize, &Named)> =
        known.iter().enumerate().filter(|(_, one)| one.name.starts_with(wanted)).collect();
    match matching.as_slice() {
        [(only, _)] => Ok(*only),
        [] => Err(unknown(what, wanted, known, list)),
        several => {
            let listed = several.iter().take(SHOWN).map(|(_, one)| match one.about.as_str() {
                "" => one.name.clone(),
                about => format!("{} ({about})", one.name),
            });
            let mut listed = listed.collect::<Vec<_>>().join(", ");
            if let more @ 1.. = several.len().saturating_sub(SHOWN) {
                listed.push_str(&format!(" and {more} more"));
            }
            let message = format!("{} {what}s begin with `{wanted}`: {listed}", several.len());
            Err(CommandError::refused(message).hint(format!("write more of the name; `{list}` lists all")))
        }
    }
}

fn unknown(what: &str, wanted: &str, known: &[Named], list: &Next) -> CommandError {
    let near = runbook_model::did_you_mean(wanted, known.iter().map(|one| one.name.as_str()));
    let hint = match near {
        Some(near) => format!("did you mean `{near}`? `{list}` lists them"),
        None => format!("`{list}` lists them"),
    };
    CommandError::refused(format!("there is no {what} `{wanted}` on this host")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::{Named, Next, pick};

    fn named(names: &[&str]) -> Vec<Named> {
        names.iter().map(|name| Named { name: (*name).to_owned(), about: String::new() }).collect()
    }

    #[test]
    fn a_whole_name_wins_over_a_beginning() {
        let known = named(&["ab-first", "ab-first-too", "cd"]);
        let picked = |wanted: &str| pick("run", wanted, &known, &Next::History).ok();
        assert_eq!(["ab-first", "ab-first-", "c", "cd"].map(picked), [Some(0), Some(1), Some(2), Some(2)]);
        assert_eq!(["", "ab", "x", "cde"].map(picked), [None; 4]);
    }

    #[test]
    fn many_that_begin_alike_are_counted() {
        let names: Vec<String> = (0..30).map(|nth| format!("a{nth:02}")).collect();
        let known = named(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let told = pick("run", "a", &known, &Next::History).unwrap_err();
        assert!(told.message.starts_with("30 runs begin with `a`: a00, a01"), "{told:?}");
        assert!(told.message.ends_with("a11 and 18 more"), "{told:?}");
    }
}
