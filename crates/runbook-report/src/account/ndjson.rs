//! Every record as the journal holds it, one JSON object a line; the last line has the closing statement.

use super::Reporter;
use super::reporter::fold;
use crate::json::json_line;
use crate::text;
use runbook_model::{Caller, Closing, Event, Record, RunState};
use std::io;

/// Writes each record as one line of JSON. The record that ends a run has one more field, `closing`: how the run left the
/// host. A run that is left open has it in a line of its own at the end. Progress notes are not records and are not
/// written.
#[derive(Debug)]
pub struct Ndjson<W> {
    out: W,
    caller: Caller,
    state: RunState,
}

impl<W: io::Write> Ndjson<W> {
    /// Writes to `out`; a command is what `caller` types.
    pub fn new(out: W, caller: Caller) -> Self {
        Self::going_on(out, caller, RunState::default())
    }

    /// The same for a run that another process began: `state` is what has been told already.
    pub fn going_on(out: W, caller: Caller, state: RunState) -> Self {
        Self { out, caller, state }
    }

    fn line(&mut self, json: &str) -> io::Result<()> {
        match self.caller.is_bare() {
            // The record as the journal has it, to the order of its fields.
            true => writeln!(self.out, "{}", text::safe_json(json))?,
            false => write!(self.out, "{}", json_line(&serde_json::from_slice(json.as_bytes())?, &self.caller))?,
        }
        self.out.flush()
    }
}

impl<W: io::Write + Send> Reporter for Ndjson<W> {
    fn record(&mut self, record: &Record) -> io::Result<()> {
        fold(&mut self.state, record)?;
        let mut json = serde_json::to_string(record)?;
        if let (Event::RunFinished { .. }, Some(open)) = (&record.event, json.strip_suffix('}')) {
            json = format!("{open},\"closing\":{}}}", serde_json::to_string(&Closing::of(&self.state))?);
        }
        self.line(&json)
    }

    fn finish(&mut self) -> io::Result<()> {
        match (&self.state.header, self.state.verdict()) {
            (Some(_), None) => self.line(&serde_json::json!({ "closing": Closing::of(&self.state) }).to_string()),
            _ => self.out.flush(),
        }
    }
}
