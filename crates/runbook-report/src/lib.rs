//! Everything that `runbook` shows: diagnostics, the live account of a run, predictions, history and reports.
//!
//! It renders into what the binary gives it, and knows only the vocabulary of `runbook-model`. Everything about a run
//! is derived from [`RunState`](runbook_model::RunState); everything that a host said is made safe before it is shown.

mod account;
pub mod diagnostics;
mod document;
mod history;
mod json;
mod markdown;
mod predictions;
mod rollout;
mod show;
mod status;
mod style;
mod table;
mod text;
mod time;
mod words;

pub use account::{Ndjson, Plain, Reporter, Terminal};
pub use document::{Kept, RunDocument, RunSummary};
pub use history::{history, history_json, history_ndjson};
pub use json::{json_line, json_text, show_json};
pub use markdown::markdown;
pub use predictions::{Occasion, Preview, StepPreview};
pub use rollout::{Doing, Estate, rollout_json, rollout_line, rollout_markdown, rollout_rows};
pub use show::show;
pub use status::{Look, status, status_json};
pub use style::Style;
pub use text::{clean, wrap};
pub use time::stamp;
