//! Contents that a controller sent, by their digests: what has come so far stays, and the next link goes on from there.

use crate::error::Error;
use rustix::fs::{FlockOperation, flock};
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// One content may be this large.
const LARGEST: u64 = 1 << 30;
/// What nobody asked for so long is removed.
const OLD: Duration = Duration::from_secs(24 * 60 * 60);

/// The directory of contents.
#[derive(Clone, Debug)]
pub(crate) struct Contents(PathBuf);

/// A content that is being written.
pub(crate) struct Incoming {
    file: File,
    part: PathBuf,
    whole: PathBuf,
    digest: String,
    left: u64,
}

impl Contents {
    pub(crate) fn at(dir: PathBuf) -> Self {
        Self(dir)
    }

    /// Whether it may name a file.
    fn is_digest(digest: &str) -> bool {
        digest.len() == 64 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    }

    fn whole(&self, digest: &str) -> PathBuf {
        self.0.join(digest)
    }

    fn part(&self, digest: &str) -> PathBuf {
        self.0.join(format!("{digest}.part"))
    }

    /// How many bytes of it are there; `None` where all are.
    pub(crate) fn missing_from(&self, digest: &str) -> Option<u64> {
        if Self::is_digest(digest) && self.whole(digest).is_file() {
            return None;
        }
        Some(
            fs::symlink_metadata(self.part(digest)).ok().filter(|found| found.is_file()).map_or(0, |found| found.len()),
        )
    }

    /// Begins to write a content of `size` bytes, of which `offset` are there.
    pub(crate) fn begin(&self, digest: &str, offset: u64, size: u64) -> Result<Incoming, Error> {
        let part = self.part(digest);
        let refused = |why: &str| Error::io("write", &part)(io::Error::other(why.to_owned()));
        if !Self::is_digest(digest) {
            return Err(refused("that is no digest"));
        }
        if size > LARGEST || offset > size {
            return Err(refused("it is larger than a content may be"));
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0).map_err(Error::io("make", &self.0))?;
        let open = |part: &Path| OpenOptions::new().create(true).write(true).truncate(false).mode(0o600).open(part);
        let mut file = open(&part).map_err(Error::io("open", &part))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(refused("another controller sends it just now; try again"));
        }
        file.set_len(offset).and_then(|()| file.seek(SeekFrom::Start(offset))).map_err(Error::io("write", &part))?;
        let whole = self.whole(digest);
        Ok(Incoming { file, part, whole, digest: digest.to_owned(), left: size - offset })
    }

    /// The content.
    pub(crate) fn read(&self, digest: &str) -> Result<Arc<[u8]>, Error> {
        let path = self.whole(digest);
        let refused = |why: &str| Error::io("read", &path)(io::Error::other(why.to_owned()));
        if !Self::is_digest(digest) {
            return Err(refused("that is no digest"));
        }
        let content = fs::read(&path).map_err(Error::io("read", &path))?;
        match blake3::hash(&content).to_hex().as_str() == digest {
            true => Ok(content.into()),
            false => Err(refused("it is not what its digest says")),
        }
    }

    /// All of these.
    pub(crate) fn read_all<'d>(
        &self,
        digests: impl Iterator<Item = &'d str>,
    ) -> Result<BTreeMap<String, Arc<[u8]>>, Error> {
        digests.map(|digest| Ok((digest.to_owned(), self.read(digest)?))).collect()
    }

    /// Removes what lies there for long. Runs keep their own copies.
    pub(crate) fn sweep(&self) {
        for entry in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            let written = entry.metadata().and_then(|found| found.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            if written.elapsed().is_ok_and(|age| age > OLD) {
                // The next one tries again.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

impl Incoming {
    /// Whether more bytes are to come.
    pub(crate) fn is_whole(&self) -> bool {
        self.left == 0
    }

    /// Adds bytes that came.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let left = self.left.checked_sub(bytes.len() as u64);
        let too_many = || Error::io("write", &self.part)(io::Error::other("more came than was announced"));
        self.left = left.ok_or_else(too_many)?;
        self.file.write_all(bytes).map_err(Error::io("write", &self.part))
    }

    /// Ends it: what came is what the digest says, or nothing of it is kept.
    pub(crate) fn end(self) -> Result<String, Error> {
        let content = fs::read(&self.part).map_err(Error::io("read", &self.part))?;
        if blake3::hash(&content).to_hex().as_str() != self.digest {
            fs::remove_file(&self.part).map_err(Error::io("remove", &self.part))?;
            return Err(Error::io("use", &self.part)(io::Error::other("it is not what its digest says")));
        }
        self.file.sync_all().map_err(Error::io("write", &self.part))?;
        fs::rename(&self.part, &self.whole).map_err(Error::io("rename", &self.part))?;
        Ok(self.digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_comes_in_pieces_over_two_links() {
        let dir = tempfile::tempdir().unwrap();
        let contents = Contents::at(dir.path().join("contents"));
        let digest = blake3::hash(b"0123456789").to_hex().to_string();
        assert_eq!(contents.missing_from(&digest), Some(0));
        contents.begin(&digest, 0, 10).unwrap().add(b"0123").unwrap();
        assert_eq!(contents.missing_from(&digest), Some(4));
        let mut incoming = contents.begin(&digest, 4, 10).unwrap();
        incoming.add(b"456789").unwrap();
        assert!(incoming.is_whole());
        assert_eq!(incoming.end().unwrap(), digest);
        assert_eq!(contents.missing_from(&digest), None);
        assert_eq!(&*contents.read(&digest).unwrap(), b"0123456789");
    }

    #[test]
    fn what_is_not_what_it_says_is_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let contents = Contents::at(dir.path().join("contents"));
        let digest = blake3::hash(b"right").to_hex().to_string();
        let mut incoming = contents.begin(&digest, 0, 5).unwrap();
        incoming.add(b"wrong").unwrap();
        assert!(incoming.end().is_err());
        assert_eq!(contents.missing_from(&digest), Some(0));
        assert!(contents.begin(&digest, 0, 5).unwrap().add(b"longer than it").is_err());
        assert!(contents.begin("../../etc/passwd", 0, 5).is_err());
        assert!(contents.read("../../etc/passwd").is_err());
        std::fs::write(contents.whole(&digest), "changed").unwrap();
        assert!(contents.read(&digest).is_err(), "what was changed on the disk is not used");
    }
}
