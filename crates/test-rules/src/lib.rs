//! What the tests of all crates keep to: `skip.rs` says when one may prove nothing, `properties.rs` where the failures of properties
//! are kept, `program.rs` where the programs of this workspace are. It knows nothing of `runbook`, and is never shipped.

mod program;
mod properties;
mod skip;

pub use program::program;
pub use properties::cases;
pub use skip::skip;
