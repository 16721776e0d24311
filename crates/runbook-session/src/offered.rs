//! Files of this host that a controller elsewhere may fetch. What made one names it; no path is asked for.

use crate::error::Error;
use crate::session::Session;
use runbook_journal::Look;
use runbook_model::{Event, RunId, StepId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs;
use std::path::PathBuf;

/// What a host offers to others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Offered {
    /// What a step of a run packed.
    Artifact {
        /// The run, by its whole id.
        run: RunId,
        /// The step.
        step: StepId,
    },
    /// An archive of a backup.
    Backup {
        /// The whole name of the backup.
        backup: String,
        /// The file's name in it, as the manifest has it.
        archive: String,
    },
}

impl fmt::Display for Offered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Artifact { run, step } => write!(f, "artifact of step `{step}` of run {run}"),
            Self::Backup { backup, archive } => write!(f, "archive {archive} of a backup {backup}"),
        }
    }
}

/// A file that is offered, as its maker wrote it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedFile {
    /// Where it is.
    pub path: PathBuf,
    /// BLAKE3 of it, in hex.
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
}

impl Session {
    /// The file that is meant.
    ///
    /// # Errors
    /// No run and no backup of this host names such a file, or it is not there any more.
    pub fn offered(&self, what: &Offered) -> Result<OfferedFile, Error> {
        let found = match what {
            Offered::Artifact { run, step } => self.artifact(run, step)?,
            Offered::Backup { backup, archive } => self.archive(backup, archive)?,
        };
        let there = found.and_then(|(path, digest)| {
            let found = fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file)?;
            Some(OfferedFile { path, digest, size: found.len() })
        });
        there.ok_or_else(|| Error::NotOffered(what.to_string()))
    }

    fn artifact(&self, run: &RunId, step: &StepId) -> Result<Option<(PathBuf, String)>, Error> {
        let Some(journal) = Look::at(self.state_dir())?.journal else { return Ok(None) };
        let packed = journal.parsed_after(run, 0)?.into_iter().rev().find_map(|record| match record.event {
            Event::StepFinished { step: of, results, .. } if of == *step => results.artifact,
            _ => None,
        });
        Ok(packed.map(|made| (made.path, made.digest)))
    }

    fn archive(&self, backup: &str, archive: &str) -> Result<Option<(PathBuf, String)>, Error> {
        let kept = self.kept()?.into_iter().find(|kept| kept.name == backup);
        let Some((dir, backup)) = kept.and_then(|kept| Some((kept.dir, kept.backup.ok()?))) else { return Ok(None) };
        let named = backup.manifest().archives.iter().find(|one| one.file == archive);
        Ok(named.map(|one| (dir.join(&one.file), one.blake3.to_string())))
    }

    /// The plans of all runs that may still go on or be taken back without a person having looked, each as its text was saved: what they
    /// name is in use.
    pub fn plans_in_use(&self) -> Result<Vec<String>, Error> {
        let Some(journal) = Look::at(self.state_dir())?.journal else { return Ok(Vec::new()) };
        let open = journal.runs()?.into_iter().filter(|row| crate::keeping::is_needed(row.verdict));
        open.map(|row| Ok(journal.saved(&row.run)?)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Host;
    use crate::{HostSecrets, host_facts};
    use runbook_journal::{Journal, StateDir};
    use runbook_model::{ArtifactMade, Outcome, Record, Results, RunHeader};
    use std::sync::{Arc, LazyLock};

    fn record(seq: u64, event: Event) -> Record {
        Record { seq, at: 1, event }
    }

    #[test]
    fn an_artifact_is_offered_by_the_step_that_packed_it_and_by_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::at(dir.path().join("state"));
        let (run, [pack, other]) =
            (RunId::new("7k2m9c").unwrap(), ["pack", "other"].map(|id| StepId::new(id).unwrap()));
        let header = RunHeader {
            run: run.clone(),
            plan: "demo".to_owned(),
            summary: String::new(),
            digest: String::new(),
            environment: None,
            steps: vec![pack.clone(), other.clone()],
            host: String::new(),
            user: String::new(),
            version: String::new(),
            format: RunHeader::FORMAT,
            hold_ms: None,
        };
        let path = dir.path().join("core.tar.zst");
        let made = ArtifactMade { path: path.clone(), digest: "d1".to_owned() };
        let results = Results { artifact: Some(Box::new(made)), ..Results::default() };
        let finished = |step: &StepId, results| Event::StepFinished {
            step: step.clone(),
            outcome: Outcome::Changed { summary: String::new() },
            results,
            readings: Vec::new(),
        };
        let mut journal = Journal::open(&state).unwrap();
        journal
            .begin(&header, r#"{"uses": "what is in use"}"#, &[record(1, Event::RunStarted(Box::new(header.clone())))])
            .unwrap();
        let steps = [record(2, finished(&pack, results)), record(3, finished(&other, Results::default()))];
        journal.append(&run, &steps).unwrap();
        drop(journal);
        let session = Session::open(Host {
            state_dir: state,
            facts: LazyLock::new(host_facts),
            own_program: std::env::current_exe,
            catalogue: runbook_kinds::catalogue,
            secrets: Arc::new(HostSecrets),
            version: "test".to_owned(),
        });
        let of = |step: &StepId| session.offered(&Offered::Artifact { run: run.clone(), step: step.clone() });
        assert!(of(&pack).unwrap_err().to_string().contains("artifact of step `pack` of run 7k2m9c"), "it is gone");
        fs::write(&path, "archive").unwrap();
        assert_eq!(of(&pack).unwrap(), OfferedFile { path, digest: "d1".to_owned(), size: 7 });
        assert!(of(&other).is_err());
        let outside = Offered::Backup { backup: "../runs".to_owned(), archive: "7k2m9c".to_owned() };
        assert!(session.offered(&outside).is_err());
        assert_eq!(session.plans_in_use().unwrap(), [r#"{"uses": "what is in use"}"#], "the run is open");
    }
}
