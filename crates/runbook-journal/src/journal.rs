//! Runs and records.

use crate::schema::{APPLICATION_ID, known, migrate};
use crate::{Error, StateDir};
use runbook_model::{Event, Record, RunHeader, RunId, Verdict};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use std::fs;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What SQLite says on a full disk: there, and where it makes room for the shared index before it writes.
const NO_SPACE: &[i32] = &[rusqlite::ffi::SQLITE_FULL, rusqlite::ffi::SQLITE_IOERR_SHMSIZE];

/// The journal of one host.
#[derive(Debug)]
pub struct Journal {
    connection: Connection,
    path: PathBuf,
    /// Whether a commit syncs, as the connection is set now.
    syncs: bool,
    access: Access,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

/// A run as `history` lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRow {
    /// The run.
    pub run: RunId,
    /// The plan's name.
    pub plan: String,
    /// The environment, if one was chosen.
    pub environment: Option<String>,
    /// When it began, in milliseconds since 1970.
    pub started_at: i64,
    /// When it ended; `None` while it is open.
    pub finished_at: Option<i64>,
    /// How it ended; `None` while it is open.
    pub verdict: Option<Verdict>,
}

impl Journal {
    /// Opens the journal for writing; makes it if there is none.
    pub fn open(dir: &StateDir) -> Result<Self, Error> {
        dir.create()?;
        let path = dir.database();
        make_private(&path).map_err(|source| Error::StateDir { path: path.clone(), source })?;
        let connection = Connection::open(&path).map_err(|source| failed(&path, "read", source))?;
        let mut journal = Self { connection, path, syncs: true, access: Access::Write };
        journal.configure()?;
        match journal.check_format()? {
            found if found == known() => {}
            found => {
                migrate(&mut journal.connection, found).map_err(|source| failed(&journal.path, "written", source))?
            }
        }
        Ok(journal)
    }

    /// Opens the journal for reading; `None` if there is none yet.
    pub fn open_to_read(dir: &StateDir) -> Result<Option<Self>, Error> {
        Self::open_flags(dir, "")
    }

    /// Opens the journal without touching anything in its directory, as a dry run must. What a run that is going on,
    /// or has crashed, wrote last is not seen: `None` as well when there are such records.
    pub fn open_untouched(dir: &StateDir) -> Result<Option<Self>, Error> {
        let mut wal = dir.database().into_os_string();
        wal.push("-wal");
        match fs::metadata(&wal) {
            Ok(found) if found.len() > 0 => Ok(None),
            _ => Self::open_flags(dir, "?immutable=1"),
        }
    }

    fn open_flags(dir: &StateDir, query: &str) -> Result<Option<Self>, Error> {
        let path = dir.database();
        match fs::metadata(&path) {
            Ok(found) if found.len() == 0 => return Ok(None),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::StateDir { path, source }),
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let uri = format!("file:{}{query}", escape_for_uri(&path.to_string_lossy()));
        let connection = Connection::open_with_flags(uri, flags).map_err(|source| failed(&path, "read", source))?;
        let journal = Self { connection, path, syncs: true, access: Access::Read };
        let found = journal.check_format()?;
        Ok((found > 0).then_some(journal))
    }

    fn configure(&self) -> Result<(), Error> {
        let set = || -> rusqlite::Result<()> {
            self.connection.busy_timeout(Duration::from_secs(5))?;
            self.connection.pragma_update(None, "journal_mode", "WAL")?;
            self.connection.pragma_update(None, "synchronous", "FULL")?;
            self.connection.pragma_update(None, "foreign_keys", true)
        };
        set().map_err(|source| match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => Error::Foreign { path: self.path.clone() },
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
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
                Err(Error::Foreign { path: self.path.clone() })
            }
            Err(source) => Err(failed(&self.path, "read", source)),
        }
    }

    /// Begins a run: its header as record 1 together with the saved plan, in one durable commit.
    pub fn begin(&mut self, header: &RunHeader, saved: &str, records: &[Record]) -> Result<(), Error> {
        let started_at = records.first().map_or(0, |record| record.at);
        self.commit(true, |change| {
            change.execute(
                "INSERT INTO runs (run, plan, environment, started_at, saved) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![header.run.as_str(), header.plan, header.environment, started_at, saved],
            )?;
            insert(change, &header.run, records)
        })
    }

    /// Appends records in one commit; it survives a power cut before this returns if one of them is durable.
    pub fn append(&mut self, run: &RunId, records: &[Record]) -> Result<(), Error> {
        let durable = records.iter().any(|record| record.event.is_durable());
        self.commit(durable, |change| insert(change, run, records))
    }

    /// WAL with `FULL` syncs at each commit, with `NORMAL` at none of ours; a later `FULL` commit syncs both.
    fn commit(
        &mut self,
        durable: bool,
        write: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), Error> {
        let run = || -> rusqlite::Result<()> {
            if self.syncs != durable {
                self.connection.pragma_update(None, "synchronous", if durable { "FULL" } else { "NORMAL" })?;
                self.syncs = durable;
            }
            let change = self.connection.transaction()?;
            write(&change)?;
            change.commit()
        };
        run().map_err(|source| failed(&self.path, "written", source))
    }

    /// All records of a run in order.
    pub fn records(&self, run: &RunId) -> Result<Vec<Record>, Error> {
        let read = || -> rusqlite::Result<Vec<(i64, String)>> {
            let mut query =
                self.connection.prepare_cached("SELECT seq, body FROM records WHERE run = ?1 ORDER BY seq")?;
            query.query_map([run.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        };
        let rows = read().map_err(|source| failed(&self.path, "read", source))?;
        if rows.is_empty() {
            return Err(Error::NoSuchRun(run.to_string()));
        }
        rows.into_iter()
            .map(|(seq, body)| {
                serde_json::from_str(&body).map_err(|source| Error::Record {
                    run: run.to_string(),
                    seq: seq.cast_unsigned(),
                    source,
                })
            })
            .collect()
    }

    /// What was saved with the run: its resolved plan.
    pub fn saved(&self, run: &RunId) -> Result<String, Error> {
        self.connection
            .query_row("SELECT saved FROM runs WHERE run = ?1", [run.as_str()], |row| row.get(0))
            .optional()
            .map_err(|source| failed(&self.path, "read", source))?
            .ok_or_else(|| Error::NoSuchRun(run.to_string()))
    }

    /// All runs, the latest first.
    pub fn runs(&self) -> Result<Vec<RunRow>, Error> {
        let read = || -> rusqlite::Result<Vec<RunRow>> {
            let mut query = self.connection.prepare(
                "SELECT run, plan, environment, started_at, finished_at, verdict FROM runs ORDER BY number DESC",
            )?;
            let rows = query.query_map([], |row| {
                let run: String = row.get(0)?;
                let verdict: Option<String> = row.get(5)?;
                Ok(RunId::new(&run).map(|run| RunRow {
                    run,
                    plan: row.get(1).unwrap_or_default(),
                    environment: row.get(2).unwrap_or_default(),
                    started_at: row.get(3).unwrap_or_default(),
                    finished_at: row.get(4).unwrap_or_default(),
                    verdict: verdict.and_then(|text| serde_json::from_value(text.into()).ok()),
                }))
            })?;
            Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten().collect())
        };
        read().map_err(|source| failed(&self.path, "read", source))
    }

    /// The run that is not over, if there is one.
    pub fn open_run(&self) -> Result<Option<RunId>, Error> {
        Ok(self.runs()?.into_iter().find(|row| row.verdict.is_none()).map(|row| row.run))
    }
}

impl Drop for Journal {
    /// SQLite moves the log into the database only when the last one leaves, and a reader cannot do it. What stays in
    /// the log, [`open_untouched`](Journal::open_untouched) must not read.
    fn drop(&mut self) {
        if self.access == Access::Write {
            // Nothing is lost if it cannot be done now: the next writer does it.
            let _ = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        }
    }
}

/// SQLite would let others read a new journal. The files beside it get its permissions.
fn make_private(path: &Path) -> std::io::Result<()> {
    let file = fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    match file.metadata()?.len() {
        0 => file.set_permissions(fs::Permissions::from_mode(0o600)),
        _ => Ok(()),
    }
}

fn insert(change: &rusqlite::Transaction<'_>, run: &RunId, records: &[Record]) -> rusqlite::Result<()> {
    let mut insert = change.prepare_cached("INSERT INTO records (run, seq, body) VALUES (?1, ?2, ?3)")?;
    for record in records {
        let body =
            serde_json::to_string(record).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        insert.execute(params![run.as_str(), record.seq.cast_signed(), body])?;
    }
    drop(insert);
    match records.iter().rev().find_map(|record| outcome(&record.event)) {
        Some(Some(verdict)) => {
            let at = records.last().map_or(0, |record| record.at);
            change.execute(
                "UPDATE runs SET verdict = ?2, finished_at = ?3 WHERE run = ?1",
                params![run.as_str(), verdict_name(verdict), at],
            )?;
        }
        Some(None) => {
            change.execute("UPDATE runs SET verdict = NULL, finished_at = NULL WHERE run = ?1", [run.as_str()])?;
        }
        None => {}
    }
    Ok(())
}

/// What a record says about the run being over: over, open again, or nothing.
fn outcome(event: &Event) -> Option<Option<Verdict>> {
    match event {
        Event::RunFinished { verdict, .. } => Some(Some(*verdict)),
        Event::RunResumed { .. } => Some(None),
        _ => None,
    }
}

fn verdict_name(verdict: Verdict) -> String {
    serde_json::to_value(verdict).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn failed(path: &std::path::Path, action: &'static str, source: rusqlite::Error) -> Error {
    let path = path.to_path_buf();
    match source.sqlite_error() {
        Some(error) if NO_SPACE.contains(&error.extended_code) => Error::Full { path, source },
        _ => Error::Database { path, action, source },
    }
}

fn escape_for_uri(path: &str) -> String {
    path.replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}
