//! Services without an init system: what they are (`spec`), what is known of them (`state`), the process that keeps
//! them up (`supervisor`), how steps stop and start them (`control`, `readiness`), why one does not come up (`explain`), what
//! can be seen of one (`sight`, `facts`), and what housekeeping around one goes by (`target`).
//!
//! Everything about a service is in `<state dir>/processes/<name>/`. The kinds are in `kinds/`.

mod control;
mod explain;
mod facts;
pub mod kinds;
mod readiness;
mod revive;
mod sight;
mod spec;
mod state;
mod supervisor;
mod target;
mod undo;

pub use control::Service;
pub use revive::revive;
pub use spec::{Limit, Ready, Restart, Spec};
pub use state::{Life, State};
pub use supervisor::supervise;
