//! One attempt at a rollout as people and programs read it: lines as it goes on, a row a host, and one report for the estate.
//!
//! What is told of a run comes from its own document; what is told of the attempt from the fold over its records.

mod checklist;
mod closing;
mod estate;
mod json;
mod lines;
mod markdown;
mod rows;
mod words;

pub use estate::{Doing, Estate};
pub use json::rollout_json;
pub use lines::rollout_line;
pub use markdown::rollout_markdown;
pub use rows::rollout_rows;
