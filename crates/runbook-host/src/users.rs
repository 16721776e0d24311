//! Who is who on this host.

use crate::Reader;
use runbook_model::Failure;
use std::path::{Path, PathBuf};

impl Reader {
    /// The number of the user that runs `runbook`.
    pub fn own_uid(&self) -> u32 {
        rustix::process::geteuid().as_raw()
    }

    /// The number of a user: itself if `name` is a number, else as `/etc/passwd` has it.
    pub fn uid_of(&self, name: &str) -> Result<u32, Failure> {
        if let Ok(number) = name.parse() {
            return Ok(number);
        }
        let users = self.read(Path::new("/etc/passwd"))?.unwrap_or_default();
        let users = String::from_utf8_lossy(&users).into_owned();
        let uid = |line: &str| {
            let mut fields = line.split(':');
            if fields.next() == Some(name) { fields.nth(1).and_then(|uid| uid.parse().ok()) } else { None }
        };
        users.lines().find_map(uid).ok_or_else(|| {
            Failure::missing(format!("this host has no user `{name}` in /etc/passwd")).hint("give the user's number")
        })
    }

    /// The directory for temporary files of the user that runs `runbook`: `$TMPDIR`, else `/tmp`.
    pub fn temp_dir(&self) -> PathBuf {
        std::env::temp_dir()
    }
}
