//! One thing that a backup cannot bring back as it was, and how that is told.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::escaped;

/// One thing that a backup does not hold as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Where it is.
    #[serde(with = "escaped::path")]
    pub path: PathBuf,
    /// What it is.
    #[serde(flatten)]
    pub what: LimitKind,
}

/// Sorts of limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "limit", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LimitKind {
    /// A socket belongs to the process that listens on it, and is not there after a restore.
    Socket,
    /// The file has so many names outside of the backup: after a restore they are another file.
    OtherNames {
        /// How many.
        count: u64,
    },
    /// A link leads to a place that the backup does not hold: what is written through it does not come back.
    LeadsOut {
        /// Where it leads.
        #[serde(with = "escaped::path")]
        to: PathBuf,
    },
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.what {
            LimitKind::Socket => write!(f, "{path} is a socket, which only the process that listens on it can make"),
            LimitKind::OtherNames { count: 1 } => {
                write!(f, "{path} has another name outside, which would be another file")
            }
            LimitKind::OtherNames { count } => {
                write!(f, "{path} has {count} names outside, which would be another file")
            }
            LimitKind::LeadsOut { to } => write!(f, "{path} leads to {}, which is not in the backup", to.display()),
        }
    }
}
