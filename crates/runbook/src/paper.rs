//! Where what is said goes: to the streams of this process, or onto a paper that is shown later, for hosts that are asked at the same time.

use serde_json::json;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The result, and what is said beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Result,
    Beside,
}

/// Where it goes.
#[derive(Clone, Debug, Default)]
pub(crate) enum Paper {
    /// Standard output and standard error.
    #[default]
    Streams,
    /// Kept until it is shown.
    Kept(Arc<Mutex<Vec<(Side, String)>>>),
}

impl Paper {
    /// A paper of its own.
    pub(crate) fn kept() -> Self {
        Self::Kept(Arc::default())
    }

    /// Writes a part of the result.
    pub(crate) fn result(&self, text: &str) -> io::Result<()> {
        self.write(Side::Result, text)
    }

    /// Says something beside the result.
    pub(crate) fn beside(&self, text: &str) -> io::Result<()> {
        self.write(Side::Beside, text)
    }

    fn write(&self, side: Side, text: &str) -> io::Result<()> {
        match (self, side) {
            (Self::Kept(said), _) => locked(said).push((side, text.to_owned())),
            (Self::Streams, Side::Beside) => io::stderr().write_all(text.as_bytes())?,
            (Self::Streams, Side::Result) => {
                let mut out = io::stdout().lock();
                out.write_all(text.as_bytes())?;
                out.flush()?;
            }
        }
        Ok(())
    }

    /// Shows what was kept, in the order in which it was said.
    pub(crate) fn show(&self) -> io::Result<()> {
        let Self::Kept(said) = self else { return Ok(()) };
        let said = std::mem::take(&mut *locked(said));
        said.iter().try_for_each(|(side, text)| Self::Streams.write(*side, text))
    }
}

fn locked(said: &Mutex<Vec<(Side, String)>>) -> MutexGuard<'_, Vec<(Side, String)>> {
    said.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Rows of JSON with the host that they are about, as the inventory names it.
#[derive(Clone, Debug)]
pub(crate) struct Named(String);

impl Named {
    pub(crate) fn host(name: &str) -> Self {
        Self(format!("{{\"on\":{}", json!(name)))
    }

    /// Each line with the host as its first field.
    pub(crate) fn rows(&self, lines: &str) -> String {
        let named = |line: &str| match line.strip_prefix('{') {
            Some(rest) if rest.starts_with('}') => format!("{}{rest}", self.0),
            Some(rest) => format!("{},{rest}", self.0),
            None => line.to_owned(),
        };
        lines.split_inclusive('\n').map(named).collect()
    }
}

/// Names the host in rows as they are written, one line at a time.
pub(crate) struct NamedRows<W: Write> {
    named: Named,
    line: Vec<u8>,
    out: W,
}

impl<W: Write> NamedRows<W> {
    pub(crate) fn onto(out: W, named: Named) -> Self {
        Self { named, line: Vec::new(), out }
    }
}

impl<W: Write> Write for NamedRows<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                self.out.write_all(self.named.rows(&String::from_utf8_lossy(&line)).as_bytes())?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::{Named, NamedRows};
    use std::io::Write;

    #[test]
    fn each_row_names_its_host_however_it_is_written() {
        let rows = "{\"seq\":1,\"text\":\"{\"}\n{}\n";
        let named = "{\"on\":\"vm-\\\"a\",\"seq\":1,\"text\":\"{\"}\n{\"on\":\"vm-\\\"a\"}\n";
        assert_eq!(Named::host("vm-\"a").rows(rows), named);
        let mut out = Vec::new();
        let mut writer = NamedRows::onto(&mut out, Named::host("vm-\"a"));
        rows.bytes().for_each(|byte| writer.write_all(&[byte]).unwrap());
        drop(writer);
        assert_eq!(String::from_utf8(out).unwrap(), named);
    }
}
