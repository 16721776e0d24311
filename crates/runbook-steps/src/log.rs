//! Reading a log from an exact position, across rotation.
//!
//! A position is a file and an offset, so a renamed file is still read to its end before the new one is. What cannot be
//! followed (a truncated file, a file that is gone) is remembered: then nothing can be said about what was *not* there.

use crate::host::{Reader, io_failure};
use crate::process::LogMark;
use runbook_model::Failure;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A line that is longer is cut into pieces.
const LONGEST: usize = 64 * 1024;

/// Follows one log.
#[derive(Debug)]
pub(crate) struct LogTail {
    path: PathBuf,
    files: Vec<Cursor>,
    lost: Option<String>,
}

/// One line without its end and without colour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogLine {
    /// The file that it stands in.
    pub(crate) file: PathBuf,
    /// The byte that it starts at.
    pub(crate) offset: u64,
    /// Its text.
    pub(crate) text: String,
}

#[derive(Debug)]
struct Cursor {
    mark: LogMark,
    /// Where the file was last seen.
    file: PathBuf,
    /// The begin of a line whose end is not written yet.
    pending: Vec<u8>,
    /// Nothing more is to be expected of it.
    gone: bool,
}

impl LogTail {
    /// What is written to the log at `path` after `mark`.
    pub(crate) fn new(path: PathBuf, mark: LogMark) -> Self {
        let files = vec![Cursor { mark, file: path.clone(), pending: Vec::new(), gone: false }];
        Self { path, files, lost: None }
    }

    /// Why lines may have been missed, if they may.
    pub(crate) fn lost(&self) -> Option<&str> {
        self.lost.as_deref()
    }

    /// Hands every complete line that was written since the last call to `see`.
    pub(crate) fn read(&mut self, host: &Reader, see: &mut dyn FnMut(LogLine)) -> Result<(), Failure> {
        let names = self.names(host)?;
        for cursor in self.files.iter_mut().filter(|cursor| !cursor.gone) {
            match names.iter().find(|(mark, _)| (mark.dev, mark.ino) == (cursor.mark.dev, cursor.mark.ino)) {
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
        let current = names.into_iter().find(|(_, file)| *file == self.path);
        if let Some((mark, file)) = current
            && !self.files.iter().any(|cursor| (cursor.mark.dev, cursor.mark.ino) == (mark.dev, mark.ino))
        {
            let mut cursor = Cursor { mark: LogMark { offset: 0, ..mark }, file, pending: Vec::new(), gone: false };
            cursor.read(host, see)?;
            self.files.push(cursor);
        }
        Ok(())
    }

    /// Hands lines whose end is not written to `see`: for the last look, when nothing more is awaited.
    pub(crate) fn rest(&self, see: &mut dyn FnMut(LogLine)) {
        for cursor in self.files.iter().filter(|cursor| !cursor.pending.is_empty()) {
            see(cursor.line(&cursor.pending));
        }
    }

    /// The log and the files beside it that it may have been renamed to.
    fn names(&self, host: &Reader) -> Result<Vec<(LogMark, PathBuf)>, Failure> {
        let here = host.stat(&self.path)?.map(|found| (LogMark::end_of(&found), self.path.clone()));
        let all_known = here.as_ref().is_some_and(|(mark, _)| {
            self.files
                .iter()
                .filter(|cursor| !cursor.gone)
                .all(|cursor| (cursor.mark.dev, cursor.mark.ino) == (mark.dev, mark.ino))
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
                names.push((LogMark { dev: found.dev(), ino: found.ino(), offset: 0 }, file));
            }
        }
        Ok(names)
    }
}

impl LogLine {
    /// `/srv/demo/demo.log:41`.
    pub(crate) fn place(&self, host: &Reader) -> String {
        let file = self.file.display();
        match count_lines(host, &self.file, self.offset) {
            Ok(Some(before)) => format!("{file}:{}", before + 1),
            _ => file.to_string(),
        }
    }
}

impl Cursor {
    /// Reads on. Whether the file has become shorter, so that it was read from its start.
    fn read(&mut self, host: &Reader, see: &mut dyn FnMut(LogLine)) -> Result<bool, Failure> {
        let failed = |error: std::io::Error| io_failure("read", &self.file, &error);
        let Some(mut file) = host.open(&self.file)? else { return Ok(false) };
        let length = file.seek(SeekFrom::End(0)).map_err(failed)?;
        let truncated = length < self.mark.offset;
        if truncated {
            self.mark.offset = 0;
            self.pending.clear();
        }
        file.seek(SeekFrom::Start(self.mark.offset)).map_err(failed)?;
        let mut buffer = vec![0; 32 * 1024];
        loop {
            let count = file.read(&mut buffer).map_err(|error| io_failure("read", &self.file, &error))?;
            let Some(bytes @ [_, ..]) = buffer.get(..count) else { return Ok(truncated) };
            for byte in bytes {
                self.mark.offset += 1;
                if *byte != b'\n' {
                    self.pending.push(*byte);
                }
                if *byte == b'\n' || self.pending.len() >= LONGEST {
                    let mut line = self.line(&self.pending);
                    line.offset = line.offset.saturating_sub(u64::from(*byte == b'\n'));
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
        }
    }
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

/// `text` without terminal escapes (ECMA-48 control sequences and operating system commands) and carriage returns:
/// OpenClaw colours its log even when it writes into a pipe.
pub(crate) fn without_escapes(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => match chars.next() {
                Some('[') => drop(chars.by_ref().find(|c| ('\u{40}'..='\u{7e}').contains(c))),
                Some(']') => {
                    while let Some(c) = chars.next() {
                        if c == '\u{7}' || (c == '\u{1b}' && chars.next_if_eq(&'\\').is_some()) {
                            break;
                        }
                    }
                }
                _ => {}
            },
            '\r' => {}
            _ => clean.push(c),
        }
    }
    clean
}
