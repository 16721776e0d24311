//! Frames: a length of four bytes, a kind of one byte, and at most one MiB. A message that is longer takes several.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, ErrorKind, Read, Write};

/// The largest payload of a frame in bytes.
pub const LARGEST_FRAME: usize = 1 << 20;
/// The largest message in bytes, over all of its frames.
pub const LARGEST_MESSAGE: usize = 64 << 20;

/// A message goes on in the next frame.
const PART: u8 = 0;
/// A message ends with this frame.
const END: u8 = 1;
/// Bytes of a file.
const BYTES: u8 = 2;

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A whole message, as JSON.
    Message(Vec<u8>),
    /// Bytes of a file.
    Bytes(Vec<u8>),
}

/// Why nothing more can be read.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The stream broke.
    #[error("the link broke: {0}")]
    Io(#[from] io::Error),
    /// The stream ended in the middle of a frame or a message.
    #[error("the link ended in the middle of a message")]
    Cut,
    /// What came is no frame: something else writes to the stream.
    #[error("what came is no frame: it would be of kind {kind} and {length} bytes long")]
    NoFrame {
        /// The byte that says the kind.
        kind: u8,
        /// The bytes that say the length.
        length: usize,
    },
    /// A message is longer than any may be.
    #[error("a message is longer than {} MiB", LARGEST_MESSAGE >> 20)]
    TooLong,
    /// A frame came that is no message where one has to come, or the other way round.
    #[error("a frame of another kind was due")]
    OutOfTurn,
    /// A message that this version does not know.
    #[error("a message is not understood: {0}")]
    Unknown(#[from] serde_json::Error),
}

/// Reads frames.
#[derive(Debug)]
pub struct FrameReader<R>(R);

impl<R: Read> FrameReader<R> {
    /// Reads from `stream`, which should be buffered.
    pub fn new(stream: R) -> Self {
        Self(stream)
    }

    /// The next frame; `None` where the stream ends between two.
    pub fn frame(&mut self) -> Result<Option<Frame>, WireError> {
        let mut message: Option<Vec<u8>> = None;
        loop {
            let Some((kind, mut payload)) = self.one()? else {
                return if message.is_none() { Ok(None) } else { Err(WireError::Cut) };
            };
            if kind == BYTES {
                return if message.is_none() { Ok(Some(Frame::Bytes(payload))) } else { Err(WireError::OutOfTurn) };
            }
            let mut whole = message.take().unwrap_or_default();
            if whole.len() + payload.len() > LARGEST_MESSAGE {
                return Err(WireError::TooLong);
            }
            whole.append(&mut payload);
            if kind == END {
                return Ok(Some(Frame::Message(whole)));
            }
            message = Some(whole);
        }
    }

    /// The next message; `None` where the stream ends before it.
    pub fn message<T: DeserializeOwned>(&mut self) -> Result<Option<T>, WireError> {
        match self.frame()? {
            None => Ok(None),
            Some(Frame::Message(json)) => Ok(Some(serde_json::from_slice(&json)?)),
            Some(Frame::Bytes(_)) => Err(WireError::OutOfTurn),
        }
    }

    fn one(&mut self) -> Result<Option<(u8, Vec<u8>)>, WireError> {
        let mut head = [0; 5];
        match self.0.read(head.get_mut(..1).unwrap_or_default()) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => return self.one(),
            Err(error) => return Err(error.into()),
        }
        self.fill(head.get_mut(1..).unwrap_or_default())?;
        let [a, b, c, d, kind] = head;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if length > LARGEST_FRAME || ![PART, END, BYTES].contains(&kind) {
            return Err(WireError::NoFrame { kind, length });
        }
        let mut payload = vec![0; length];
        self.fill(&mut payload)?;
        Ok(Some((kind, payload)))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), WireError> {
        self.0.read_exact(bytes).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => WireError::Cut,
            _ => error.into(),
        })
    }
}

/// Writes a message, and hands it on at once.
pub fn write_message<T: Serialize>(to: &mut impl Write, message: &T) -> Result<(), WireError> {
    let json = serde_json::to_vec(message)?;
    if json.len() > LARGEST_MESSAGE {
        return Err(WireError::TooLong);
    }
    let mut parts = json.chunks(LARGEST_FRAME).peekable();
    while let Some(part) = parts.next() {
        write(to, if parts.peek().is_some() { PART } else { END }, part)?;
    }
    to.flush().map_err(Into::into)
}

/// Writes bytes of a file, in as many frames as they need.
pub fn write_bytes(to: &mut impl Write, bytes: &[u8]) -> Result<(), WireError> {
    bytes.chunks(LARGEST_FRAME).try_for_each(|part| write(to, BYTES, part))?;
    to.flush().map_err(Into::into)
}

fn write(to: &mut impl Write, kind: u8, payload: &[u8]) -> io::Result<()> {
    let [a, b, c, d] = u32::try_from(payload.len()).map_err(io::Error::other)?.to_be_bytes();
    to.write_all(&[a, b, c, d, kind])?;
    to.write_all(payload)
}
