//! How the database is opened: by the one writer, who holds the lock, or by anybody who reads.

use crate::image;
use crate::journal::failed;
use crate::readable::Readable;
use crate::schema::{APPLICATION_ID, known, migrate};
use crate::{Error, Journal, StateDir};
use rusqlite::{Connection, ErrorCode};
use std::fs;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

impl Journal {
    /// Opens the journal for writing; makes it if there is none. Only the holder of the lock does that.
    pub fn open(dir: &StateDir) -> Result<Self, Error> {
        dir.create()?;
        let path = dir.database();
        make_private(&path).map_err(|source| Error::StateDir { path: path.clone(), source })?;
        let readable = Readable::new(&path).map_err(|source| Error::StateDir { path: path.clone(), source })?;
        let connection = Connection::open(&path).map_err(|source| failed(&path, "read", source))?;
        let mut journal = Self::on(connection, dir, path);
        journal.readable = Some(readable);
        journal.configure()?;
        match journal.check_format()? {
            found if found == known() => {}
            found => {
                migrate(&mut journal.connection, found).map_err(|source| failed(&journal.path, "written", source))?
            }
        }
        Ok(journal)
    }

    /// The journal as it is at this moment, with what a run that is going on, or has crashed, wrote last; `None` if there
    /// is none yet. Takes no lock, waits for nobody and touches nothing in the directory.
    pub fn open_to_read(dir: &StateDir) -> Result<Option<Self>, Error> {
        dir.enter()?;
        let path = dir.database();
        let image = match image::read(&path) {
            Ok(Some(image)) if !image.is_empty() => image,
            Ok(_) => return Ok(None),
            Err(source) if is_elsewhere(&source) => return Err(Error::StateDir { path, source }),
            Err(source) => return Err(Error::Unreadable { path, source }),
        };
        let open = || -> rusqlite::Result<Connection> {
            let mut connection = Connection::open_in_memory()?;
            connection.deserialize_read_exact("main", image.as_slice(), image.len(), true)?;
            Ok(connection)
        };
        let connection = open().map_err(|source| failed(&path, "read", source))?;
        let journal = Self::on(connection, dir, path);
        let found = journal.check_format()?;
        Ok((found > 0).then_some(journal))
    }

    fn on(connection: Connection, dir: &StateDir, path: PathBuf) -> Self {
        Self { connection, dir: dir.clone(), path, syncs: true, readable: None, witnessed: None }
    }

    /// The index of the log stays in this process's memory: of a file that is mapped, a full disk makes a signal.
    fn configure(&self) -> Result<(), Error> {
        let set = || -> rusqlite::Result<()> {
            self.connection.busy_timeout(Duration::from_secs(5))?;
            self.connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
            self.connection.pragma_update(None, "journal_mode", "WAL")?;
            self.connection.pragma_update(None, "synchronous", "FULL")?;
            self.connection.pragma_update(None, "foreign_keys", true)
        };
        set().map_err(|source| match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Error::Foreign { path: self.path.clone() },
            _ => failed(&self.path, "written", source),
        })
    }

    /// The format of the file: 0 for an empty one.
    fn check_format(&self) -> Result<i64, Error> {
        let pragma = |name: &str| self.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let read = || -> rusqlite::Result<(i64, i64)> { Ok((pragma("application_id")?, pragma("user_version")?)) };
        match read() {
            Ok((0, 0)) => Ok(0),
            Ok((APPLICATION_ID, found)) if found > known() => {
                Err(Error::Newer { path: self.path.clone(), found, known: known() })
            }
            Ok((APPLICATION_ID, found)) => Ok(found),
            Ok(_) => Err(Error::Foreign { path: self.path.clone() }),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
                Err(Error::Foreign { path: self.path.clone() })
            }
            Err(source) => Err(failed(&self.path, "read", source)),
        }
    }
}

impl Drop for Journal {
    /// A later reader finds everything in one file.
    fn drop(&mut self) {
        if self.readable.is_some() {
            // Nothing is lost if it cannot be done now: the next writer does it.
            let _ = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        }
    }
}

/// Whether the error is about the way to the directory, which then is not one of ours.
fn is_elsewhere(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::NotADirectory;
    error.kind() == NotADirectory || error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

/// SQLite would let others read a new journal. The files beside it get its permissions.
fn make_private(path: &Path) -> std::io::Result<()> {
    let file = fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    match file.metadata()?.len() {
        0 => file.set_permissions(fs::Permissions::from_mode(0o600)),
        _ => Ok(()),
    }
}
