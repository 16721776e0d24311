//! What a service really runs: from its command line to the file that decides, by reading alone; and `service.inspect`.
//!
//! `inspect.rs` is the kind; `follow.rs` goes from program to program with what `tracer.rs` carries, `wrappers.rs` knows programs that only start another one, `node.rs` the
//! arguments of Node, `nvm.rs` how nvm chooses a version, and `shell/` reads scripts. What cannot be known
//! without running something is said, never guessed.

mod follow;
mod node;
mod nvm;
mod shell;
mod tracer;
mod wrappers;

pub(crate) use follow::follow;
pub use node::WITH_VALUE as NODE_WITH_VALUE;
pub(crate) use node::script as node_script;

pub(crate) use tracer::{Trail, USUAL_PATH, links_on};

use runbook_host::Account;
use std::collections::BTreeMap;
use std::path::PathBuf;

runbook_step::kinds! {
    inspect::ServiceInspect,
}

/// What a variable or an argument is; `None` if only running the script could tell.
pub(crate) type Value = Option<String>;

/// What is about to be executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Launch {
    /// A path, or a name that is looked for along `PATH`.
    pub(crate) program: String,
    /// What follows the program's own name.
    pub(crate) args: Vec<Value>,
    /// The working directory.
    pub(crate) cwd: PathBuf,
    /// The environment.
    pub(crate) env: BTreeMap<String, Value>,
    /// The user.
    pub(crate) account: Account,
}

/// Why a way cannot be followed further by reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unclear(pub(crate) String);

impl From<runbook_model::Failure> for Unclear {
    fn from(failure: runbook_model::Failure) -> Self {
        Self(failure.message)
    }
}

fn unclear<T>(why: impl Into<String>) -> Result<T, Unclear> {
    Err(Unclear(why.into()))
}
