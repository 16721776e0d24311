//! Reading the host. Nothing here can change it.

use crate::errand::Errand;
use crate::io_failure;
use crate::regular::{WHOLE, open_regular, read_regular};
use runbook_model::{Failure, FailureKind};
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// How much is read between two looks at whether the work is still wanted.
pub(crate) const PIECE: u64 = 16 << 20;

/// A handle that can only read.
#[derive(Clone, Debug)]
pub struct Reader {
    state_dir: PathBuf,
    home: PathBuf,
    pub(crate) errand: Errand,
    withheld: Arc<[String]>,
}

impl Reader {
    /// A reader of this host. `state_dir` is where `runbook` keeps its own files.
    pub fn new(state_dir: impl Into<PathBuf>, home: impl Into<PathBuf>) -> Self {
        Self { state_dir: state_dir.into(), home: home.into(), withheld: Arc::default(), errand: Errand::default() }
    }

    /// The same, with these variables of its own environment kept from every program that it starts.
    #[must_use]
    pub fn withholding(self, variables: impl IntoIterator<Item = String>) -> Self {
        Self { withheld: variables.into_iter().collect(), ..self }
    }

    /// The variables that programs do not inherit.
    pub fn withheld(&self) -> &[String] {
        &self.withheld
    }

    /// A failure if the operator cancelled or the time is up. Kinds call it between pieces of long work, never between
    /// two writes that belong together.
    pub fn still_wanted(&self) -> Result<(), Failure> {
        if self.errand.cancel.is_cancelled() || self.errand.leaving.is_cancelled() {
            return Err(Failure::new(FailureKind::Cancelled, "cancelled by the operator"));
        }
        match self.errand.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(Failure::new(FailureKind::TimedOut, "the time is up")),
            _ => Ok(()),
        }
    }

    /// The same host for work that has to be done although nobody waits for it any more, such as ending what was begun.
    pub(crate) fn unhurried(&self) -> Self {
        Self::new(self.state_dir(), self.home())
    }

    /// Where `runbook` keeps its own files; may not exist yet.
    pub fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    /// The home directory of the user that runs `runbook`.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Milliseconds since 1970-01-01 UTC by the host's clock.
    pub fn now_ms(&self) -> i64 {
        now_ms()
    }

    /// The metadata of `path` itself, not of what a symlink points to; `None` if nothing is there.
    pub fn lstat(&self, path: &Path) -> Result<Option<fs::Metadata>, Failure> {
        absent_as_none(fs::symlink_metadata(path)).map_err(|error| io_failure("look at", path, &error))
    }

    /// The metadata of what `path` leads to; `None` if nothing is there or a symlink dangles.
    pub fn stat(&self, path: &Path) -> Result<Option<fs::Metadata>, Failure> {
        absent_as_none(fs::metadata(path)).map_err(|error| io_failure("look at", path, &error))
    }

    /// The whole content of a regular file, and a refusal of anything else; `None` if nothing is there.
    pub fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, Failure> {
        read_regular(path, WHOLE)
    }

    /// The whole content of a file as text; `None` if nothing is there.
    pub fn read_text(&self, path: &Path) -> Result<Option<String>, Failure> {
        let Some(bytes) = self.read(path)? else { return Ok(None) };
        String::from_utf8(bytes).map(Some).map_err(|_| Failure::failed(format!("{} is not UTF-8 text", path.display())))
    }

    /// A regular file, open for reading from a position, and a refusal of anything else; `None` if nothing is there.
    pub fn open(&self, path: &Path) -> Result<Option<impl Read + io::Seek + use<>>, Failure> {
        open_regular(path)
    }

    /// Where a symlink points; `None` if nothing is there or it is no symlink.
    pub fn read_link(&self, path: &Path) -> Result<Option<PathBuf>, Failure> {
        match fs::read_link(path) {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(None),
            other => absent_as_none(other).map_err(|error| io_failure("read the link", path, &error)),
        }
    }

    /// The names in a directory, sorted; `None` if nothing is there.
    pub fn list(&self, path: &Path) -> Result<Option<Vec<OsString>>, Failure> {
        let failed = |error: io::Error| io_failure("list", path, &error);
        let Some(entries) = absent_as_none(fs::read_dir(path)).map_err(failed)? else { return Ok(None) };
        let names: io::Result<Vec<OsString>> = entries.map(|entry| entry.map(|entry| entry.file_name())).collect();
        let mut names = names.map_err(failed)?;
        names.sort_unstable();
        Ok(Some(names))
    }

    /// `path` with every symlink followed; `None` if nothing is there.
    pub fn canonical(&self, path: &Path) -> Result<Option<PathBuf>, Failure> {
        absent_as_none(fs::canonicalize(path)).map_err(|error| io_failure("follow", path, &error))
    }

    /// The BLAKE3 digest of a file's content in hex; `None` if nothing is there.
    pub fn digest(&self, path: &Path) -> Result<Option<String>, Failure> {
        let failed = |error: io::Error| io_failure("read", path, &error);
        let Some(mut file) = open_regular(path)? else { return Ok(None) };
        let mut hasher = blake3::Hasher::new();
        while io::copy(&mut Read::by_ref(&mut file).take(PIECE), &mut hasher).map_err(failed)? > 0 {
            self.still_wanted()?;
        }
        Ok(Some(hasher.finalize().to_hex().to_string()))
    }

    /// The program that `name` means: itself if it has a separator, else the first on `PATH`.
    pub fn program(&self, name: &str) -> Result<PathBuf, Failure> {
        which::which(name).map_err(|_| {
            Failure::missing(format!("the program `{name}` is not on this host"))
                .hint("install it, or give its full path")
        })
    }
}

/// Milliseconds since 1970-01-01 UTC by the clock of this host.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// What is not there is no error.
pub fn absent_as_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}
