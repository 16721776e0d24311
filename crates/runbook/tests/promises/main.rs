//! What `runbook` promises at the edges, through the real binary: one file a kind of promise.
//!
//! The place in which things go wrong is that of the tests in `hostile/`.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "what the tests share runs outside of test functions")]
#![expect(clippy::print_stdout, reason = "a test says which case it is at")]

#[path = "../hostile/bench.rs"]
mod bench;
mod bundle;
mod journal;
mod keeping;
mod one_run;
mod package;
mod places;
mod preflight;
mod races;
mod saved;
mod secrets;
mod services;
mod short_window;
mod small;
mod statement;
mod stops;
mod waits;
mod way_back;
mod windows;
mod xfs;
