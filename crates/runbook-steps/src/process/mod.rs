//! Services without an init system: what they are (`spec`), what is known of them (`state`), the process that keeps
//! them up (`supervisor`), and how steps start and stop them (`control`).
//!
//! Everything about a service is in `<state dir>/processes/<name>/`. The kinds are `kinds/process_*.rs`.

mod control;
mod readiness;
mod revive;
mod spec;
mod state;
mod supervisor;
mod way_back;

pub(crate) use control::Service;
pub(crate) use readiness::Ready;
pub use revive::revive;
pub(crate) use spec::{Limit, Restart, Spec};
pub(crate) use state::{Life, State};
pub use supervisor::supervise;
