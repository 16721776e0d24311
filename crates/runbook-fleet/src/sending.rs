//! A plan on its way to a host: what is there already is not sent again, and what was cut goes on where it was.

use crate::afar::{Afar, as_said};
use crate::link::{Lost, Said};
use runbook_engine::Program;
use runbook_session::CommandError;
use runbook_wire::{FromAgent, Lack, ToAgent};
use std::collections::BTreeMap;

/// How often the sending begins again over a new link.
const LINKS: u32 = 5;

impl Afar {
    /// Sends what the host lacks of a plan. Gives the digest of what is saved with a run of it.
    pub(crate) fn send(&mut self, program: &Program) -> Result<String, CommandError> {
        let json = |error: serde_json::Error| CommandError::refused(format!("the plan cannot be sent: {error}"));
        let saved = serde_json::to_vec(&program.saved).map_err(json)?;
        let mut contents = BTreeMap::new();
        for file in program.files() {
            let content = file.content().map_err(|failure| CommandError::refused(failure.message))?;
            contents.insert(file.brought().digest().to_owned(), content);
        }
        let digest = blake3::hash(&saved).to_hex().to_string();
        contents.insert(digest.clone(), saved);
        let mut tried = 0;
        loop {
            tried += 1;
            self.link()?;
            match self.put_all(&contents) {
                Ok(sent) => return sent.map(|()| digest),
                Err(lost) if tried == LINKS => return Err(self.call.lost(&lost)),
                Err(_) => self.hang_up(),
            }
        }
    }

    fn put_all(&mut self, contents: &BTreeMap<String, Vec<u8>>) -> Result<Result<(), CommandError>, Lost> {
        let lacks = match self.ask_once(&ToAgent::Have(contents.keys().cloned().collect()))? {
            Ok(FromAgent::Lacks(lacks)) => lacks,
            Ok(other) => return Ok(Err(self.call.out_of_turn(&other))),
            Err(error) => return Ok(Err(error)),
        };
        for Lack { digest, have } in lacks {
            let Some(content) = contents.get(&digest) else { continue };
            let done = self.put(&digest, have, content)?;
            if done.is_err() {
                return Ok(done);
            }
        }
        Ok(Ok(()))
    }

    fn put(&mut self, digest: &str, have: u64, content: &[u8]) -> Result<Result<(), CommandError>, Lost> {
        // What is longer than the content is no beginning of it.
        let offset = usize::try_from(have).ok().filter(|have| *have < content.len()).unwrap_or(0);
        let rest = content.get(offset..).unwrap_or_default();
        let put = ToAgent::Put { digest: digest.to_owned(), offset: offset as u64, size: content.len() as u64 };
        let Ok(link) = self.link() else { return Err(Lost("there is no link".to_owned())) };
        link.send(&put)?;
        link.send_bytes(rest)?;
        loop {
            match self.hear()? {
                Said::There(message) => {
                    return Ok(match *message {
                        FromAgent::Stored(_) => Ok(()),
                        FromAgent::Refused(error) => Err(as_said(*error)),
                        other => Err(self.call.out_of_turn(&other)),
                    });
                }
                Said::Here(control) => self.untold.push(control),
            }
        }
    }
}
