//! What can go wrong with a host that could run here. Why no host can run here at all is in `available.rs`.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// What every call on a host gives.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A fault of the lab, or of a command that was expected to succeed.
#[derive(thiserror::Error)]
pub enum Error {
    /// A file of the lab could not be read, written or removed.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A program could not be started or spoken to.
    #[error("cannot run {command}: {source}")]
    Start {
        /// The program and its arguments.
        command: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A command ended with another exit code than 0.
    #[error("{command} ended with {code}\n{text}")]
    Failed {
        /// The program and its arguments.
        command: String,
        /// Its exit code; 128 and the number of the signal where one ended it.
        code: i32,
        /// All that it printed.
        text: String,
    },
    /// A host did not come up.
    #[error("host `{name}` did not come up: {why}\n{console}")]
    Boot {
        /// The host.
        name: String,
        /// How far it came.
        why: String,
        /// The end of what its console showed.
        console: String,
    },
    /// A call that needs a running host found it off.
    #[error("host `{name}` is off; boot it again first")]
    Off {
        /// The host.
        name: String,
    },
    /// Something did not come true in time.
    #[error("{what} did not come true within {within:?}; last seen:\n{seen}")]
    Late {
        /// What was waited for.
        what: String,
        /// How long.
        within: Duration,
        /// What the last look gave.
        seen: String,
    },
    /// The lab or the host cannot be made as asked.
    #[error("{0}")]
    Refused(String),
}

/// As it is displayed: `unwrap` in a test prints this, and a console in one escaped line cannot be read.
impl fmt::Debug for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// Names the file in an error of the system.
pub(crate) trait WithPath<T> {
    /// The same result, with the path that it is about.
    fn with_path(self, path: impl Into<PathBuf>) -> Result<T>;
}

impl<T> WithPath<T> for std::io::Result<T> {
    fn with_path(self, path: impl Into<PathBuf>) -> Result<T> {
        self.map_err(|source| Error::File { path: path.into(), source })
    }
}
