//! Diagnostics as text with carets, and as JSON. SARIF and JUnit are not here.

mod frame;
mod json;
mod line;
mod render;

pub use json::{json, ndjson};
pub use render::{explain, render};
