//! A service whose processes its manager tells from all others: what steps of housekeeping, and a person who puts files
//! back, go by.

use runbook_host::{Identity, PortOwners, Reader};
use runbook_model::Failure;
use runbook_step::Work;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Such a service.
pub trait TargetService {
    /// Its name, with what tells it from others of that name.
    fn full_name(&self) -> String;

    /// Whether this host knows it, and how it runs, in words; `None` if it is down.
    fn standing(&self, host: &Reader) -> Result<(bool, Option<String>), Failure>;

    /// A name that nobody knows protects nothing.
    fn unknown(&self) -> Failure;

    /// The processes that hold `port`, of which these are the owners, for the service.
    fn keepers(&self, host: &Reader, port: u16, owners: &PortOwners) -> Result<Vec<Identity>, Failure>;

    /// Whether a port of it is another one than that of this host.
    fn has_own_network(&self, host: &Reader) -> Result<bool, Failure> {
        let _ = host;
        Ok(false)
    }

    /// Whether its processes are beside this one, in no group of their own.
    fn is_beside_us(&self) -> bool {
        true
    }

    /// The number of the user that its processes run as, where the manager decides that.
    fn owner(&self, host: &Reader) -> Result<Option<u32>, Failure> {
        let _ = host;
        Ok(None)
    }

    /// What it would be started with now; `None` if this host does not know it yet.
    fn surroundings(&self, host: &Reader) -> Result<Option<Surroundings>, Failure>;

    /// Where a directory of temporary files that its processes call `dir` is on this host; none if it is its own and went
    /// when it stopped.
    fn temp_dirs(&self, host: &Reader, dir: &Path) -> Result<Vec<PathBuf>, Failure> {
        let _ = host;
        Ok(vec![dir.to_owned()])
    }

    /// Brings it down; nothing of it may be left.
    fn put_down(&self, work: &Work<'_>) -> Result<(), Failure>;

    /// Brings it up again, and says how it runs.
    fn put_up(&self, work: &Work<'_>) -> Result<String, Failure>;
}

impl dyn TargetService + '_ {
    /// How it runs, in words; `None` if it is down. One that this host does not know is refused, unless the plan starts it.
    pub fn up(&self, host: &Reader, is_started: bool) -> Result<Option<String>, Failure> {
        match self.standing(host)? {
            (false, _) if !is_started => Err(self.unknown()),
            (_, up) => Ok(up),
        }
    }
}

/// What a service is started with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The variables, without those that are set for each life anew.
    pub environment: BTreeMap<String, String>,
    /// Where it runs.
    pub cwd: PathBuf,
    /// What is executed, the program first.
    pub commands: Vec<Vec<String>>,
}
