//! `verify.signals`: evidence that a service works, and the judgement over it.
//!
//! `signal.rs` says what a signal is and reads the plan, `read.rs` reads one, `logs.rs` follows the logs that they share,
//! `http.rs` asks over HTTP, `judge.rs` waits and decides.

mod http;
mod judge;
mod kind;
mod logs;
mod read;
mod signal;

pub(crate) use kind::VerifySignals;
