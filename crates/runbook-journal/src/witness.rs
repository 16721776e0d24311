//! What the disk itself says of a run: `runs/<run>/.witness`, outside of the database.
//!
//! After each durable commit, and before anything acts on it, the number of the last record and a digest of all records up
//! to it are written here and synced. So the journal of a crash is never behind its witness; one that is has lost records.
//! The two lines are written in turn, each in one write within one block: of one that a crash tore, the other is whole.

use crate::image::if_there;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// A line with its end, padded.
const LINE: usize = 128;
/// Digits of the digest that guards a line against itself being torn.
const GUARD: usize = 16;

/// A digest of the plan of a run and of its records in their order.
#[derive(Clone, Debug)]
pub(crate) struct Chain(blake3::Hasher);

/// What one line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Testimony {
    /// The last record that was durable.
    pub(crate) seq: u64,
    /// The digest of all records up to it.
    pub(crate) digest: String,
}

/// The open file of the run that this process is at work on.
#[derive(Debug)]
pub(crate) struct Witness {
    file: File,
    next: u64,
}

impl Chain {
    /// The chain of a run without records.
    pub(crate) fn new(saved: &str) -> Self {
        let mut chain = Self(blake3::Hasher::new());
        chain.add(0, saved);
        chain
    }

    /// Adds the text of one record.
    pub(crate) fn add(&mut self, seq: u64, body: &str) {
        self.0.update(&seq.to_be_bytes());
        self.0.update(&(body.len() as u64).to_be_bytes());
        self.0.update(body.as_bytes());
    }

    /// The digest so far.
    pub(crate) fn digest(&self) -> String {
        self.0.finalize().to_hex().to_string()
    }
}

impl Testimony {
    fn line(&self) -> String {
        let said = format!("{:020} {}", self.seq, self.digest);
        let guard = guard(&said);
        format!("{:width$}\n", format!("{said} {guard}"), width = LINE - 1)
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let line = str::from_utf8(line).ok()?.trim_end();
        let (said, told) = line.rsplit_once(' ')?;
        let (seq, digest) = said.split_once(' ')?;
        (guard(said) == told).then(|| Some(Self { seq: seq.parse().ok()?, digest: digest.to_owned() }))?
    }
}

fn guard(said: &str) -> String {
    blake3::hash(said.as_bytes()).to_hex().chars().take(GUARD).collect()
}

impl Witness {
    /// The file at `path`, which is made if it is not there, with room for both lines: writing over them needs none.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        if file.metadata()?.len() != 2 * LINE as u64 {
            file.set_len(0)?;
            file.write_all_at(&[b' '; 2 * LINE], 0)?;
            file.sync_all()?;
            for above in path.ancestors().skip(1).take(3) {
                File::open(above)?.sync_all()?;
            }
        }
        let mut witness = Self { file, next: 0 };
        let lines = witness.lines()?;
        // The older line, or the one that is torn, is written next.
        let seq = |line: usize| lines[line].as_ref().map_or(0, |said| said.seq);
        witness.next = u64::from(seq(0) > seq(1));
        Ok(witness)
    }

    /// Forgets what was said: the journal goes on from an earlier record.
    pub(crate) fn forget(&mut self) -> io::Result<()> {
        self.next = 0;
        self.file.write_all_at(&[b' '; 2 * LINE], 0)
    }

    /// Says that the journal has reached this, durably.
    pub(crate) fn say(&mut self, said: &Testimony) -> io::Result<()> {
        self.file.write_all_at(said.line().as_bytes(), self.next * LINE as u64)?;
        rustix::fs::fdatasync(&self.file)?;
        self.next = 1 - self.next;
        Ok(())
    }

    fn lines(&self) -> io::Result<[Option<Testimony>; 2]> {
        let mut bytes = [0; 2 * LINE];
        self.file.read_exact_at(&mut bytes, 0)?;
        Ok([Testimony::parse(&bytes[..LINE]), Testimony::parse(&bytes[LINE..])])
    }
}

/// What the file at `path` says last; `None` if it is not there or nothing was said yet, an error if it is damaged.
pub(crate) fn read(path: &Path) -> io::Result<Option<Testimony>> {
    let Some(bytes) = if_there(std::fs::read(path))? else { return Ok(None) };
    let latest = bytes.chunks(LINE).filter_map(Testimony::parse).max_by_key(|said| said.seq);
    match latest {
        None if bytes.iter().any(|byte| !matches!(byte, 0 | b' ')) => {
            Err(io::Error::new(io::ErrorKind::InvalidData, "neither of its lines is whole"))
        }
        latest => Ok(latest),
    }
}

#[cfg(test)]
mod tests {
    use super::{Chain, LINE, Testimony, Witness, read};
    use std::fs;

    fn said(seq: u64) -> Testimony {
        let mut chain = Chain::new("plan");
        (1..=seq).for_each(|seq| chain.add(seq, "body"));
        Testimony { seq, digest: chain.digest() }
    }

    #[test]
    fn the_last_word_counts_and_a_torn_line_leaves_the_one_before() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("runs/r1");
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join(".witness");
        assert_eq!(read(&path).unwrap(), None);
        let mut witness = Witness::open(&path).unwrap();
        assert_eq!(read(&path).unwrap(), None);
        for seq in 1..6 {
            witness.say(&said(seq)).unwrap();
            assert_eq!(read(&path).unwrap(), Some(said(seq)));
        }
        let whole = fs::read(&path).unwrap();
        assert_eq!(whole.len(), 2 * LINE);
        let mut torn = whole.clone();
        torn[30] ^= 1;
        fs::write(&path, &torn).unwrap();
        assert_eq!(read(&path).unwrap(), Some(said(4)));
        // The next word goes to where the torn one is.
        Witness::open(&path).unwrap().say(&said(7)).unwrap();
        assert_eq!(read(&path).unwrap(), Some(said(7)));
        fs::write(&path, &whole[..LINE + 9]).unwrap();
        fs::write(&path, [&torn[..LINE], &[b'x'; LINE]].concat()).unwrap();
        assert!(read(&path).is_err());
    }
}
