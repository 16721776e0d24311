//! The step library: what a kind is, what a bound step can do, the catalogue, and the two handles on the host.
//!
//! One file a kind under `kinds/`; one line a kind in `catalogue.rs`. Scheduling and policy are not here: see
//! `runbook-schedule` and `runbook-engine`.

mod args;
pub mod attached;
mod brought;
mod catalogue;
mod check;
mod effects;
mod external;
mod freshness;
pub mod host;
mod kind;
mod kinds;
mod lack;
mod launch;
mod launchd;
mod local_undo;
mod log;
mod package;
mod process;
mod schema;
mod step;
mod systemd;
mod text_file;
mod window;

pub use args::{ArgContext, Args, FromArg, Mistake, Mode, Peek};
pub use catalogue::{BUILT_IN, Catalogue};
pub use check::check_parameters;
pub use kind::{Kind, KindDoc, Need, OutputDoc, Param, ParamType};
pub use lack::{Lack, of_command as lacks_of_command};
pub use local_undo::captures_in;
pub use process::{revive, supervise};
pub use schema::{kind_schema, plan_schema_with_kinds};
pub use step::{BackupRef, Baseline, Changed, Confirmation, Done, Held, Note, Probe, Step, Work};
pub use systemd::forget_holds;
pub use window::{WindowState, is_zone, local_time, window_state};
