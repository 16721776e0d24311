//! The account of a run while it happens, and of a run that is replayed from its journal.
//!
//! A record becomes lines as a function of the state before it and of itself; the reporters only decide when to
//! write them. Nothing here keeps a second idea of the run beside `RunState`.

mod closing;
mod decision;
pub(crate) mod excerpt;
mod line;
mod matrix;
mod ndjson;
mod plain;
mod questions;
mod reporter;
mod terminal;
mod title;

pub(crate) use closing::{
    List, capitalised, closing, commands, remaining_text, sentence, service_clauses, signal_text,
};
pub(crate) use decision::decision_text;
pub(crate) use line::{hint, lines, paragraph};
pub(crate) use matrix::{
    matrix, place_word, places, report_of, role_word, tone as signal_tone, verdict_word as verdict_of,
};
pub use ndjson::Ndjson;
pub use plain::Plain;
pub(crate) use questions::{CHOICE, going_on, questions};
pub use reporter::Reporter;
pub use terminal::Terminal;
pub(crate) use title::{Title, run_title};
