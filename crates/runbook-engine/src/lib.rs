//! Runs, cancels, resumes and rolls back one run on one host, and emits events.
//!
//! `decide` is the heart: pure, from state and input to actions. `runner` is the short loop around it; `worker` does
//! one piece of work on a thread. How things look on a screen is not here: see [`Observer`].

mod action;
mod aging;
mod audience;
mod binding;
mod compared;
mod compile;
mod control;
mod decide;
mod error;
mod execution;
#[cfg(debug_assertions)]
mod faults;
mod foreseen;
mod foretold;
mod forward;
mod gather;
mod going_on;
mod handed_in;
mod input;
mod kept;
mod leftovers;
mod mailbox;
mod mended;
mod needed;
mod observer;
mod predict;
mod preflight;
mod program;
mod ready;
mod restores;
mod rollback;
mod runner;
mod saved;
mod secret_uses;
mod secrets;
mod services;
mod target;
mod undo_sources;
mod worker;
mod written_paths;

pub use action::{Action, Await, Job};
pub use compile::{admit, compile, reopen};
pub use control::{Control, Letter};
pub use decide::decide;
pub use error::Error;
pub use execution::{Execution, Policy};
pub use foretold::Foretold;
pub use handed_in::Came;
pub use input::{Began, Input};
pub use leftovers::end_leftovers;
pub use mailbox::{send, withdraw};
pub use observer::{Interrupt, Observer};
pub use predict::{Forecast, Predicted};
pub use preflight::Obstacle;
pub use program::Program;
pub use runner::{Ending, Runner, Settings};
pub use saved::Saved;
pub use secret_uses::{HandedIn, SecretUse};
