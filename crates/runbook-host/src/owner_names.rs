//! The names that stand beside the numbers of owners in a backup.

use crate::Reader;
use crate::users::LIMIT;
use runbook_backup::Owner;
use runbook_model::Failure;
use std::cell::OnceCell;
use std::time::Duration;

/// The names of owners while one thing is done. Once the host did not tell one, its files tell all others: a
/// directory service that hangs is waited for once.
#[derive(Debug)]
pub struct OwnerNames<'a> {
    host: &'a Reader,
    limit: Duration,
    silent: OnceCell<Failure>,
}

impl<'a> OwnerNames<'a> {
    /// The names that `host` tells.
    pub fn of(host: &'a Reader) -> Self {
        Self { host, limit: LIMIT, silent: OnceCell::new() }
    }

    /// The name of a user or a group; `None` if nobody tells it.
    pub fn name(&self, owner: Owner) -> Option<String> {
        let (database, number) = match owner {
            Owner::User(number) => ("passwd", number.to_string()),
            Owner::Group(number) => ("group", number.to_string()),
        };
        let asked = match self.silent.get() {
            Some(_) => None,
            None => self.host.entry(database, &number, self.limit).map_err(|failure| self.silent.set(failure)).ok(),
        };
        let line = asked.map_or_else(|| self.host.entry_of_file(database, &number).ok(), Some)??;
        line.split_once(':').map(|(name, _)| name.to_owned())
    }

    /// What a person should know of the names that were told.
    pub fn remark(&self) -> Option<String> {
        let failure = self.silent.get()?;
        Some(format!("the names of owners are from the files of the host, for {}", failure.message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::tests::inside_with_getent;

    #[test]
    fn names_of_owners_are_told_by_the_host() {
        let host = Reader::new("/nowhere", "/nowhere");
        let names = OwnerNames::of(&host);
        assert_eq!(names.name(Owner::User(0)).as_deref(), Some("root"));
        assert_eq!(names.name(Owner::Group(0)).as_deref(), Some("root"));
        assert_eq!(names.name(Owner::User(u32::MAX - 1)), None);
        assert_eq!(names.remark(), None);
    }

    #[test]
    fn whoever_does_not_answer_is_asked_once() {
        let hangs = "#!/bin/sh\necho \"$@\" >> \"$DIR/asked\"\nexec sleep 1000\n";
        if !inside_with_getent("owner_names::tests::whoever_does_not_answer_is_asked_once", hangs) {
            return;
        }
        let host = Reader::new("/nowhere", "/nowhere");
        let names = OwnerNames { limit: Duration::from_secs(1), ..OwnerNames::of(&host) };
        for owner in [Owner::User(0), Owner::Group(0), Owner::User(0)] {
            assert_eq!(names.name(owner).as_deref(), Some("root"));
        }
        assert_eq!(names.name(Owner::User(u32::MAX - 1)), None);
        let asked = std::fs::read_to_string(format!("{}/asked", std::env::var("DIR").unwrap())).unwrap();
        assert_eq!(asked, "passwd 0\n");
        let remark = names.remark().unwrap();
        assert!(remark.starts_with("the names of owners are from the files of the host, for "), "{remark}");
    }
}
