//! Orphans of commands. The kernel gives them to this process, whatever session, group and environment they made for
//! themselves, instead of to init; so the command that left them is known.

use crate::process::{Identity, Process};
use crate::{Reader, started};
use std::collections::{BTreeSet, HashMap};

/// From now on orphans of what this process starts are its children (prctl(2), `PR_SET_CHILD_SUBREAPER`). Where a system has
/// no such thing, they are found by group and mark alone.
pub fn adopt_orphans() {
    #[cfg(all(target_os = "linux", not(feature = "portable")))]
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

impl Reader {
    /// The children of this process that it did not start itself. A supervisor is this program too, and no orphan.
    pub(crate) fn adopted(&self) -> Vec<Identity> {
        let host = self.unhurried();
        let own = started::leaders();
        let orphans: Vec<u32> = host.own_children().into_iter().filter(|pid| !own.contains(pid)).collect();
        // None is the usual case.
        if orphans.is_empty() {
            return Vec::new();
        }
        let program = |pid| {
            let process = host.process(pid).ok()??;
            Some((host.executed(&process.identity).ok()??.exe, process))
        };
        let itself = program(std::process::id()).and_then(|(exe, _)| exe);
        let found = orphans.into_iter().filter_map(program).filter(|(exe, process)| !process.ended && *exe != itself);
        found.map(|(_, process)| process.identity).collect()
    }
}

/// Those of `all` that are below one of `above`.
pub(crate) fn below(all: &[Process], above: &[Identity]) -> BTreeSet<u32> {
    let parents: HashMap<u32, u32> = all.iter().map(|process| (process.identity.pid, process.parent)).collect();
    let tops: BTreeSet<u32> =
        all.iter().map(|process| &process.identity).filter(|one| above.contains(one)).map(|one| one.pid).collect();
    let is_below = |pid: u32| {
        // A chain is never longer than the list; the list is not read in one moment.
        let chain = std::iter::successors(Some(pid), |pid| parents.get(pid).copied()).take(all.len() + 1);
        chain.into_iter().any(|pid| tops.contains(&pid))
    };
    all.iter().map(|process| process.identity.pid).filter(|pid| is_below(*pid)).collect()
}
