//! What `runbook` itself remembers between runs: small JSON notes in its state directory, never on the operator's side.
//!
//! A note is a hint and never proof: a caller that recalls one checks it against the host.

use crate::writer::sync_dir;
use crate::{Host, Reader, io_failure};
use runbook_model::Failure;
use serde_json::Value as Json;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
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
        let path = self.note(subject);
        let dir = self.state_dir().join("notes");
        let failed = |error: std::io::Error| io_failure("create", &dir, &error);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(failed)?;
        sync_dir(self.state_dir()).map_err(failed)?;
        self.keep(&path, note.to_string().as_bytes())
    }
}
