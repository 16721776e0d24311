//! What a run leaves on the host that is not as it was before it, or of which nobody knows.

use serde::{Deserialize, Serialize};

/// One thing that a closing line has to name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remains {
    /// What sort of thing.
    pub what: RemainsKind,
    /// The path, or the name of the process, unit or signal.
    pub path: String,
    /// One clause for people: `1 file differs`, `holds what was there before, until retention ends`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The device and the inode of the directory that holds it, where that directory is removed when retention ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_in: Option<(u64, u64)>,
}

/// Sorts of what remains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemainsKind {
    /// A rollback kept it on purpose, and it differs from the backup.
    Kept,
    /// What was replaced, moved out of the way until retention ends.
    SetAside,
    /// The run made it, and it is still there.
    Left,
    /// It cannot be compared with what was there before.
    NotCompared,
    /// It was there before the run and could not be brought back.
    Lost,
    /// A process that the run started and could not end.
    Running,
    /// Nothing any more: it takes back what was said of this path before.
    Gone,
}

impl Remains {
    /// See the fields.
    pub fn new(what: RemainsKind, path: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { what, path: path.into(), detail: detail.into(), held_in: None }
    }

    /// What an earlier word said of this path does not hold any more.
    pub fn gone(path: impl Into<String>) -> Self {
        Self::new(RemainsKind::Gone, path, "")
    }

    /// The same in a directory that is removed when retention ends.
    #[must_use]
    pub fn held_in(self, id: (u64, u64)) -> Self {
        Self { held_in: Some(id), ..self }
    }

    /// Adds `more` to `known`; a later word about the same thing replaces an earlier one.
    pub fn merge(known: &mut Vec<Self>, more: &[Self]) {
        for one in more {
            if one.what == RemainsKind::Gone {
                known.retain(|old| old.path != one.path);
                continue;
            }
            known.retain(|old| (old.what, &old.path) != (one.what, &one.path));
            known.push(one.clone());
        }
    }
}
