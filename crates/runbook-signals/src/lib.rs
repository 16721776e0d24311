//! `verify.signals`: evidence that a service works, and the judgement over it.
//!
//! `signal.rs` says what a signal is, `draft.rs` reads it from the plan, `subject.rs` which service they are about, `read.rs` reads one,
//! and `seen.rs` is what that says;
//! `ports.rs` who owns a port; `logs.rs` follows the logs that
//! they share, `http.rs` asks over HTTP, `judge.rs` waits and decides.

mod draft;
mod http;
mod judge;
mod lacks;
mod logs;
mod ports;
mod read;
mod schema;
mod seen;
mod signal;
mod subject;

runbook_step::kinds! {
    kind::VerifySignals,
}
