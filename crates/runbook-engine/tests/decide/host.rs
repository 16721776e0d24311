//! The files of the simulated host, as far as no step's own trace tells them: what a service writes below a path that is
//! backed up, what a command writes that no plan declares, and directories that steps make on their way.

use std::collections::{BTreeMap, BTreeSet};

/// The path that backups hold. A service writes below it, whatever the plan declares.
pub(crate) const STATE: &str = "/p0";

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    /// What the service wrote below [`STATE`]; 0 before the run.
    pub(crate) state: u32,
    /// What was written where nobody declares anything.
    pub(crate) stray: u32,
    /// What each backup holds of the state, by step.
    pub(crate) backups: BTreeMap<usize, u32>,
    /// The steps whose directory is there, which was not there before.
    pub(crate) made: BTreeSet<usize>,
}

impl Files {
    /// A backup is made once; an attempt after a crash finds it.
    pub(crate) fn back_up(&mut self, step: usize) {
        self.backups.entry(step).or_insert(self.state);
    }

    pub(crate) fn restore(&mut self, step: usize) {
        if let Some(held) = self.backups.get(&step) {
            self.state = *held;
        }
    }
}

/// The directory that a step makes on its way.
pub(crate) fn made_by(step: usize) -> String {
    format!("/new{step}")
}
