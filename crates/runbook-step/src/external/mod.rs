//! External kinds: programs called `runbook-step-NAME` on PATH that speak JSON on standard input and output.
//!
//! `capabilities` is what a program says about itself, `find` looks it up, `kind` and `step` make it look like a
//! built-in kind, `call` is one exchange. The protocol is told in docs/external-kinds.md.

mod call;
mod capabilities;
mod find;
mod kind;
mod step;

pub use find::Declared;
pub(crate) use find::{External, NotFound};
