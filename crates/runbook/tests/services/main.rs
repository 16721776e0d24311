//! Services, evidence and orphans with real processes under the real supervisor.

#![expect(clippy::unwrap_used, reason = "what the tests share runs outside of test functions")]

mod evidence;
mod launchd;
mod loops;
mod process;
mod rotation;
mod support;
mod tries;
