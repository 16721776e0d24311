//! The files beside a log that it was renamed to while nobody looked.

use crate::Reader;
use crate::log::LogMark;
use runbook_model::Failure;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What rotation tools append to a name when they compress.
const COMPRESSED: [&str; 6] = ["gz", "zst", "xz", "bz2", "lz4", "Z"];
/// The clock that stamps files lags a little behind the other one.
const LAG: Duration = Duration::from_millis(20);

/// Knows the files that came between the position and the log of now.
#[derive(Debug)]
pub(super) struct Rotated {
    name: String,
    stem: String,
    /// When the position was noted, if that is known.
    at: Option<SystemTime>,
    /// When the file of the position was made, once it was seen.
    born: Option<SystemTime>,
}

impl Rotated {
    /// For the log at `path` and a position that was noted at `at_ms`.
    pub(super) fn new(path: &Path, at_ms: i64) -> Self {
        let text = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
        let at = u64::try_from(at_ms).ok().filter(|at| *at > 0);
        let at = at.map(|at| UNIX_EPOCH + Duration::from_millis(at) - LAG);
        Self { name: text(path.file_name()), stem: text(path.file_stem()), at, born: None }
    }

    /// Those of `names` that are named like the log with a number or a date, were made after the file of the position
    /// (`first`, if it is still there) and written since it was noted; in the order in which they were made.
    pub(super) fn since(
        &mut self,
        host: &Reader,
        first: Option<&Path>,
        names: &[(LogMark, PathBuf)],
    ) -> Result<Vec<(LogMark, PathBuf)>, Failure> {
        if let (None, Some(first)) = (self.born, first)
            && let Some(found) = host.stat(first)?
        {
            self.born = Some(made(&found));
        }
        let Some(born) = self.born.or(self.at) else { return Ok(Vec::new()) };
        let mut later = Vec::new();
        for (mark, file) in names.iter().filter(|(_, file)| self.is_rotated(file)) {
            let Some(found) = host.lstat(file)? else { continue };
            if made(&found) >= born && found.modified().ok() >= self.at {
                later.push((made(&found), (*mark, file.clone())));
            }
        }
        later.sort_by_key(|(made, _)| *made);
        Ok(later.into_iter().map(|(_, file)| file).collect())
    }

    /// `app.log.1`, `app.log-20261121.gz`, `app-1.log`; not `app-error.log`.
    fn is_rotated(&self, file: &Path) -> bool {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bare = if is_compressed(file) { name.rsplit_once('.').map_or("", |(bare, _)| bare) } else { &name };
        let rest = bare.strip_prefix(&self.name).or_else(|| {
            let ending = self.name.strip_prefix(&self.stem)?;
            bare.strip_prefix(&self.stem)?.strip_suffix(ending)
        });
        let counts = |c: char| c.is_ascii_digit() || ".-_:TZ+".contains(c);
        rest.is_some_and(|rest| rest.chars().all(counts) && rest.contains(|c: char| c.is_ascii_digit()))
    }
}

/// Whether its name says that it is compressed.
pub(super) fn is_compressed(file: &Path) -> bool {
    file.extension().is_some_and(|ending| COMPRESSED.iter().any(|known| *known == ending))
}

/// The begin of the file with this metadata.
pub(super) fn mark_of(found: &Metadata) -> LogMark {
    LogMark { dev: found.dev(), ino: found.ino(), ..LogMark::default() }
}

/// When the file was made; on a file system that does not know, when it was last written.
fn made(found: &Metadata) -> SystemTime {
    found.created().or_else(|_| found.modified()).unwrap_or(UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_number_or_a_date_are_those_of_the_log() {
        let rotated = Rotated::new(Path::new("/var/log/app.log"), 0);
        for name in ["app.log.1", "app.log-20261121", "app.log.2026-11-21T10:00Z.gz", "app-1.log", "app.1.log.zst"] {
            assert!(rotated.is_rotated(&Path::new("/var/log").join(name)), "{name}");
        }
        for name in ["app.log", "app-error.log", "app.log.old", "other.log.1", "app.log.gz", "app.log.1.txt"] {
            assert!(!rotated.is_rotated(&Path::new("/var/log").join(name)), "{name}");
        }
    }
}
