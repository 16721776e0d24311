//! A shell at work: what it knows, and how it goes on behind a command.

use crate::tracer::Tracer;
use crate::{Launch, Value};
use runbook_host::Account;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Whether a command ends well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    Yes,
    No,
    /// Only running it could tell.
    Unknown,
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

impl std::ops::Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }
}

/// How it goes on behind a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// With the next one.
    On(Truth),
    /// Behind the file that is read in.
    Return(Truth),
    /// Nowhere: the shell is over, or this has taken its place.
    End(Option<Box<Launch>>),
}

/// What a shell knows. A substitution has a copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) vars: BTreeMap<String, Value>,
    /// The variables that programs are given.
    pub(super) exported: BTreeSet<String>,
    pub(super) cwd: PathBuf,
    /// `$0`.
    pub(super) zero: String,
    /// `$1` and so on.
    pub(super) args: Vec<Value>,
    /// The file that is read.
    pub(super) source: String,
    pub(super) account: Account,
    /// The path of bash, if it is one.
    pub(super) bash: Option<String>,
    /// It goes on when a file to read in is not there.
    pub(super) forgives: bool,
    /// The letters of the options that are on.
    pub(super) options: BTreeSet<char>,
    /// The directory of nvm, once its functions are there.
    pub(super) nvm: Option<PathBuf>,
    /// Directories that the script makes, and files that it writes: of these the host tells nothing.
    pub(super) made: Vec<PathBuf>,
    /// The program that it waits for.
    pub(super) child: Option<Box<Launch>>,
}

/// A shell at work.
pub(super) struct Shell<'t, 'h> {
    pub(super) tracer: &'t mut Tracer<'h>,
    pub(super) state: State,
    /// How the last substitution of a command ended.
    pub(super) substituted: Truth,
    /// Something asks how the command ends, so that `set -e` does not count.
    pub(super) is_tested: bool,
    pub(super) depth: usize,
}

impl<'t, 'h> Shell<'t, 'h> {
    pub(super) fn new(tracer: &'t mut Tracer<'h>, state: State) -> Self {
        Self { tracer, state, substituted: Truth::Yes, is_tested: false, depth: 0 }
    }

    /// Whether the option of this letter is on.
    pub(super) fn has(&self, option: char) -> bool {
        self.state.options.contains(&option)
    }
}
