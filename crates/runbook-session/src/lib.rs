//! A host as a library: what `runbook` does on it, as data. A client asks a [`Session`], shows what comes back, and lets a
//! proposal begin.
//!
//! Nothing here prints, and nothing here knows a terminal, a command line or a kind: the catalogue is handed in. What is
//! refused is an [`Error`]; as a [`CommandError`] it is plain data with its exit code and the next action.

mod accept;
mod admitting;
mod ahead;
mod apply;
mod approve;
mod asks;
mod cancel;
mod command_error;
mod commit;
mod door;
mod error;
mod explained;
mod facts;
mod following;
mod gaps;
mod going_on;
mod holding;
mod keeping;
mod known;
mod letters;
mod loading;
mod naming;
mod notice;
mod obstacles;
mod offered;
mod offers;
mod pruning;
mod recover;
mod restore;
mod resume;
mod rollback;
mod runs;
mod secrets;
mod session;
mod standing;
mod survey;
mod texts;
mod window;

pub use accept::{Accepted, ByHand};
pub use apply::ApplyProposal;
pub use approve::Approved;
pub use asks::{
    Accept, Approve, Ask, Cancel, Commit, ListBackups, Prune, Request, Runs, Show, Shown, Status, Survey, VerifyBackup,
};
pub use cancel::{Stop, Stopped};
pub use command_error::{CommandError, Exit};
pub use commit::Committed;
pub use door::{Door, Held};
pub use error::{Error, NotUnderstood, Unsettled, stamp};
pub use explained::{either_way, in_the_way, warning};
pub use facts::{SYSTEM_STATE, host_facts, state_dir, unnamed_state_dir};
pub use following::RecordsAfter;
pub use going_on::{Controls, Ended};
pub use keeping::{Backups, Beside, Holds, Kept, Verified};
pub use known::Known;
pub use loading::{Elsewhere, Judged, Source};
pub use naming::{Misnamed, Named, Thing};
pub use notice::Notice;
pub use obstacles::{Attempt, InTheWay};
pub use offered::{Offered, OfferedFile};
pub use offers::{ApplyOffer, Direction, Previewed, ResumeOffer, RollbackOffer, ToApply, ToRollBack};
pub use pruning::Past;
pub use recover::RecoverProposal;
pub use restore::{Restore, RestoreProposal, Restoring, ToRestore, Users};
pub use resume::ResumeProposal;
pub use rollback::RollbackProposal;
pub use runbook_host::now_ms;
pub use secrets::{HostSecrets, SecretsFromAfar};
pub use session::{Host, Reservation, Session};
pub use standing::{History, HostState};
pub use survey::Surveyed;
pub use texts::{PlanText, plain, read_text};
