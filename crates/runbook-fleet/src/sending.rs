//! Contents on their way to a host and from it: what is there already is not sent again, and what was cut goes on where it was.

use crate::afar::Afar;
use crate::link::{Lost, Said};
use runbook_engine::Program;
use runbook_session::{CommandError, Offered};
use runbook_wire::{Contents, FromAgent, Incoming, LARGEST_FRAME, Lack, ToAgent, piece};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// How often the sending begins again over a new link.
const LINKS: u32 = 5;

/// What is sent.
enum Content {
    /// It is in memory.
    Bytes(Vec<u8>),
    /// It is a file here, of that size.
    File(PathBuf, u64),
}

impl Content {
    fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(_, size) => *size,
        }
    }

    /// At most one frame of it.
    fn piece(&self, offset: u64) -> io::Result<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => {
                let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
                Ok(rest.iter().take(LARGEST_FRAME).copied().collect())
            }
            Self::File(path, _) => piece(path, offset),
        }
    }
}

/// `Err` is a link that is lost, `Ok(Err(_))` what is refused here or there.
type Tried<T> = Result<Result<T, CommandError>, Lost>;

impl Afar {
    /// Sends what the host lacks of a plan. Gives the digest of what is saved with a run of it.
    pub(crate) fn send(&mut self, program: &Program) -> Result<String, CommandError> {
        let json = |error: serde_json::Error| CommandError::refused(format!("the plan cannot be sent: {error}"));
        let saved = serde_json::to_vec(&program.saved).map_err(json)?;
        let mut contents = BTreeMap::new();
        for file in program.files() {
            let content = file.content().map_err(|failure| CommandError::refused(failure.message))?;
            contents.insert(file.brought().digest().to_owned(), Content::Bytes(content));
        }
        let digest = blake3::hash(&saved).to_hex().to_string();
        contents.insert(digest.clone(), Content::Bytes(saved));
        self.send_all(&contents)?;
        Ok(digest)
    }

    /// Puts the file `from`, whose BLAKE3 is `digest` in hex, on the host, unless it is there, and returns its path there. The path is the
    /// one that [`Welcome::path_of`](runbook_wire::Welcome::path_of) tells, so a plan may name it: `artifacts.NAME.path` of a rollout is this. The file stays for a day after it
    /// was last asked for, and as long as a run that is open, stuck or stopped has it in its plan.
    ///
    /// # Errors
    /// The host cannot be reached, has no room, or the file is not what its digest says.
    pub fn give(&mut self, digest: &str, from: &Path) -> Result<PathBuf, CommandError> {
        let size = std::fs::metadata(from)?.len();
        self.send_all(&BTreeMap::from([(digest.to_owned(), Content::File(from.to_owned(), size))]))?;
        Ok(self.welcome().path_of(digest))
    }

    /// Fetches what the host offers into `contents` here, unless it is there, and returns its digest, BLAKE3 in hex, which was compared. What
    /// was fetched before a link or this process ended is not fetched again.
    ///
    /// # Errors
    /// The host cannot be reached, does not offer that, or sent what is not as its digest says; nothing of that is kept.
    pub fn fetch(&mut self, what: &Offered, contents: &Contents) -> Result<String, CommandError> {
        self.over_links(|afar| afar.get_all(what, contents))
    }

    fn send_all(&mut self, contents: &BTreeMap<String, Content>) -> Result<(), CommandError> {
        self.over_links(|afar| afar.put_all(contents))
    }

    /// Tries something over this link, and over the next ones where it is lost.
    fn over_links<T>(&mut self, mut what: impl FnMut(&mut Self) -> Tried<T>) -> Result<T, CommandError> {
        let mut tried = 0;
        loop {
            tried += 1;
            self.link()?;
            match what(self) {
                Ok(done) => return done,
                Err(lost) if tried == LINKS => return Err(self.call.lost(&lost)),
                Err(_) => self.hang_up(),
            }
        }
    }

    fn put_all(&mut self, contents: &BTreeMap<String, Content>) -> Tried<()> {
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

    fn put(&mut self, digest: &str, have: u64, content: &Content) -> Tried<()> {
        let size = content.size();
        // What is longer than the content is no beginning of it.
        let mut offset = if have < size { have } else { 0 };
        let put = ToAgent::Put { digest: digest.to_owned(), offset, size };
        self.linked()?.send(&put)?;
        while offset < size {
            let read = content.piece(offset).and_then(|bytes| match bytes.is_empty() {
                true => Err(io::Error::other("it became shorter while it was sent")),
                false => Ok(bytes),
            });
            let bytes = match read {
                Ok(bytes) => bytes,
                Err(error) => {
                    // The host waits for the rest.
                    self.hang_up();
                    return Ok(Err(CommandError::refused(format!("what is to be sent cannot be read: {error}"))));
                }
            };
            offset += bytes.len() as u64;
            self.linked()?.send_bytes(&bytes)?;
        }
        Ok(match self.answered()? {
            Ok(FromAgent::Stored(_)) => Ok(()),
            Ok(other) => Err(self.call.out_of_turn(&other)),
            Err(error) => Err(error),
        })
    }

    fn get_all(&mut self, what: &Offered, contents: &Contents) -> Tried<String> {
        let refused = |error: runbook_wire::ContentError| Ok(Err(CommandError::refused(error.to_string())));
        let mut incoming: Option<Incoming> = None;
        loop {
            let offset = incoming.as_ref().map_or(0, Incoming::offset);
            let (digest, size) = match self.ask_once(&ToAgent::Get { what: what.clone(), offset })? {
                Ok(FromAgent::Piece { digest, size }) => (digest, size),
                Ok(other) => return Ok(Err(self.call.out_of_turn(&other))),
                Err(error) => return Ok(Err(error)),
            };
            let bytes = if offset < size { self.bytes()? } else { Vec::new() };
            let cannot = |what: &str| Ok(Err(self.call.refuses(what)));
            if bytes.is_empty() && offset < size {
                return cannot("it sends a piece without anything in it");
            }
            let mut open = match incoming.take() {
                Some(open) if open.is_of(&digest, size) => open,
                Some(_) => return cannot("what it offers changed while it was fetched"),
                // The first piece tells what it is a piece of, and that how much of it is here.
                None => {
                    let Some(have) = contents.missing_from(&digest) else { return Ok(Ok(digest)) };
                    match contents.begin(&digest, if have < size { have } else { 0 }, size) {
                        Ok(open) => open,
                        Err(error) => return refused(error),
                    }
                }
            };
            if open.offset() == offset
                && let Err(error) = open.add(&bytes)
            {
                return refused(error);
            }
            if open.is_whole() {
                return open.end().map_or_else(refused, |digest| Ok(Ok(digest)));
            }
            incoming = Some(open);
        }
    }

    /// The link that is there.
    fn linked(&mut self) -> Result<&mut crate::link::Link, Lost> {
        self.link.as_mut().ok_or_else(|| Lost("there is no link".to_owned()))
    }

    /// One frame of bytes.
    fn bytes(&mut self) -> Result<Vec<u8>, Lost> {
        loop {
            match self.hear()? {
                Said::Bytes(bytes) => return Ok(bytes),
                Said::Here(run, control) => self.untold.push((run, control)),
                Said::There(message) => return Err(Lost(self.call.out_of_turn(&message).message)),
            }
        }
    }
}
