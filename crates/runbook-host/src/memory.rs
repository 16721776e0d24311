//! What `runbook` itself remembers between runs: small JSON notes in its state directory, never on the operator's side.
//!
//! A note is a hint and never proof: a caller that recalls one checks it against the host.

use crate::{Host, Reader};
use runbook_model::Failure;
use serde_json::Value as Json;
use std::path::PathBuf;

impl Reader {
    /// The note about `subject`; null if there is none, or if it cannot be read as JSON.
    pub fn recall(&self, subject: &str) -> Result<Json, Failure> {
        let bytes = self.read(&self.note(subject))?.unwrap_or_default();
        Ok(serde_json::from_slice(&bytes).unwrap_or(Json::Null))
    }

    fn note(&self, subject: &str) -> PathBuf {
        let name = blake3::hash(subject.as_bytes()).to_hex();
        self.state_dir().join("notes").join(format!("{name}.json"))
    }
}

impl Host {
    /// Keeps a note about `subject`, instead of an earlier one; durable when this returns.
    pub fn remember(&self, subject: &str, note: &Json) -> Result<(), Failure> {
        self.own_dir(&self.state_dir().join("notes"))?;
        self.keep(&self.note(subject), note.to_string().as_bytes())
    }
}
