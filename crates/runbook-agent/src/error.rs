//! Why there is no agent.

use std::io;
use std::path::PathBuf;

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or a socket of the agent cannot be used.
    #[error("cannot {doing} {}: {source}", .path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another user owns what only this one may.
    #[error("{} belongs to another user, who would hear and tell everything", .0.display())]
    Foreign(PathBuf),
    /// The agent was started and does not answer.
    #[error("the agent was started and does not answer at {}: {why}", .socket.display())]
    Silent {
        /// Where it would listen.
        socket: PathBuf,
        /// What is known of it.
        why: String,
    },
    /// The bytes of the link could not be passed on.
    #[error("the link ended: {0}")]
    Link(#[from] io::Error),
}

impl Error {
    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}
