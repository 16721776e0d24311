//! The journal against the disk: what lies under `runs/` and `backups/` witnesses what the journal must know.
//!
//! The law: a run that left a trace on the disk is in the journal, with every record that its witness has seen, as it was
//! written. What is missing or other is a [`Gap`]: nobody knows what the run did since, so nothing may go on as if nothing
//! had been. A gap ends only when a person accepts it.

use crate::image::if_there;
use crate::witness::{self, Testimony};
use crate::{Error, Journal, StateDir};
use runbook_model::RunId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What the journal lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// The database is damaged or cannot be read.
    Journal,
    /// Everything about a run.
    Run,
    /// The last records of a run; what is there is as it was written.
    Records,
    /// Nobody knows what of a run: the journal says something else than was written.
    Altered,
}

/// Something that the journal must know and does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The run; `None` if it is about the whole journal.
    pub run: Option<RunId>,
    /// What was lost.
    pub loss: Loss,
    /// The path that shows it.
    pub path: PathBuf,
    /// What is known, as one sentence without a full stop.
    pub what: String,
}

/// What the state directory holds at one moment.
#[derive(Debug, Default)]
pub struct Look {
    /// The journal; `None` if there is none yet, or if it cannot be read, which then is a gap.
    pub journal: Option<Journal>,
    /// What it lost.
    pub gaps: Vec<Gap>,
}

/// The note of a loss that somebody has seen, in the directory of the run.
#[derive(Serialize, Deserialize)]
struct Note {
    loss: Loss,
    what: String,
    accepted: Option<Accepted>,
}

#[derive(Serialize, Deserialize)]
struct Accepted {
    at: i64,
    by: String,
    because: String,
}

/// What the disk has of one run.
#[derive(Default)]
struct Trace {
    places: Vec<PathBuf>,
    witness: Option<Result<Testimony, io::Error>>,
    note: Option<Note>,
}

impl Look {
    /// Reads the journal and holds it against the disk. Takes no lock and touches nothing.
    pub fn at(dir: &StateDir) -> Result<Self, Error> {
        let mut look = Self::once(dir)?;
        // A run that begins or is pruned meanwhile is in one of the two for a moment. What stays is a gap.
        for _ in 0..3 {
            if look.gaps.is_empty() {
                break;
            }
            let again = Self::once(dir)?;
            let same = again.gaps == look.gaps;
            look = again;
            if same {
                break;
            }
        }
        Ok(look)
    }

    fn once(dir: &StateDir) -> Result<Self, Error> {
        dir.enter()?;
        // The disk first: the journal is never behind it, and may be ahead by now.
        let traces = traces(dir)?;
        let journal = match Journal::open_to_read(dir) {
            Ok(journal) => journal,
            Err(error) if error.is_damage() && is_ours(&error, &traces) => {
                return Ok(Self { journal: None, gaps: vec![Gap::of_journal(dir, &error, &traces)] });
            }
            Err(error) => return Err(error),
        };
        let mut gaps = Vec::new();
        if let Some(journal) = &journal {
            gaps.extend(journal.damage(&traces));
        }
        for (run, trace) in &traces {
            gaps.extend(trace.held_against(journal.as_ref(), run, dir));
        }
        Ok(Self { journal, gaps })
    }

    /// Whether what is known of `run` is sound and only its end is lost, and nothing else is.
    pub fn knows_the_beginning_of(&self, run: &RunId) -> bool {
        self.gaps.iter().all(|gap| gap.run.as_ref() == Some(run) && gap.loss == Loss::Records)
    }

    /// Notes durably that records of a run were lost, so that the run may go on from what is known: the gap stays until
    /// it is accepted. The journal as it was found is kept. Call it with the lock held.
    pub fn note(&self, dir: &StateDir) -> Result<(), Error> {
        keep_damaged(dir, Keep::Copy)?;
        for gap in &self.gaps {
            if let Some(run) = &gap.run {
                write_note(dir, run, &Note { loss: gap.loss, what: gap.what.clone(), accepted: None })?;
                Journal::open(dir)?.begin_witness_anew(run)?;
            }
        }
        Ok(())
    }

    /// A person looked at the host and says that it is as it should be, whatever was lost. Call it with the lock held.
    ///
    /// The journal as it was found is kept in [`StateDir::damaged`]. A damaged one is replaced by an empty one, and of
    /// every run that left a trace the note says who accepted that it is not known any more. A run of which only the end
    /// was lost stays in the journal; whether it is over is for the caller to record.
    pub fn accept(&self, dir: &StateDir, by: &str, because: &str, now_ms: i64) -> Result<(), Error> {
        let accepted = |loss, what: &str| {
            let accepted = Accepted { at: now_ms, by: by.to_owned(), because: because.to_owned() };
            Note { loss, what: what.to_owned(), accepted: Some(accepted) }
        };
        let whole = self.gaps.iter().find(|gap| gap.loss == Loss::Journal);
        if let Some(gap) = whole {
            // The notes first: without them, an empty journal is a gap for every run.
            for run in traces(dir)?.keys() {
                write_note(dir, run, &accepted(Loss::Run, &gap.what))?;
            }
            return keep_damaged(dir, Keep::Move);
        }
        keep_damaged(dir, Keep::Copy)?;
        for gap in &self.gaps {
            let Some(run) = &gap.run else { continue };
            match gap.loss {
                Loss::Records => Journal::open(dir)?.begin_witness_anew(run)?,
                Loss::Altered => Journal::open(dir)?.prune(std::slice::from_ref(run))?,
                Loss::Journal | Loss::Run => {}
            }
            write_note(dir, run, &accepted(gap.loss, &gap.what))?;
        }
        Ok(())
    }
}

impl Gap {
    fn of_run(dir: &StateDir, run: &RunId, loss: Loss, what: String) -> Self {
        Self { run: Some(run.clone()), loss, path: dir.run(run), what }
    }

    fn of_journal(dir: &StateDir, error: &Error, traces: &BTreeMap<RunId, Trace>) -> Self {
        let mut what = error.to_string();
        let mut below = std::error::Error::source(error);
        while let Some(source) = below {
            what = format!("{what}: {source}");
            below = source.source();
        }
        Self { run: None, loss: Loss::Journal, path: dir.database(), what: format!("{what}{}", left_by(traces)) }
    }
}

/// The runs that the disk still tells of.
fn left_by(traces: &BTreeMap<RunId, Trace>) -> String {
    let runs: Vec<&str> = traces.keys().map(RunId::as_str).collect();
    match runs.as_slice() {
        [] => String::new(),
        runs => format!("; the disk has traces of {}", runs.join(", ")),
    }
}

impl Journal {
    /// What SQLite itself finds wrong with the database.
    fn damage(&self, traces: &BTreeMap<RunId, Trace>) -> Option<Gap> {
        let found = self.connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0));
        let why = match found {
            Ok(text) if text == "ok" => self.misread()?,
            Ok(text) => text,
            Err(error) => error.to_string(),
        };
        let what = format!("the journal {} is damaged: {why}{}", self.path.display(), left_by(traces));
        Some(Gap { run: None, loss: Loss::Journal, path: self.path.clone(), what })
    }

    /// A run whose row says something else than its records.
    fn misread(&self) -> Option<String> {
        let wrong = || -> Result<Option<String>, Error> {
            for row in self.runs()? {
                if self.row_on_record(&row.run)? != row {
                    return Ok(Some(format!(
                        "the list of runs says something else of run {} than its records",
                        row.run
                    )));
                }
            }
            Ok(None)
        };
        wrong().unwrap_or_else(|error| Some(error.to_string()))
    }
}

impl Trace {
    fn held_against(&self, journal: Option<&Journal>, run: &RunId, dir: &StateDir) -> Option<Gap> {
        let loss = self.loss(journal, run, dir);
        match (&self.note, loss) {
            (Some(Note { accepted: Some(_), loss: Loss::Run | Loss::Altered | Loss::Journal, .. }), _) => None,
            (Some(Note { accepted: None, loss, what }), None) => Some(Gap::of_run(dir, run, *loss, what.clone())),
            (_, loss) => loss,
        }
    }

    fn loss(&self, journal: Option<&Journal>, run: &RunId, dir: &StateDir) -> Option<Gap> {
        let known = journal.and_then(|journal| Some((journal, journal.saved(run).ok()?)));
        let Some((journal, _)) = known else {
            let places: Vec<String> = self.places.iter().map(|place| place.display().to_string()).collect();
            let what = format!("the journal knows nothing of run {run}, which left {}", places.join(", "));
            return Some(Gap::of_run(dir, run, Loss::Run, what));
        };
        let witness = dir.witness(run);
        let said = match self.witness.as_ref()? {
            Ok(said) => said,
            Err(error) => {
                let what = format!("what was witnessed of run {run} cannot be read: {}: {error}", witness.display());
                return Some(Gap::of_run(dir, run, Loss::Altered, what));
            }
        };
        let altered = |why: &str| {
            let what = format!("the journal does not hold of run {run} what was written: {why}");
            Some(Gap::of_run(dir, run, Loss::Altered, what))
        };
        match journal.chain(run, said.seq) {
            Err(error) => altered(&error.to_string()),
            Ok((known, _)) if known < said.seq => {
                let what = format!(
                    "the journal lost records {} to {} of run {run}: what it did since is not known",
                    known + 1,
                    said.seq
                );
                Some(Gap::of_run(dir, run, if known == 0 { Loss::Run } else { Loss::Records }, what))
            }
            Ok((_, chain)) if chain.digest() == said.digest => None,
            Ok(_) => altered(&format!("its digest up to record {} is another", said.seq)),
        }
    }
}

/// A file that is no database is a damaged journal only where a journal must have been.
fn is_ours(error: &Error, traces: &BTreeMap<RunId, Trace>) -> bool {
    !matches!(error, Error::Foreign { .. }) || !traces.is_empty()
}

/// What the disk has of each run.
fn traces(dir: &StateDir) -> Result<BTreeMap<RunId, Trace>, Error> {
    let mut traces: BTreeMap<RunId, Trace> = BTreeMap::new();
    for (name, path) in below(&dir.runs())? {
        let Some(run) = RunId::new(&name) else { continue };
        let witness = match witness::read(&dir.witness(&run)) {
            Ok(said) => said.map(Ok),
            Err(error) => Some(Err(error)),
        };
        let note = read_note(&dir.loss(&run));
        let note = note.map_err(|source| Error::Unreadable { path: dir.loss(&run), source })?;
        if witness.is_some() || note.is_some() || !dir.never_began(&run)? {
            traces.insert(run, Trace { places: vec![path], witness, note });
        }
    }
    for (name, path) in below(&dir.backups())? {
        if let Some(run) = name.split_once('-').and_then(|(run, _)| RunId::new(run)) {
            traces.entry(run).or_default().places.push(path);
        }
    }
    Ok(traces)
}

impl StateDir {
    /// Whether nothing of `run` tells that it has begun. One that never did may have made its directory, put the files of its
    /// plan there, and noted that nothing runs.
    pub fn never_began(&self, run: &RunId) -> Result<bool, Error> {
        let before = |name: &str| matches!(name, ".running" | ".controls" | ".witness" | ".bundle");
        Ok(below(&self.run(run))?.iter().all(|(name, _)| before(name)))
    }
}

/// The names and paths in a directory, in order; none if it is not there.
fn below(dir: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
    let failed = |source| Error::Unreadable { path: dir.to_path_buf(), source };
    let entries = if_there(fs::read_dir(dir)).map_err(failed)?.into_iter().flatten();
    let named = entries.map(|entry| entry.map(|one| (one.file_name().to_string_lossy().into_owned(), one.path())));
    let mut found = named.collect::<io::Result<Vec<_>>>().map_err(failed)?;
    found.sort_unstable();
    Ok(found)
}

fn read_note(path: &Path) -> io::Result<Option<Note>> {
    let bytes = if_there(fs::read(path))?;
    bytes.map(|bytes| serde_json::from_slice(&bytes).map_err(io::Error::from)).transpose()
}

/// In one rename, and durable when this returns.
fn write_note(dir: &StateDir, run: &RunId, note: &Note) -> Result<(), Error> {
    dir.create_below(&dir.run(run))?;
    let path = dir.loss(run);
    let write = || -> io::Result<()> {
        let staged = dir.run(run).join(".loss.new");
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&staged)?;
        file.write_all(serde_json::to_string_pretty(note)?.as_bytes())?;
        file.sync_all()?;
        fs::rename(&staged, &path)?;
        sync(&dir.run(run))?;
        sync(&dir.runs())
    };
    write().map_err(|source| Error::StateDir { path: path.clone(), source })
}

fn sync(dir: &Path) -> io::Result<()> {
    fs::File::open(dir)?.sync_all()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Copy,
    Move,
}

/// Keeps the database and its log as they were found, for a person to read.
fn keep_damaged(dir: &StateDir, keep: Keep) -> Result<(), Error> {
    let found: Vec<(String, PathBuf)> =
        below(dir.path())?.into_iter().filter(|(name, _)| name.starts_with("journal.db")).collect();
    if found.is_empty() {
        return Ok(());
    }
    let taken = below(&dir.damaged())?.iter().filter_map(|(name, _)| name.parse::<u32>().ok()).max().unwrap_or(0);
    let place = dir.damaged().join((taken + 1).to_string());
    dir.create_below(&place)?;
    for (name, path) in found {
        let to = place.join(name);
        let kept = match keep {
            Keep::Move => fs::rename(&path, &to),
            Keep::Copy if path.is_file() => fs::copy(&path, &to).map(drop),
            Keep::Copy => Ok(()),
        };
        kept.map_err(|source| Error::StateDir { path, source })?;
    }
    sync(&place).and_then(|()| sync(dir.path())).map_err(|source| Error::StateDir { path: place, source })
}
