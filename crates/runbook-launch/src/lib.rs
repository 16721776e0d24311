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

pub(crate) use runbook_services::{Launch, Value};
pub(crate) use tracer::{Trail, links_on};

runbook_step::kinds! {
    inspect::ServiceInspect,
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
