//! Tests of the schedule through its public interface. Plans are written in the notation of `notation`.

#![expect(clippy::unwrap_used, reason = "the notation is test code outside of test functions")]
#![expect(clippy::print_stdout, reason = "the measurements are printed for whoever runs with --nocapture")]
#![expect(clippy::needless_range_loop, reason = "the closure is written as in its definition")]

mod docs;
mod laws;
mod notation;
mod order;
mod refusals;
mod scale;
