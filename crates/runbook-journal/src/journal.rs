//! Runs and records. How the database is opened is in `open.rs`.

use crate::witness::{Chain, Testimony, Witness};
use crate::{Error, StateDir};
use runbook_model::{Event, Record, Remains, RunHeader, RunId, Verdict};
use rusqlite::{Connection, OptionalExtension, params};
use std::path::{Path, PathBuf};

/// The journal of one host: the one writer, or what a reader saw at one moment.
#[derive(Debug)]
pub struct Journal {
    pub(crate) connection: Connection,
    pub(crate) dir: StateDir,
    pub(crate) path: PathBuf,
    /// Whether a commit syncs, as the connection is set now.
    pub(crate) syncs: bool,
    pub(crate) access: Access,
    /// Of the run that is written, what the disk witnesses.
    pub(crate) witnessed: Option<Witnessed>,
}

#[derive(Debug)]
pub(crate) struct Witnessed {
    run: RunId,
    chain: Chain,
    witness: Witness,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
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
    /// Begins a run: its header as record 1 together with the saved plan, in one durable commit.
    pub fn begin(&mut self, header: &RunHeader, saved: &str, records: &[Record]) -> Result<(), Error> {
        let started_at = records.first().map_or(0, |record| record.at);
        let bodies = self.bodies(records)?;
        self.commit(true, |change| {
            change.execute(
                "INSERT INTO runs (run, plan, environment, started_at, saved) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![header.run.as_str(), header.plan, header.environment, started_at, saved],
            )?;
            insert(change, &header.run, records, &bodies)
        })?;
        self.witnessed = Some(self.witness(&header.run, Chain::new(saved))?);
        self.testify(records, &bodies, true)
    }

    /// Appends records in one commit; it survives a power cut before this returns if one of them is durable.
    pub fn append(&mut self, run: &RunId, records: &[Record]) -> Result<(), Error> {
        if self.witnessed.as_ref().is_none_or(|witnessed| witnessed.run != *run) {
            let (_, chain) = self.chain(run, u64::MAX)?;
            self.witnessed = Some(self.witness(run, chain)?);
        }
        let durable = records.iter().any(|record| record.event.is_durable());
        let bodies = self.bodies(records)?;
        self.commit(durable, |change| insert(change, run, records, &bodies))?;
        self.testify(records, &bodies, durable)
    }

    /// Makes the witness of a run say what the journal holds, although it said more: the loss is noted elsewhere.
    pub(crate) fn begin_witness_anew(&mut self, run: &RunId) -> Result<(), Error> {
        let (seq, chain) = self.chain(run, u64::MAX)?;
        let mut witnessed = self.witness(run, chain)?;
        let said = Testimony { seq, digest: witnessed.chain.digest() };
        let result = witnessed.witness.forget().and_then(|()| witnessed.witness.say(&said));
        result.map_err(|source| self.unwitnessed(run, source))?;
        self.witnessed = Some(witnessed);
        Ok(())
    }

    /// Removes everything that the journal holds of a run, in one durable commit.
    pub fn forget(&mut self, run: &RunId) -> Result<(), Error> {
        self.commit(true, |change| {
            change.execute("DELETE FROM records WHERE run = ?1", [run.as_str()])?;
            change.execute("DELETE FROM runs WHERE run = ?1", [run.as_str()]).map(drop)
        })
    }

    fn bodies(&self, records: &[Record]) -> Result<Vec<String>, Error> {
        let body = |record| {
            serde_json::to_string(record).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
        };
        let bodies: Result<_, _> = records.iter().map(body).collect();
        bodies.map_err(|source| failed(&self.path, "written", source))
    }

    fn witness(&self, run: &RunId, chain: Chain) -> Result<Witnessed, Error> {
        self.dir.create_below(&self.dir.run(run))?;
        let witness = Witness::open(&self.dir.witness(run)).map_err(|source| self.unwitnessed(run, source))?;
        Ok(Witnessed { run: run.clone(), chain, witness })
    }

    /// Says on the disk, beside the database, what is in it now. Nothing acts on a record before that.
    fn testify(&mut self, records: &[Record], bodies: &[String], durable: bool) -> Result<(), Error> {
        let (Some(witnessed), Some(last)) = (&mut self.witnessed, records.last()) else { return Ok(()) };
        records.iter().zip(bodies).for_each(|(record, body)| witnessed.chain.add(record.seq, body));
        if !durable {
            return Ok(());
        }
        let said = Testimony { seq: last.seq, digest: witnessed.chain.digest() };
        let run = witnessed.run.clone();
        witnessed.witness.say(&said).map_err(|source| self.unwitnessed(&run, source))
    }

    fn unwitnessed(&self, run: &RunId, source: std::io::Error) -> Error {
        Error::Witness { path: self.dir.witness(run), source }
    }

    /// The number of the last record of a run that is not above `upto`, and the chain up to it.
    pub(crate) fn chain(&self, run: &RunId, upto: u64) -> Result<(u64, Chain), Error> {
        let (mut last, mut chain) = (0, Chain::new(&self.saved(run)?));
        let upto = i64::try_from(upto).unwrap_or(i64::MAX);
        let mut add = || -> rusqlite::Result<()> {
            let mut query = self
                .connection
                .prepare_cached("SELECT seq, body FROM records WHERE run = ?1 AND seq <= ?2 ORDER BY seq")?;
            let mut rows = query.query(params![run.as_str(), upto])?;
            while let Some(row) = rows.next()? {
                last = row.get::<_, i64>(0)?.cast_unsigned();
                chain.add(last, row.get_ref(1)?.as_str()?);
            }
            Ok(())
        };
        add().map_err(|source| failed(&self.path, "read", source))?;
        Ok((last, chain))
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

    /// What the records of all runs say of things that lie beside their paths, in order.
    pub fn set_aside(&self) -> Result<Vec<(String, Remains)>, Error> {
        // Only few records are of this sort, and a journal has very many.
        let read = || -> rusqlite::Result<Vec<(String, i64, String)>> {
            let mut query = self
                .connection
                .prepare("SELECT run, seq, body FROM records WHERE body LIKE '%\"held_in\"%' ORDER BY run, seq")?;
            query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
        };
        let mut found = Vec::new();
        for (run, seq, body) in read().map_err(|source| failed(&self.path, "read", source))? {
            let parsed = serde_json::from_str::<Record>(&body);
            let record =
                parsed.map_err(|source| Error::Record { run: run.clone(), seq: seq.cast_unsigned(), source })?;
            if let Event::Remained { remains, .. } = record.event {
                found.extend(remains.into_iter().filter(|one| one.held_in.is_some()).map(|one| (run.clone(), one)));
            }
        }
        Ok(found)
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

    /// The row of a run as its records have it.
    pub(crate) fn row_on_record(&self, run: &RunId) -> Result<RunRow, Error> {
        let read = |order: &str| -> Result<Record, Error> {
            let query = format!("SELECT body FROM records WHERE run = ?1 ORDER BY seq {order} LIMIT 1");
            let body = self.connection.query_row(&query, [run.as_str()], |row| row.get::<_, String>(0));
            let body = body.map_err(|source| failed(&self.path, "read", source))?;
            serde_json::from_str(&body).map_err(|source| Error::Record { run: run.to_string(), seq: 0, source })
        };
        let (first, last) = (read("ASC")?, read("DESC")?);
        let (plan, environment) = match first.event {
            Event::RunStarted(header) => (header.plan, header.environment),
            _ => Default::default(),
        };
        let verdict = outcome(&last.event).flatten();
        let finished_at = verdict.map(|_| last.at);
        Ok(RunRow { run: run.clone(), plan, environment, started_at: first.at, finished_at, verdict })
    }

    /// The run that is not over, if there is one.
    pub fn open_run(&self) -> Result<Option<RunId>, Error> {
        Ok(self.runs()?.into_iter().find(|row| row.verdict.is_none()).map(|row| row.run))
    }
}

fn insert(
    change: &rusqlite::Transaction<'_>,
    run: &RunId,
    records: &[Record],
    bodies: &[String],
) -> rusqlite::Result<()> {
    let mut insert = change.prepare_cached("INSERT INTO records (run, seq, body) VALUES (?1, ?2, ?3)")?;
    for (record, body) in records.iter().zip(bodies) {
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

pub(crate) fn failed(path: &Path, action: &'static str, source: rusqlite::Error) -> Error {
    let path = path.to_path_buf();
    match source.sqlite_error() {
        Some(error) if error.extended_code == rusqlite::ffi::SQLITE_FULL => Error::Full { path, source },
        _ => Error::Database { path, action, source },
    }
}
