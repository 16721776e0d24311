//! Reading a log from an exact position, across rotation.
//!
//! A position is a file and an offset, so a renamed file is still read to its end before the files that came after it
//! are. What cannot be followed (a file that was written anew, is gone or is compressed) is remembered: then nothing can
//! be said about what was *not* there.

mod mark;
mod rotated;

use crate::{Reader, io_failure};
pub use mark::LogMark;
use rotated::Rotated;
use runbook_model::{Failure, outside_escapes};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// A line that is longer is cut into pieces.
const LONGEST: usize = 64 * 1024;
/// So many bytes before a position say whether the file is still the one that they were read from.
const BEFORE: usize = 4096;
/// The lines before a position are counted up to here; further on, a place is a byte.
const COUNTED: u64 = 64 << 20;

/// Follows one log.
#[derive(Debug)]
pub struct LogTail {
    path: PathBuf,
    files: Vec<Cursor>,
    rotated: Rotated,
    lost: Option<String>,
    /// Set while there never was a file: what nobody writes to lacks every error.
    absent: Option<String>,
}

/// One line without its end and without colour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// The file that it stands in.
    pub file: PathBuf,
    /// The byte that it starts at.
    pub offset: u64,
    /// Its text.
    pub text: String,
    /// Lines before it since its file was first read.
    number: usize,
    begin: Begin,
}

/// Where a file was first read from, with the number of lines before that, counted once when somebody asks.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Begin {
    offset: u64,
    lines: Arc<OnceLock<Option<usize>>>,
}

#[derive(Debug)]
struct Cursor {
    mark: LogMark,
    /// Where the file was last seen.
    file: PathBuf,
    /// The begin of a line whose end is not written yet.
    pending: Vec<u8>,
    /// The last bytes before the position; `None` until they were read once.
    before: Option<Vec<u8>>,
    begin: Begin,
    /// Lines that were read.
    number: usize,
    /// Nothing more is to be expected of it.
    gone: bool,
}

impl LogTail {
    /// What is written to the log at `path` after `mark`.
    pub fn new(path: PathBuf, mark: LogMark) -> Self {
        let files = vec![Cursor::new(mark, path.clone())];
        let rotated = Rotated::new(&path, mark.at_ms);
        Self { path, files, rotated, lost: None, absent: None }
    }

    /// Why lines may have been missed, if they may.
    pub fn lost(&self) -> Option<&str> {
        self.lost.as_deref().or(self.absent.as_deref())
    }

    /// Hands every complete line that was written since the last call to `see`.
    pub fn read(&mut self, host: &Reader, see: &mut dyn FnMut(LogLine)) -> Result<(), Failure> {
        let names = self.names(host)?;
        for cursor in self.files.iter_mut().filter(|cursor| !cursor.gone) {
            match names.iter().find(|(mark, _)| mark.same_file(&cursor.mark)) {
                Some((_, file)) => {
                    cursor.file.clone_from(file);
                    if cursor.read(host, see)? {
                        self.lost = Some(format!("{} was truncated", cursor.file.display()));
                    }
                }
                None => {
                    cursor.gone = true;
                    if cursor.mark.ino != 0 {
                        self.lost = Some(format!("{} was rotated away", cursor.file.display()));
                    }
                }
            }
        }
        let is_new = |mark: &LogMark, files: &[Cursor]| !files.iter().any(|cursor| cursor.mark.same_file(mark));
        let current = names.iter().find(|(mark, file)| *file == self.path && is_new(mark, &self.files)).cloned();
        let mut next = Vec::new();
        if names.iter().all(|(mark, file)| *file != self.path || is_new(mark, &self.files)) {
            // What the log was is not what it is. There may have been others in between, each renamed in its turn.
            let first = self.files.first().map(|cursor| (cursor.gone, cursor.file.clone()));
            let first = first.filter(|(gone, _)| !gone).map(|(_, file)| file);
            for (mark, file) in self.rotated.since(host, first.as_deref(), &names)? {
                if is_new(&mark, &self.files) {
                    next.push((mark, file));
                }
            }
        }
        next.extend(current);
        for (mark, file) in next {
            if rotated::is_compressed(&file) {
                self.lost = Some(format!("{} was rotated and compressed", file.display()));
                continue;
            }
            let mut cursor = Cursor::new(LogMark { offset: 0, before: None, ..mark }, file);
            cursor.read(host, see)?;
            self.files.push(cursor);
        }
        let never = self.lost.is_none() && self.files.iter().all(|cursor| cursor.gone && cursor.mark.ino == 0);
        self.absent = never.then(|| format!("there is no {}", self.path.display()));
        Ok(())
    }

    /// Hands lines whose end is not written to `see`: for the last look, when nothing more is awaited.
    pub fn rest(&self, see: &mut dyn FnMut(LogLine)) {
        for cursor in self.files.iter().filter(|cursor| !cursor.pending.is_empty()) {
            see(cursor.line(&cursor.pending));
        }
    }

    /// The log and the files beside it that it may have been renamed to.
    fn names(&self, host: &Reader) -> Result<Vec<(LogMark, PathBuf)>, Failure> {
        let here = host.stat(&self.path)?.map(|found| (rotated::mark_of(&found), self.path.clone()));
        let all_known = here.as_ref().is_some_and(|(mark, _)| {
            self.files.iter().filter(|cursor| !cursor.gone).all(|cursor| cursor.mark.same_file(mark))
                && self.files.iter().any(|cursor| cursor.mark.same_file(mark))
        });
        let mut names: Vec<(LogMark, PathBuf)> = here.into_iter().collect();
        if all_known {
            return Ok(names);
        }
        let dir = self.path.parent().unwrap_or(Path::new("/"));
        for name in host.list(dir)?.unwrap_or_default() {
            let file = dir.join(name);
            if file != self.path
                && let Some(found) = host.lstat(&file)?.filter(std::fs::Metadata::is_file)
            {
                names.push((rotated::mark_of(&found), file));
            }
        }
        Ok(names)
    }
}

impl LogLine {
    /// `/srv/demo/demo.log:41`; in a very long log the byte instead of the line.
    pub fn place(&self, host: &Reader) -> String {
        let file = self.file.display();
        if self.begin.offset > COUNTED {
            return format!("{file}, byte {}", self.offset);
        }
        let count = || count_lines(host, &self.file, self.begin.offset).ok().flatten();
        match self.begin.lines.get_or_init(count) {
            Some(before) => format!("{file}:{}", before + self.number + 1),
            None => file.to_string(),
        }
    }
}

impl Begin {
    fn at(offset: u64) -> Self {
        Self { offset, lines: Arc::default() }
    }
}

impl Cursor {
    fn new(mark: LogMark, file: PathBuf) -> Self {
        Self { mark, file, pending: Vec::new(), before: None, begin: Begin::at(mark.offset), number: 0, gone: false }
    }

    /// Reads on. Whether the file was written anew, so that it was read from its start.
    fn read(&mut self, host: &Reader, see: &mut dyn FnMut(LogLine)) -> Result<bool, Failure> {
        let failed = |error: std::io::Error| io_failure("read", &self.file, &error);
        let before = last_before(host, &self.file, self.mark.offset)?;
        let Some(mut file) = host.open(&self.file)? else { return Ok(false) };
        // No further than it reaches now: a log may be written faster than it is read.
        let end = file.seek(SeekFrom::End(0)).map_err(failed)?;
        let truncated = match (&before, &self.before) {
            (None, _) => true,
            (Some(now), Some(then)) => now != then,
            (Some(now), None) => self.mark.before.is_some_and(|then| digest(now) != then),
        };
        let mut before = before.unwrap_or_default();
        if truncated {
            self.mark.offset = 0;
            self.begin = Begin::at(0);
            self.number = 0;
            self.pending.clear();
            before.clear();
        }
        file.seek(SeekFrom::Start(self.mark.offset)).map_err(failed)?;
        let mut file = file.take(end.saturating_sub(self.mark.offset));
        let mut buffer = vec![0; 32 * 1024];
        loop {
            let count = file.read(&mut buffer).map_err(|error| io_failure("read", &self.file, &error))?;
            let Some(bytes @ [_, ..]) = buffer.get(..count) else {
                self.before = Some(before);
                return Ok(truncated);
            };
            before.extend_from_slice(bytes);
            before.drain(..before.len().saturating_sub(BEFORE));
            for byte in bytes {
                self.mark.offset += 1;
                if *byte != b'\n' {
                    self.pending.push(*byte);
                }
                if *byte == b'\n' || self.pending.len() >= LONGEST {
                    let mut line = self.line(&self.pending);
                    line.offset = line.offset.saturating_sub(u64::from(*byte == b'\n'));
                    self.number += usize::from(*byte == b'\n');
                    self.pending.clear();
                    see(line);
                }
            }
        }
    }

    fn line(&self, bytes: &[u8]) -> LogLine {
        LogLine {
            file: self.file.clone(),
            offset: self.mark.offset.saturating_sub(bytes.len() as u64),
            text: without_escapes(&String::from_utf8_lossy(bytes)),
            number: self.number,
            begin: self.begin.clone(),
        }
    }
}

/// The last bytes before `offset`; `None` if the file is shorter or gone.
pub fn last_before(host: &Reader, path: &Path, offset: u64) -> Result<Option<Vec<u8>>, Failure> {
    let failed = |error: std::io::Error| io_failure("read", path, &error);
    let Some(mut file) = host.open(path)? else { return Ok(None) };
    let begin = offset.saturating_sub(BEFORE as u64);
    file.seek(SeekFrom::Start(begin)).map_err(failed)?;
    let mut bytes = Vec::with_capacity(BEFORE);
    file.take(offset - begin).read_to_end(&mut bytes).map_err(failed)?;
    Ok((bytes.len() as u64 == offset - begin).then_some(bytes))
}

/// A short digest: it tells a file that was written anew from one that grew.
pub fn digest(bytes: &[u8]) -> u64 {
    blake3::hash(bytes).as_bytes().iter().take(8).fold(0, |digest, byte| (digest << 8) | u64::from(*byte))
}

fn count_lines(host: &Reader, path: &Path, offset: u64) -> Result<Option<usize>, Failure> {
    let Some(file) = host.open(path)? else { return Ok(None) };
    let mut file = file.take(offset);
    let mut buffer = vec![0; 64 * 1024];
    let mut lines = 0;
    loop {
        let count = file.read(&mut buffer).map_err(|error| io_failure("read", path, &error))?;
        let Some(bytes @ [_, ..]) = buffer.get(..count) else { return Ok(Some(lines)) };
        lines += bytes.iter().filter(|byte| **byte == b'\n').count();
    }
}

/// `text` without terminal escapes and carriage returns: OpenClaw colours its log even when it writes into a pipe.
pub fn without_escapes(text: &str) -> String {
    outside_escapes(text).map(|(_, c)| c).filter(|c| *c != '\r').collect()
}
