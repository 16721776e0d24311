//! BLAKE3 digests, and a writer that computes one on the way.

use std::fmt;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::escaped;

/// A BLAKE3 digest, written in hexadecimal as `b3sum` does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of the bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    pub(crate) fn from_hasher(hasher: &blake3::Hasher) -> Self {
        Self(*hasher.finalize().as_bytes())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escaped::to_hex(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bytes = escaped::from_hex(&text)?;
        bytes.try_into().map(Self).map_err(|_| format!("{text:?} is not 32 bytes long"))
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

/// Passes bytes on, and knows their digest and number.
pub(crate) struct HashingWriter<W> {
    out: W,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl<W: Write> HashingWriter<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, hasher: blake3::Hasher::new(), bytes: 0 }
    }

    pub(crate) fn finish(self) -> (W, Digest, u64) {
        let digest = Digest::from_hasher(&self.hasher);
        (self.out, digest, self.bytes)
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// How many zeros are hashed at once.
const ZEROS: usize = 1 << 16;

/// Hashes a run of zeros, as the holes of a sparse file read.
pub(crate) fn update_zeros(hasher: &mut blake3::Hasher, mut count: u64) {
    // In memory, for in the program they would be as large as they are.
    let zeros = vec![0; usize::try_from(count).map_or(ZEROS, |count| count.min(ZEROS))];
    while count > 0 {
        let now = zeros.len().min(usize::try_from(count).unwrap_or(usize::MAX));
        hasher.update(zeros.get(..now).unwrap_or_default());
        count -= now as u64;
    }
}
