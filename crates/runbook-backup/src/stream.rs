//! Reads an archive while another thread decompresses it, with a fixed amount of memory between the two.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::digest::Digest;
use crate::error::Error;
use crate::unpack::Members;

const CHUNK: usize = 1 << 18;
const CHUNKS: usize = 8;

/// The decompressed bytes, as they arrive.
pub(crate) struct Incoming {
    from: Receiver<io::Result<Vec<u8>>>,
    chunk: Vec<u8>,
    at: usize,
}

impl Read for Incoming {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.at == self.chunk.len() {
            match self.from.recv() {
                Ok(chunk) => (self.chunk, self.at) = (chunk?, 0),
                // The other side is done.
                Err(_) => return Ok(0),
            }
        }
        let rest = self.chunk.get(self.at..).unwrap_or_default();
        let now = rest.len().min(to.len());
        if let (Some(to), Some(from)) = (to.get_mut(..now), rest.get(..now)) {
            to.copy_from_slice(from);
        }
        self.at += now;
        Ok(now)
    }
}

/// What the compressed file was, when it was read to its end.
pub(crate) struct Compressed {
    pub(crate) digest: Digest,
    pub(crate) bytes: u64,
}

/// Hands the members of a `.tar.zst` file to `run`. It may stop early; then nothing is known about the whole file.
pub(crate) fn members<T>(
    path: &Path,
    run: impl FnOnce(&mut Members<Incoming>) -> Result<T, Error>,
) -> Result<(T, Option<Compressed>), Error> {
    let file = File::open(path).map_err(|error| Error::io("open", path, error))?;
    std::thread::scope(|scope| {
        let (to, from) = sync_channel(CHUNKS);
        let decompression = scope.spawn(move || decompress(file, &to));
        let mut members = Members::new(Incoming { from, chunk: Vec::new(), at: 0 });
        let result = run(&mut members);
        if result.is_ok() {
            // Reads on, so that damage after the last member shows. What was not wanted may be damaged.
            let _ = io::copy(&mut members.into_input(), &mut io::sink());
        } else {
            drop(members);
        }
        let compressed = decompression.join().ok().flatten();
        result.map(|result| (result, compressed))
    })
}

struct Hashing {
    file: File,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Read for Hashing {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(to)?;
        self.hasher.update(to.get(..read).unwrap_or_default());
        self.bytes += read as u64;
        Ok(read)
    }
}

fn decompress(file: File, to: &SyncSender<io::Result<Vec<u8>>>) -> Option<Compressed> {
    let hashing = Hashing { file, hasher: blake3::Hasher::new(), bytes: 0 };
    let mut decoder = match zstd::stream::read::Decoder::new(hashing) {
        Ok(decoder) => decoder,
        Err(error) => {
            // When nobody listens any more, nobody needs the error.
            let _ = to.send(Err(error));
            return None;
        }
    };
    loop {
        let mut chunk = Vec::with_capacity(CHUNK);
        match (&mut decoder).take(CHUNK as u64).read_to_end(&mut chunk) {
            Ok(0) => break,
            Ok(_) => to.send(Ok(chunk)).ok()?,
            Err(error) => {
                let _ = to.send(Err(error));
                return None;
            }
        }
    }
    let hashing = decoder.finish().into_inner();
    Some(Compressed { digest: Digest::from_hasher(&hashing.hasher), bytes: hashing.bytes })
}
