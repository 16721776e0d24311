//! A host as a library: what `runbook` does on it, as data. A client asks a [`Session`], shows what comes back, and lets a
//! proposal begin.
//!
//! Nothing here prints, and nothing here knows a terminal, a command line or a kind: the catalogue is handed in. What is
//! refused is an [`Error`]; what a refusal costs, and what to type next, is said by the client.

mod accept;
mod ahead;
mod apply;
mod approve;
mod cancel;
mod clock;
mod commit;
mod error;
mod facts;
mod gaps;
mod going_on;
mod holding;
mod keeping;
mod known;
mod letters;
mod loading;
mod naming;
mod obstacles;
mod pruning;
mod recover;
mod restore;
mod resume;
mod rollback;
mod runs;
mod secrets;
mod session;
mod standing;
mod texts;
mod window;

pub use accept::Accepted;
pub use apply::{ApplyProposal, Preview, Proposed};
pub use approve::Approved;
pub use cancel::{Stop, Stopped};
pub use clock::now_ms;
pub use commit::Committed;
pub use error::{Error, NotUnderstood, Unsettled};
pub use facts::{SYSTEM_STATE, host_facts, state_dir, unnamed_state_dir};
pub use going_on::{Controls, Ended};
pub use keeping::{Backups, Beside, Kept, Verified};
pub use known::Known;
pub use loading::{Judged, Source};
pub use naming::{Misnamed, Named, Thing};
pub use obstacles::{Attempt, InTheWay};
pub use pruning::Past;
pub use recover::Notice;
pub use restore::{RestoreProposal, Restoring, Users};
pub use resume::{Direction, ResumeProposal};
pub use rollback::{Rollback, RollbackProposal};
pub use secrets::{HostSecrets, SecretsFromAfar};
pub use session::{Host, Session};
pub use standing::{History, HostState};
pub use texts::{PlanText, plain, read_text};
