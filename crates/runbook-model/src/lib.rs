//! The vocabulary of `runbook`: ids, plans, effects, events, states and diagnostics.
//!
//! Nothing here does I/O, reads a clock or knows an async runtime. Every other crate may use this one; it uses none
//! of them. The words are those of `docs/words.md`.

mod approval;
mod at_work;
mod closing;
mod codes;
mod deadline;
mod decision;
mod declaration;
mod diagnostic;
mod duration;
mod effect;
mod ending;
mod escapes;
mod event;
mod evidence;
mod excerpt;
mod failure;
mod host;
mod id;
mod installation;
mod inventory;
mod next;
mod node;
mod plan;
mod remains;
mod results;
mod role;
mod rollout;
mod rule;
mod run_header;
mod service;
mod service_step;
mod source;
mod standing;
mod state;
mod status;
mod suggest;
mod undo_record;
mod variable;
mod version;
mod words;

pub use approval::{Approval, Waiting};
pub use at_work::AtWork;
pub use closing::{Claim, Closing, LeftStep, Remaining, ServiceDown, SignalGone};
pub use codes::{CODES, Code, CodeDoc};
pub use deadline::{Deadline, Uptime};
pub use decision::{Decided, Decision, Question};
pub use declaration::{Declaration, Purpose, UndoSource};
pub use diagnostic::{Diagnostic, Diagnostics, Label, Severity};
pub use duration::{format_duration, parse_duration};
pub use effect::{Access, Effect, Resource};
pub use ending::{Outcome, RollbackCause, Verdict};
pub use escapes::{OutsideEscapes, outside_controls, outside_escapes};
pub use event::{Event, Record};
pub use evidence::{Prediction, Reading, SignalKind, SignalRole, SignalVerdict};
pub use excerpt::{EXCERPT_KEY, Excerpt, ExcerptLine, ExcerptNotes, Mark};
pub use failure::{Failure, FailureKind};
pub use host::HostFacts;
pub use id::{RunId, StepId};
pub use installation::{Installation, misses_its_target};
pub use inventory::{Escalation, HostName, Inventory, InventoryHost, SshSettings};
pub use next::{Caller, Next};
pub use node::{Entry, Later, Node, Outputs, Reference, Value};
pub use plan::{Allow, OnFailure, Plan, Retention, Retry, Review, StepDef, Window};
pub use remains::{Remains, RemainsKind};
pub use results::{ArtifactMade, BackupMade, Results, outputs};
pub use role::{Role, Roles, SignalSource};
pub use rollout::{
    Amount, ApproveGate, Concurrency, MaxFailed, Promote, Promotion, RollbackScope, Rollout, Stage, StageHosts,
};
pub use rule::{OrderingRule, Refusal};
pub use run_header::RunHeader;
pub use service::{ServiceFound, ServiceSeen, ServiceState, ServiceTime};
pub use service_step::service_step;
pub use source::{Position, Source, SourceId, SourceMap, Span};
pub use standing::{Block, BlockedBy, Gap, Standing};
pub use state::{RunPhase, RunState, SecretWait, StepState};
pub use status::{IllegalTransition, StepStatus, next_status};
pub use suggest::did_you_mean;
pub use undo_record::{RestorePoint, UndoPhase, UndoRecord};
pub use variable::{Layer, Resolved, SecretFrom, SecretSide, SecretSource, VarDecl, VarType};
pub use version::{Version, VersionError};
