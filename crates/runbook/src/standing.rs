//! What is read to tell how this host stands: what blocks it, over all of its runs, and its latest run.

use crate::cli::Format;
use crate::clock::now_ms;
use crate::error::{CommandError, Exit};
use crate::gaps;
use crate::screen::Screen;
use runbook_journal::{Journal, Lock, Look, StateDir};
use runbook_model::{Block, Gap, RunState, Standing, Verdict};

/// How this host stands.
pub(crate) struct HostState {
    standing: Standing,
    runs: Vec<RunState>,
    holder: Option<String>,
}

impl HostState {
    /// Reads the journal, and who holds the lock.
    pub(crate) fn read(dir: &StateDir) -> Result<Self, CommandError> {
        let look = Look::at(dir)?;
        let runs = look.journal.as_ref().map(telling).transpose()?.unwrap_or_default();
        let holder = holder(dir)?;
        let gaps: Vec<Gap> = look.gaps.iter().map(gaps::told).collect();
        Ok(Self { standing: Standing::of(&runs, &gaps, holder.as_deref()), runs, holder })
    }

    /// Whether nothing was ever done here.
    pub(crate) fn is_new(&self) -> bool {
        self.runs.is_empty() && self.standing.blocks.is_empty() && self.holder.is_none()
    }

    /// The exit code of `status`.
    pub(crate) fn exit(&self) -> Exit {
        match self.standing.exit_code() {
            0 => Exit::Done,
            5 => Exit::Stuck,
            _ => Exit::Held,
        }
    }

    /// What blocks this host, the worst first.
    pub(crate) fn blocks(&self) -> &[Block] {
        &self.standing.blocks
    }

    /// What `status` shows.
    pub(crate) fn show(&self, screen: &Screen) -> Result<(), CommandError> {
        let Self { standing, runs, holder } = self;
        let caller = screen.caller();
        let look = runbook_report::Look { standing, runs, holder: holder.as_deref(), now_ms: now_ms(), caller };
        match screen.format {
            Format::Text => screen.text(&runbook_report::status(&look, screen.style())),
            Format::Json | Format::Ndjson => screen.json(&runbook_report::status_json(&look)),
        }
    }
}

/// The latest run, and every run that is open or stuck; the latest first. All others need not be read.
fn telling(journal: &Journal) -> Result<Vec<RunState>, CommandError> {
    let mut states = Vec::new();
    for (nth, row) in journal.runs()?.into_iter().enumerate() {
        if nth == 0 || matches!(row.verdict, None | Some(Verdict::Stuck)) {
            states.push(RunState::replay(&journal.records(&row.run)?)?);
        }
    }
    Ok(states)
}

/// Who is at work on this host. Only a run that is open can be what it works on.
pub(crate) fn holder(dir: &StateDir) -> Result<Option<String>, CommandError> {
    Ok(Lock::holder(dir)?.map(|holder| holder.to_string()))
}
