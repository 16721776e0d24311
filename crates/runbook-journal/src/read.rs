//! What is read of runs and records. Nothing here writes.

use crate::journal::{failed, outcome};
use crate::witness::Chain;
use crate::{Error, Journal};
use runbook_model::{Event, Record, Remains, RunId, Verdict};
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

/// A run as `history` lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// A record as the journal holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its number, from 1.
    pub seq: u64,
    /// Its text, one JSON object on one line: the bytes that the witness of the run has a digest of.
    pub body: String,
}

impl Journal {
    /// The records of a run after the one with the number `seq` (0: all), in order, each as it was written. Empty where there
    /// is none yet; a run that the journal does not know is an error.
    pub fn records_after(&self, run: &RunId, seq: u64) -> Result<Vec<Stored>, Error> {
        let after = i64::try_from(seq).unwrap_or(i64::MAX);
        let read = || -> rusqlite::Result<Vec<Stored>> {
            let mut query = self
                .connection
                .prepare_cached("SELECT seq, body FROM records WHERE run = ?1 AND seq > ?2 ORDER BY seq")?;
            let stored =
                |row: &rusqlite::Row<'_>| Ok(Stored { seq: row.get::<_, i64>(0)?.cast_unsigned(), body: row.get(1)? });
            query.query_map(params![run.as_str(), after], stored)?.collect()
        };
        let found = read().map_err(|source| failed(&self.path, "read", source))?;
        if found.is_empty() {
            self.saved(run)?;
        }
        Ok(found)
    }

    /// All records of a run in order; there is no run without one.
    pub fn records(&self, run: &RunId) -> Result<Vec<Record>, Error> {
        match self.parsed_after(run, 0)? {
            none if none.is_empty() => Err(Error::NoSuchRun(run.to_string())),
            records => Ok(records),
        }
    }

    /// The records behind the one of number `seq`, in order.
    pub fn parsed_after(&self, run: &RunId, seq: u64) -> Result<Vec<Record>, Error> {
        let stored = self.records_after(run, seq)?;
        let parse = |Stored { seq, body }: Stored| {
            serde_json::from_slice(body.as_bytes()).map_err(|source| Error::Record {
                run: run.to_string(),
                seq,
                source,
            })
        };
        stored.into_iter().map(parse).collect()
    }

    /// What the records of all runs say of things that lie beside their paths, in order.
    pub fn set_aside(&self) -> Result<Vec<(RunId, Remains)>, Error> {
        // Only few records are of this sort, and a journal has very many.
        let read = || -> rusqlite::Result<Vec<(String, i64, String)>> {
            let mut query = self
                .connection
                .prepare("SELECT run, seq, body FROM records WHERE body LIKE '%\"held_in\"%' ORDER BY run, seq")?;
            query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
        };
        let mut found = Vec::new();
        for (run, seq, body) in read().map_err(|source| failed(&self.path, "read", source))? {
            let parsed = serde_json::from_slice::<Record>(body.as_bytes());
            let record =
                parsed.map_err(|source| Error::Record { run: run.clone(), seq: seq.cast_unsigned(), source })?;
            if let (Event::Remained { remains, .. }, Some(run)) = (record.event, RunId::new(&run)) {
                found.extend(remains.into_iter().filter(|one| one.held_in.is_some()).map(|one| (run.clone(), one)));
            }
        }
        Ok(found)
    }

    /// What was saved with the run: its resolved plan.
    pub fn saved(&self, run: &RunId) -> Result<String, Error> {
        let query = "SELECT saved FROM runs WHERE run = ?1";
        let saved = self.connection.query_row(query, [run.as_str()], |row| row.get(0)).optional();
        saved.map_err(|source| failed(&self.path, "read", source))?.ok_or_else(|| Error::NoSuchRun(run.to_string()))
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
            serde_json::from_slice(body.as_bytes()).map_err(|source| Error::Record {
                run: run.to_string(),
                seq: 0,
                source,
            })
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
}
