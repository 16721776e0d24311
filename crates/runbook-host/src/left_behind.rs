//! What the commands of a step left running when they ended, or when the process ended that ran them.
//!
//! A process belongs to a step if it carries the step's mark in its environment, was in the group of one of its commands when
//! that ended, or was an orphan that this process had adopted by then; and so does what runs below it. It gets TERM, and CONT in case it is stopped, then its grace, then KILL: always by its identity, so that
//! a reused number hits nobody.

use crate::adopted::below;
use crate::errand::MARK;
use crate::patience::{AFTER_KILL, GRACE, LOOK};
use crate::process::{Identity, Process};
use crate::{Host, Notes, Reader, signal_exactly};
use runbook_model::{Failure, Remains, RemainsKind};
use rustix::process::{Pid, Signal};
use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::time::Instant;

/// What was found of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftBehind {
    /// Whether anything ran.
    pub found: bool,
    /// What still runs all the same.
    pub remains: Vec<Remains>,
}

impl Host {
    /// Ends what the commands with the mark `tag` left running. Costs nothing if no command of this run had it.
    pub fn end_left_behind(&self, tag: &str) -> LeftBehind {
        if !self.errand.running.ran(tag) {
            return LeftBehind::default();
        }
        let host = self.unhurried();
        let noted = self.errand.running.left(tag);
        let own = host.own_line();
        let found = || host.left_by(tag, &noted);
        let (ours, others): (Vec<_>, Vec<_>) = found().into_iter().partition(|one| own.contains(&one.identity.pid));
        if others.is_empty() && ours.is_empty() {
            return LeftBehind::default();
        }
        let still = end_all(&host, &|| found().into_iter().filter(|one| !own.contains(&one.identity.pid)).collect());
        let mut remains: Vec<Remains> =
            still.iter().map(|process| remaining(process, "it could not be ended")).collect();
        remains.extend(ours.iter().map(|process| remaining(process, "this runbook runs below it")));
        LeftBehind { found: true, remains }
    }
}

impl Reader {
    /// What runs of the commands with this mark. `noted` were in the groups of its commands when those ended, or adopted.
    fn left_by(&self, tag: &str, noted: &[Identity]) -> Vec<Process> {
        let all = self.processes().unwrap_or_default();
        // As long as one that was noted lives, the number of its group is not used again.
        let groups: HashSet<u32> =
            all.iter().filter(|process| noted.contains(&process.identity)).map(|process| process.group).collect();
        let marked: BTreeSet<Identity> = self.marked(tag);
        let below = below(&all, noted);
        let ours = |process: &Process| {
            let Process { identity, group, .. } = process;
            groups.contains(group) || marked.contains(identity) || below.contains(&identity.pid)
        };
        all.into_iter().filter(ours).collect()
    }

    fn marked(&self, tag: &str) -> BTreeSet<Identity> {
        let found = self.processes_with_env(MARK, Path::new(tag)).unwrap_or_default();
        found.into_iter().map(|process| process.identity).collect()
    }

    /// The processes that run now in the group `leader`, whose number cannot have passed on: its leader has just ended.
    pub(crate) fn members(&self, leader: Pid) -> Vec<Identity> {
        // Nothing there is the usual case, and one call tells.
        if rustix::process::test_kill_process_group(leader) == Err(rustix::io::Errno::SRCH) {
            return Vec::new();
        }
        let group = leader.as_raw_nonzero().get().unsigned_abs();
        let all = self.unhurried().processes().unwrap_or_default();
        all.into_iter().filter(|process| process.group == group).map(|process| process.identity).collect()
    }

    /// This process and those above it.
    fn own_line(&self) -> Vec<u32> {
        let own = std::process::id();
        let above = self.ancestors(own).unwrap_or_default();
        above.into_iter().map(|process| process.identity.pid).chain([own]).collect()
    }
}

/// Ends what a process that is gone, or is about to go, had running by its notes. A command that ended well may have left
/// a service running, which is what it was for: its group is spared.
pub fn end_noted(notes: &Notes<'_>) {
    let host = Reader::new("/", "/");
    let running: HashSet<Pid> = notes.running.iter().map(|(group, _)| *group).collect();
    let over: HashSet<u32> =
        notes.known.difference(&running).map(|group| group.as_raw_nonzero().get().unsigned_abs()).collect();
    let tags: BTreeSet<&str> =
        notes.running.iter().map(|(_, tag)| *tag).chain(notes.announced.iter().copied()).collect();
    if tags.is_empty() {
        return;
    }
    let own = host.own_line();
    end_all(&host, &|| {
        let found = tags.iter().flat_map(|tag| host.processes_with_env(MARK, Path::new(tag)).unwrap_or_default());
        found.filter(|process| !over.contains(&process.group) && !own.contains(&process.identity.pid)).collect()
    });
}

/// TERM, the grace, KILL to all that `find` finds, and what they start meanwhile. Returns what still runs after that.
fn end_all(host: &Reader, find: &dyn Fn() -> Vec<Process>) -> Vec<Process> {
    for (signals, patience) in [(&[Signal::TERM, Signal::CONT][..], GRACE), (&[Signal::KILL][..], AFTER_KILL)] {
        let until = Instant::now() + patience;
        let mut told = BTreeSet::new();
        loop {
            let found = find();
            // One that forks while the list is read may be missed once.
            if found.is_empty() && find().is_empty() {
                return Vec::new();
            }
            for process in found {
                if told.insert(process.identity.clone()) {
                    let _: Result<Vec<bool>, Failure> =
                        signals.iter().map(|signal| signal_exactly(host, &process.identity, *signal)).collect();
                }
            }
            if Instant::now() >= until {
                break;
            }
            std::thread::sleep(LOOK);
        }
    }
    find()
}

fn remaining(process: &Process, why: &str) -> Remains {
    let Process { identity, name, .. } = process;
    Remains::new(RemainsKind::Running, format!("{identity} ({name})"), why)
}
