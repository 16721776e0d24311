//! Services without an init system: what they are (`spec`), what is known of them (`state`), the process that keeps
//! them up (`supervisor`), how steps stop and start them (`control`, `readiness`), why one does not come up (`explain`), and
//! what can be seen of one (`sight`).
//!
//! Everything about a service is in `<state dir>/processes/<name>/`. The kinds are in `kinds/`.

mod control;
mod explain;
pub mod kinds;
mod readiness;
mod revive;
mod sight;
mod spec;
mod state;
mod supervisor;
mod way_back;

pub use control::Service;
pub use kinds::valid_name;
pub use revive::revive;
pub use spec::{Limit, Ready, Restart, Spec};
pub use state::{Life, State};
pub use supervisor::supervise;
