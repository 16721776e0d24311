//! Opening what somebody named: only regular files are read, and none of them can hold up the reader.
//!
//! A name can lead to a FIFO, a device or a socket, whose open or read may never return. It is opened without waiting and
//! looked at, and only then read; a read does not wait either, for `/proc/kmsg` and its like only look regular.

use crate::io_failure;
use runbook_model::Failure;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, Mode, OFlags, openat};
use std::fs::{File, FileType, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// The most that is read of a file whose content is wanted as a whole. Sizes say nothing: files of `/proc` have none.
pub const WHOLE: u64 = 256 << 20;

/// Opens the regular file at `path` for reading, links followed, without ever waiting for it; `None` if nothing is there.
/// Anything else is refused by its name.
pub fn open_regular(path: &Path) -> Result<Option<File>, Failure> {
    let failed = |error: io::Error| io_failure("read", path, &error);
    let file = match open_at_once(path) {
        Ok(Some(file)) => file,
        Ok(None) => return Ok(None),
        // A socket has no other answer to being opened, nor has a device without a driver.
        Err(error) => {
            let found = std::fs::metadata(path).ok().filter(|found| !found.is_file());
            return Err(found.map_or_else(|| failed(error), |found| refused(path, found.file_type())));
        }
    };
    let found = file.metadata().map_err(failed)?;
    if found.is_file() { Ok(Some(file)) } else { Err(refused(path, found.file_type())) }
}

/// The whole content of the regular file at `path`, at most `limit` bytes; `None` if nothing is there.
pub fn read_regular(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, Failure> {
    let Some(file) = open_regular(path)? else { return Ok(None) };
    let mut bytes = Vec::new();
    let read = file.take(limit + 1).read_to_end(&mut bytes);
    read.map_err(|error| io_failure("read", path, &error))?;
    if bytes.len() as u64 > limit {
        return Err(too_large(path, limit));
    }
    Ok(Some(bytes))
}

/// The same for what is read once and never again: a pipe that the shell made, such as `<(…)` or a redirected descriptor,
/// is read as well, until `patience` is over.
pub fn read_once(path: &Path, limit: u64, patience: Duration) -> Result<Option<Vec<u8>>, Failure> {
    let of_the_shell = ["/dev/stdin", "/dev/fd"].iter().any(|place| path.starts_with(place));
    let is_pipe = std::fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo());
    if !(of_the_shell && is_pipe) {
        return read_regular(path, limit);
    }
    let failed = |error: io::Error| io_failure("read", path, &error);
    let Some(mut pipe) = open_at_once(path).map_err(failed)? else { return Ok(None) };
    let until = Instant::now() + patience;
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        wait_for(&pipe, until).map_err(failed)?;
        match pipe.read(&mut buffer) {
            Ok(0) => return Ok(Some(bytes)),
            Ok(count) => bytes.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(error) => return Err(failed(error)),
        }
        if bytes.len() as u64 > limit {
            return Err(too_large(path, limit));
        }
    }
}

/// Returns when there is something to read, or the other end is closed.
fn wait_for(pipe: &File, until: Instant) -> io::Result<()> {
    let left = until.saturating_duration_since(Instant::now());
    let left = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
    match poll(&mut [PollFd::new(pipe, PollFlags::IN)], Some(&left)) {
        Ok(0) => Err(io::Error::new(io::ErrorKind::TimedOut, "nobody writes into it")),
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn open_at_once(path: &Path) -> io::Result<Option<File>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    match openat(CWD, path, flags, Mode::empty()) {
        Ok(file) => Ok(Some(File::from(file))),
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn too_large(path: &Path, limit: u64) -> Failure {
    let message = format!("{} is larger than {} MiB, and is not read as a whole", path.display(), limit >> 20);
    Failure::refused(message).hint("is this the right file?")
}

/// The refusal of what is not a regular file.
pub fn special(path: &Path, found: &Metadata) -> Failure {
    refused(path, found.file_type())
}

fn refused(path: &Path, found: FileType) -> Failure {
    let what = what_it_is(found);
    Failure::refused(format!("{} is {what}, and only regular files are read", path.display()))
        .hint("name a file that holds the content")
}

fn what_it_is(found: FileType) -> &'static str {
    match found {
        found if found.is_fifo() => "a FIFO",
        found if found.is_char_device() => "a character device",
        found if found.is_block_device() => "a block device",
        found if found.is_socket() => "a socket",
        found if found.is_dir() => "a directory",
        found if found.is_symlink() => "a symlink",
        _ => "no regular file",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runbook_model::FailureKind;

    #[test]
    fn only_regular_files_are_read_and_nothing_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("file"), "content").unwrap();
        std::os::unix::fs::symlink("file", at("link")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(at("fifo")).status().unwrap().success());
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        assert_eq!(read_regular(&at("link"), 7).unwrap().unwrap(), b"content");
        assert!(read_regular(&at("file"), 6).unwrap_err().message.contains("is larger than"));
        assert_eq!(read_regular(&at("nothing"), 6).unwrap(), None);
        assert_eq!(read_regular(&at("file/below"), 6).unwrap(), None);
        let why = |path: &Path| {
            let failure = read_regular(path, 6).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Refused, "{failure:?}");
            failure.message
        };
        assert!(why(&at("fifo")).ends_with("fifo is a FIFO, and only regular files are read"));
        assert!(why(&at("socket")).contains("socket is a socket"));
        assert!(why(dir.path()).contains("is a directory"));
        assert!(why(Path::new("/dev/zero")).contains("/dev/zero is a character device"));
    }
}
