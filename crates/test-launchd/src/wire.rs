//! One question and one answer over a socket: words that end with a zero byte, and JSON.

use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// The name of the socket in the server's directory.
pub(crate) const SOCKET: &str = "socket";

/// What a subcommand printed and ended with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The exit status.
    pub code: u8,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Answer {
    /// It succeeded and printed this.
    pub(crate) fn ok(out: impl Into<String>) -> Self {
        Self { out: out.into(), ..Self::default() }
    }

    /// It failed with this status and these words.
    pub(crate) fn failed(code: u8, err: impl Into<String>) -> Self {
        Self { code, err: format!("{}\n", err.into()), ..Self::default() }
    }
}

/// Asks the server in `dir`, as `launchctl WORD…` would.
pub fn ask(dir: &Path, words: &[&str]) -> io::Result<Answer> {
    let mut stream = UnixStream::connect(dir.join(SOCKET))?;
    for word in words {
        stream.write_all(word.as_bytes())?;
        stream.write_all(&[0])?;
    }
    stream.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(serde_json::from_slice(&answer)?)
}

/// The words of a question.
pub(crate) fn question(stream: &mut UnixStream) -> io::Result<Vec<String>> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let words = bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
    let mut words: Vec<String> = words.collect();
    words.pop();
    Ok(words)
}

/// Answers.
pub(crate) fn answer(stream: &mut UnixStream, answer: &Answer) -> io::Result<()> {
    stream.write_all(&serde_json::to_vec(answer)?)
}
