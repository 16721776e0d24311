//! What a way back has to do without: a secret that is not to be had stands in its parameters as a placeholder, and
//! nothing that holds the placeholder leaves this process.

use crate::{Command, Host};
use runbook_model::Failure;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Text that stands for something that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// The placeholder.
    pub text: String,
    /// The failure of whatever would use it.
    pub why: Failure,
}

impl Host {
    /// The same host, which writes and runs nothing that holds one of these texts.
    #[must_use]
    pub fn refusing(mut self, unusable: Vec<Unusable>) -> Self {
        self.unusable = unusable.into();
        self
    }

    /// The failure of what is sent or written, if one of its parts holds what is missing.
    pub fn usable(&self, parts: &[&[u8]]) -> Result<(), Failure> {
        for Unusable { text, why } in self.unusable.iter() {
            let holds = |part: &&[u8]| part.windows(text.len()).any(|window| window == text.as_bytes());
            if parts.iter().any(holds) {
                return Err(why.clone());
            }
        }
        Ok(())
    }

    /// The same for a path.
    pub(crate) fn usable_path(&self, path: &Path) -> Result<(), Failure> {
        self.usable(&[path.as_os_str().as_bytes()])
    }

    /// The same for a command.
    pub(crate) fn usable_command(&self, command: &Command) -> Result<(), Failure> {
        let words = command.argv.iter().chain(command.env.values()).map(String::as_bytes);
        let cwd = command.cwd.iter().map(|cwd| cwd.as_os_str().as_bytes());
        let parts: Vec<&[u8]> = words.chain(cwd).chain(command.stdin.as_deref()).collect();
        self.usable(&parts)
    }
}
