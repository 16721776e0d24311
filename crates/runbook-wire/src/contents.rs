//! Contents that came over a link, by their digests: what has come so far stays, and the next link goes on from there. A host keeps in
//! one such directory what controllers sent, and a controller in another one what it fetched.

use crate::frame::LARGEST_FRAME;
use rustix::fs::{FlockOperation, flock};
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// One content may be this large in bytes.
const LARGEST: u64 = 1 << 40;
/// And so large is one that is read as a whole.
const LARGEST_READ: u64 = 1 << 30;
/// What nobody asked for so long is removed.
const OLD: Duration = Duration::from_secs(24 * 60 * 60);

/// The directory of contents.
#[derive(Clone, Debug)]
pub struct Contents(PathBuf);

/// A content cannot be kept or read.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {}: {source}", .path.display())]
pub struct ContentError {
    doing: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl ContentError {
    fn new(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { doing, path, source }
    }

    fn because(doing: &'static str, path: &Path, why: &str) -> Self {
        Self::new(doing, path)(io::Error::other(why.to_owned()))
    }
}

/// A content that is being written.
#[derive(Debug)]
pub struct Incoming {
    file: File,
    part: PathBuf,
    whole: PathBuf,
    digest: String,
    size: u64,
    left: u64,
}

impl Contents {
    /// Those in `dir`, which need not exist.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self(dir.into())
    }

    /// Where they are.
    pub fn dir(&self) -> &Path {
        &self.0
    }

    /// Whether it may name a file.
    fn is_digest(digest: &str) -> bool {
        digest.len() == 64 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    }

    /// Where it is once all of it is there.
    pub fn path(&self, digest: &str) -> PathBuf {
        self.0.join(digest)
    }

    fn part(&self, digest: &str) -> PathBuf {
        self.0.join(format!("{digest}.part"))
    }

    /// How many bytes of it are there; `None` where all are.
    pub fn missing_from(&self, digest: &str) -> Option<u64> {
        let whole = self.path(digest);
        if Self::is_digest(digest) && whole.is_file() {
            // Whoever asks is going to use it. One of another user stays as old as it is.
            let _ = File::open(&whole).and_then(|file| file.set_modified(SystemTime::now()));
            return None;
        }
        Some(
            fs::symlink_metadata(self.part(digest)).ok().filter(|found| found.is_file()).map_or(0, |found| found.len()),
        )
    }

    /// Begins to write a content of `size` bytes, of which `offset` are there.
    pub fn begin(&self, digest: &str, offset: u64, size: u64) -> Result<Incoming, ContentError> {
        let part = self.part(digest);
        let refused = |why: &str| ContentError::because("write", &part, why);
        if !Self::is_digest(digest) {
            return Err(refused("that is no digest"));
        }
        if size > LARGEST || offset > size {
            return Err(refused("it is larger than a content may be"));
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0).map_err(ContentError::new("make", &self.0))?;
        let open = |part: &Path| OpenOptions::new().create(true).write(true).truncate(false).mode(0o600).open(part);
        let mut file = open(&part).map_err(ContentError::new("open", &part))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(refused("another controller sends it just now; try again"));
        }
        file.set_len(offset)
            .and_then(|()| file.seek(SeekFrom::Start(offset)))
            .map_err(ContentError::new("write", &part))?;
        let whole = self.path(digest);
        Ok(Incoming { file, part, whole, digest: digest.to_owned(), size, left: size - offset })
    }

    /// The content.
    pub fn read(&self, digest: &str) -> Result<Arc<[u8]>, ContentError> {
        let path = self.path(digest);
        let refused = |why: &str| ContentError::because("read", &path, why);
        if !Self::is_digest(digest) {
            return Err(refused("that is no digest"));
        }
        if fs::metadata(&path).is_ok_and(|found| found.len() > LARGEST_READ) {
            return Err(refused("it is larger than what can be read as a whole"));
        }
        let content = fs::read(&path).map_err(ContentError::new("read", &path))?;
        match blake3::hash(&content).to_hex().as_str() == digest {
            true => Ok(content.into()),
            false => Err(refused("it is not what its digest says")),
        }
    }

    /// All of these.
    pub fn read_all<'d>(
        &self,
        digests: impl Iterator<Item = &'d str>,
    ) -> Result<BTreeMap<String, Arc<[u8]>>, ContentError> {
        digests.map(|digest| Ok((digest.to_owned(), self.read(digest)?))).collect()
    }

    /// Removes what nobody asked for since a day, except what is in use. Of the files that a plan brings, runs keep copies.
    pub fn sweep(&self, in_use: impl Fn(&str) -> bool) {
        for (_, entry) in self.entries().filter(|(name, _)| !in_use(name)) {
            let written = entry.metadata().and_then(|found| found.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            if written.elapsed().is_ok_and(|age| age > OLD) {
                // The next one tries again.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// The digests of those that are whole.
    pub fn digests(&self) -> Vec<String> {
        self.entries().map(|(name, _)| name).filter(|name| Self::is_digest(name)).collect()
    }

    fn entries(&self) -> impl Iterator<Item = (String, fs::DirEntry)> {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry)))
    }
}

/// The bytes of a file from `offset` on: as many as a frame takes, and fewer only at its end.
pub fn piece(path: &Path, offset: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(LARGEST_FRAME as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl Incoming {
    /// Whether more bytes are to come.
    pub fn is_whole(&self) -> bool {
        self.left == 0
    }

    /// Whether it is that one.
    pub fn is_of(&self, digest: &str, size: u64) -> bool {
        self.digest == digest && self.size == size
    }

    /// How many bytes of it are there: where the next ones begin.
    pub fn offset(&self) -> u64 {
        self.size - self.left
    }

    /// Adds bytes that came.
    pub fn add(&mut self, bytes: &[u8]) -> Result<(), ContentError> {
        let left = self.left.checked_sub(bytes.len() as u64);
        let too_many = || ContentError::because("write", &self.part, "more came than was announced");
        self.left = left.ok_or_else(too_many)?;
        self.file.write_all(bytes).map_err(ContentError::new("write", &self.part))
    }

    /// Ends it: what came is what the digest says, or nothing of it is kept.
    pub fn end(self) -> Result<String, ContentError> {
        let mut hasher = blake3::Hasher::new();
        File::open(&self.part)
            .and_then(|file| hasher.update_reader(file).map(drop))
            .map_err(ContentError::new("read", &self.part))?;
        if hasher.finalize().to_hex().as_str() != self.digest {
            fs::remove_file(&self.part).map_err(ContentError::new("remove", &self.part))?;
            return Err(ContentError::because("use", &self.part, "it is not what its digest says"));
        }
        self.file.sync_all().map_err(ContentError::new("write", &self.part))?;
        fs::rename(&self.part, &self.whole).map_err(ContentError::new("rename", &self.part))?;
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
        std::fs::write(contents.path(&digest), "changed").unwrap();
        assert!(contents.read(&digest).is_err(), "what was changed on the disk is not used");
    }
}
