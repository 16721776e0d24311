//! Writes runs and records. How the database is opened is in `open.rs`, what is read of it in `read.rs`.

use crate::readable::Readable;
use crate::witness::{Chain, Testimony, Witness};
use crate::{Error, StateDir};
use runbook_model::{Event, Record, RunHeader, RunId, Verdict};
use rusqlite::{Connection, params};
use std::path::{Path, PathBuf};

/// The journal of one host: the one writer, or what a reader saw at one moment.
#[derive(Debug)]
pub struct Journal {
    pub(crate) connection: Connection,
    pub(crate) dir: StateDir,
    pub(crate) path: PathBuf,
    /// Whether a commit syncs, as the connection is set now.
    pub(crate) syncs: bool,
    /// Of the one writer. Fields are dropped in their order, and this one has to outlive the connection.
    pub(crate) readable: Option<Readable>,
    /// Of the run that is written, what the disk witnesses.
    pub(crate) witnessed: Option<Witnessed>,
}

#[derive(Debug)]
pub(crate) struct Witnessed {
    run: RunId,
    chain: Chain,
    witness: Witness,
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

    /// WAL with `FULL` syncs at each commit, with `NORMAL` at none of ours; a later `FULL` commit syncs both.
    pub(crate) fn commit(
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
pub(crate) fn outcome(event: &Event) -> Option<Option<Verdict>> {
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
