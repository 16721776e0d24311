//! What is read to tell how this host stands and what was done on it.

use crate::error::Error;
use crate::gaps;
use crate::known::Known;
use crate::runs::{choose, journal};
use crate::session::Session;
use runbook_journal::{Gap, Holder, Journal, Lock, Look};
use runbook_model::{AtWork, RunState, Standing, Verdict};
use serde::{Deserialize, Serialize};

/// How this host stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HostState {
    /// What blocks it, the worst first.
    pub standing: Standing,
    /// The latest run, and every run that is open or stuck; the latest first.
    pub runs: Vec<RunState>,
    /// Who is at work on it.
    pub holder: Option<AtWork>,
}

impl HostState {
    /// Whether nothing was ever done here.
    pub fn is_new(&self) -> bool {
        self.runs.is_empty() && self.standing.blocks.is_empty() && self.holder.is_none()
    }
}

/// The runs of this host, as far as the journal has them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct History {
    /// The latest first.
    pub runs: Vec<RunState>,
    /// What the journal lost.
    pub gaps: Vec<Gap>,
}

impl Session {
    /// What blocks this host, over all of its runs. Takes no lock and writes nothing.
    pub fn status(&self) -> Result<HostState, Error> {
        let look = Look::at(self.state_dir())?;
        let runs = look.journal.as_ref().map(telling).transpose()?.unwrap_or_default();
        let holder = self.at_work()?;
        let gaps: Vec<runbook_model::Gap> = look.gaps.iter().map(gaps::told).collect();
        Ok(HostState { standing: Standing::of(&runs, &gaps, holder.as_ref()), runs, holder })
    }

    /// All runs.
    pub fn history(&self) -> Result<History, Error> {
        let look = Look::at(self.state_dir())?;
        let mut runs = Vec::new();
        if let Some(journal) = look.journal {
            for row in journal.runs()? {
                runs.push(RunState::replay(&journal.records(&row.run)?)?);
            }
        }
        Ok(History { runs, gaps: look.gaps })
    }

    /// All about the run that `name` means, which may be the beginning of its id; without a name the latest one.
    pub fn show(&self, name: Option<&str>) -> Result<Known, Error> {
        let journal = journal(self.state_dir())?;
        self.known_with_roles(&journal, &choose(&journal, name)?.run)
    }

    /// Who is at work on this host. Only a run that is open can be what it works on.
    pub fn at_work(&self) -> Result<Option<AtWork>, Error> {
        let at_work = |(holder, run): (Holder, _)| AtWork { who: holder.to_string(), run };
        Ok(Lock::at_work(self.state_dir())?.map(at_work))
    }
}

/// The latest run, and every run that is open or stuck; the latest first. All others need not be read.
fn telling(journal: &Journal) -> Result<Vec<RunState>, Error> {
    let mut states = Vec::new();
    for (nth, row) in journal.runs()?.into_iter().enumerate() {
        if nth == 0 || matches!(row.verdict, None | Some(Verdict::Stuck)) {
            states.push(RunState::replay(&journal.records(&row.run)?)?);
        }
    }
    Ok(states)
}
