//! The contract of a step: what a kind is, what a bound step can do, and the catalogue that finds kinds by name.
//!
//! The engine knows this crate and no kind; a kind knows this crate and no engine. Beside the contract is
//! what kinds share: their parameters, what they lack on a host, undo from local files, and the protocol of external kinds.

mod args;
mod brought;
mod bundle;
mod capability;
mod catalogue;
mod check;
pub mod diff;
mod doc;
mod effects;
mod external;
mod file_source;
mod from_arg;
mod kind;
pub mod lack;
mod local_undo;
mod plan_files;
mod schema;
mod script;
mod secret;
mod step;
mod table;
mod text_file;
pub mod window;
mod work;

pub use args::{Args, Peek, wrong};
pub use brought::{Named, Use, named_by};
pub use bundle::{Brought, Bundle};
pub use capability::{BackupStep, Baseline, Changed, ServiceStep, Verification, WasFound};
pub use catalogue::Catalogue;
pub use check::{ELSEWHERE, as_vector, check_parameters, only_parts, refuse_secrets, unfit_variable};
pub use doc::{KindDoc, Names, Need, OutputDoc, Param, ParamType};
pub use effects::read_effects;
pub use external::Declared;
pub use file_source::FileSource;
pub use from_arg::{ArgContext, FromArg, Mistake, Mode, normalise};
pub use kind::Kind;
pub use lack::Lack;
pub use local_undo::{BACKUP, captures_in};
pub use plan_files::{Contents, PlanFile, PlanFiles};
pub use schema::{kind_schema, plan_schema_with_kinds};
pub use secret::{Early, SecretProvider, SecretValue};
pub use step::{Confirmation, Done, OwnUndo, Prepared, Probe, Step, Undoing};
pub use text_file::{Found, TextFile};
pub use work::{BackupRef, Note, Work};
