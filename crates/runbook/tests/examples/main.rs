//! Both examples, broken in every way: killed at every journal record, and failed at every step, going forward and
//! going back. After each the host must be as an uninterrupted run leaves it, or as before, digest by digest.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "what the tests share runs outside of test functions")]

mod crash;
mod faults;
mod npm;
mod quickstart;
mod world;
