//! A shell at work: what it knows, and how it goes on behind a command.

use super::syntax::Command;
use crate::tracer::Tracer;
use crate::{Account, Launch, Value};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Whether a command ends well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    Yes,
    No,
    /// A program that is expected to end well: what a service needs before it starts.
    Likely,
    /// Only running it could tell.
    Unknown,
}

/// How it goes on behind a command.
#[derive(Debug)]
pub(super) enum Flow {
    /// With the next one.
    On(Truth),
    /// Nowhere: this takes the place of the shell.
    Exec(Box<Launch>),
    /// Behind the function or the file that is read in.
    Return,
    /// Nowhere.
    Exit,
    /// Behind the loop.
    Break,
    /// With the next round.
    Continue,
}

/// What a shell knows. A subshell has a copy.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) vars: BTreeMap<String, Value>,
    /// `None` if it cannot be known.
    pub(super) cwd: Option<PathBuf>,
    /// `$0`.
    pub(super) zero: String,
    /// `$1` and so on.
    pub(super) args: Vec<Value>,
    /// The file that is read.
    pub(super) source: String,
    pub(super) functions: BTreeMap<String, Vec<Command>>,
    pub(super) account: Account,
    pub(super) bash: bool,
    pub(super) interactive: bool,
    /// The directory of nvm, once its functions are there.
    pub(super) nvm: Option<PathBuf>,
    /// What cannot be followed is passed over.
    pub(super) lenient: bool,
}

/// A shell at work.
pub(super) struct Shell<'t, 'h> {
    pub(super) tracer: &'t mut Tracer<'h>,
    pub(super) state: State,
    /// The last program that it waits for while that runs.
    pub(super) child: Option<Launch>,
    /// The last program that runs beside it.
    pub(super) beside: Option<Launch>,
    /// It waits for what runs beside it.
    pub(super) waits: bool,
    pub(super) depth: usize,
    /// The loop may have ended, or gone on with its next round: nobody knows.
    pub(super) torn: bool,
}

impl<'t, 'h> Shell<'t, 'h> {
    pub(super) fn new(tracer: &'t mut Tracer<'h>, state: State) -> Self {
        Self { tracer, state, child: None, beside: None, waits: false, depth: 0, torn: false }
    }

    /// What is the service, if nothing took the place of the shell.
    pub(super) fn started(&mut self) -> Option<Launch> {
        match (self.waits, self.beside.take(), self.child.take()) {
            (true, Some(beside), _) | (_, Some(beside), None) => Some(beside),
            (_, _, child) => child,
        }
    }
}
