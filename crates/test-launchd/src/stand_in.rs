//! What a test starts: the server, and a directory for PATH in which `launchctl` is.

use crate::jobs::Style;
use crate::wire::{Answer, SOCKET, ask};
use std::ffi::OsString;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The name of the binary.
const PROGRAM: &str = "launchctl-stand-in";

/// How long it may take to listen. Milliseconds on a quiet machine.
const UP: Duration = Duration::from_secs(60);

/// A launchd of one test. When it is dropped, or the test's process ends in any way, every job of it is ended.
#[derive(Debug)]
pub struct StandIn {
    server: Child,
    dir: tempfile::TempDir,
}

impl StandIn {
    /// Starts one for a test of this workspace.
    pub fn new(style: Style) -> io::Result<Self> {
        Self::start_within(&test_rules::program("test-launchd", PROGRAM), style, UP)
    }

    fn start_within(program: &Path, style: Style, limit: Duration) -> io::Result<Self> {
        let dir = tempfile::Builder::new().prefix("launchd-").tempdir()?;
        let bin = dir.path().join("bin");
        std::fs::create_dir(&bin)?;
        let launchctl = bin.join("launchctl");
        let quoted = |path: &Path| format!("'{}'", path.display());
        let script = format!("#!/bin/sh\nexec {} at {} \"$@\"\n", quoted(program), quoted(dir.path()));
        std::fs::write(&launchctl, script)?;
        std::fs::set_permissions(&launchctl, std::fs::Permissions::from_mode(0o755))?;
        let style = if style == Style::Old { "old" } else { "recent" };
        let mut server = Command::new(program)
            .arg("serve")
            .arg(dir.path())
            .arg(style)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        if let Err(why) = wait_for_socket(&mut server, &dir.path().join(SOCKET), limit) {
            // It may be deaf to the end of its input.
            let _ = server.kill();
            let _ = server.wait();
            return Err(why);
        }
        Ok(Self { server, dir })
    }

    /// The directory in which `launchctl` is.
    pub fn bin(&self) -> PathBuf {
        self.dir.path().join("bin")
    }

    /// `PATH` with `launchctl` before everything else.
    pub fn path(&self) -> OsString {
        let mut path = self.bin().into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        path
    }

    /// What `launchctl WORD…` answers.
    pub fn ask(&self, words: &[&str]) -> io::Result<Answer> {
        ask(self.dir.path(), words)
    }
}

/// Waits until the server listens.
fn wait_for_socket(server: &mut Child, socket: &Path, limit: Duration) -> io::Result<()> {
    let begun = Instant::now();
    while !socket.exists() {
        if let Some(status) = server.try_wait()? {
            return Err(io::Error::other(format!("the stand-in for launchd ended with {status}")));
        }
        if begun.elapsed() >= limit {
            let late = format!(
                "the stand-in for launchd did not make {} within {limit:?}; try it by hand: `{PROGRAM} serve DIR recent`",
                socket.display()
            );
            return Err(io::Error::new(io::ErrorKind::TimedOut, late));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

impl Drop for StandIn {
    fn drop(&mut self) {
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_never_listens_is_an_error() {
        // Takes any words, and neither listens nor ends.
        let never = StandIn::start_within(Path::new("/usr/bin/yes"), Style::Recent, Duration::ZERO);
        assert_eq!(never.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
