//! What is typed at the terminal on standard input.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::getpgrp;
use rustix::termios::{QueueSelector, tcflush, tcgetpgrp};
use std::io;
use std::time::Duration;

/// What was typed before a question stood answers something else. To be called right before the question is written.
pub(crate) fn nothing_typed_ahead() {
    // What cannot be thrown away cannot be read either, and reading tells what is wrong.
    let _ = tcflush(io::stdin(), QueueSelector::IFlush);
}

/// Whether the terminal gives this process what is typed. One in the background that reads is stopped, and one that is
/// stopped waits for ever. Where there is no such thing as a background, reading tells what is wrong.
pub(crate) fn in_foreground() -> bool {
    tcgetpgrp(io::stdin()).map_or(true, |foreground| foreground == getpgrp())
}

/// Adds what is typed within `limit`. Whether anybody is still there.
pub(crate) fn read_some(typed: &mut Vec<u8>, limit: Duration) -> io::Result<bool> {
    let stdin = io::stdin();
    let limit = Timespec { tv_sec: limit.as_secs().cast_signed(), tv_nsec: limit.subsec_nanos().into() };
    match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&limit)) {
        Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(true),
        Ok(_) => {}
        Err(error) => return Err(error.into()),
    }
    // It may have gone to the background meanwhile.
    if !in_foreground() {
        return Ok(true);
    }
    let mut buffer = [0; 256];
    let read = rustix::io::read(&stdin, &mut buffer)?;
    typed.extend_from_slice(buffer.get(..read).unwrap_or_default());
    Ok(read > 0)
}
