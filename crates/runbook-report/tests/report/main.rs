//! Everything that is shown, as snapshots: one binary, so that the lives of runs are written once.
#![expect(clippy::unwrap_used, reason = "tests, and what they are made of, stop at the first surprise")]

mod diagnostics;
mod life;
mod plans;
mod predictions;
mod rollouts;
mod runs;
mod typed;
