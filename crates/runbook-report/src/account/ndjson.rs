//! Every record as the journal holds it, one JSON object a line.

use super::Reporter;
use crate::text;
use runbook_model::{Record, StepId};
use std::io;

/// Writes each record as one line of JSON and nothing else. Progress notes are not records and are not written.
#[derive(Debug)]
pub struct Ndjson<W> {
    out: W,
}

impl<W: io::Write> Ndjson<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: io::Write + Send> Reporter for Ndjson<W> {
    fn record(&mut self, record: &Record) -> io::Result<()> {
        let json = serde_json::to_string(record)?;
        writeln!(self.out, "{}", text::safe_json(&json))?;
        self.out.flush()
    }

    fn progress(&mut self, _step: &StepId, _note: &str) -> io::Result<()> {
        Ok(())
    }

    fn tick(&mut self, _now_ms: i64) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
