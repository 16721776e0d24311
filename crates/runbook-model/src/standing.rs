//! What blocks a host, over all of its runs: the first thing that anybody has to know who comes to it.

use crate::{AtWork, Closing, Next, RunId, RunState, Verdict};
use serde::{Deserialize, Serialize};

/// A place where the journal and what lies beside it do not agree, so that the host may be changed in ways of which the
/// journal knows nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The path in the state directory that shows it.
    pub path: String,
    /// What is known, in one sentence without a full stop.
    pub what: String,
    /// Commands that lead out of it.
    pub next: Vec<Next>,
}

/// What kind of thing blocks a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockedBy {
    /// A run that could not be taken back whole.
    Stuck,
    /// The journal does not hold all that happened.
    Gap,
    /// A run that is not over: under way, or interrupted.
    Open,
}

/// One thing that keeps every new run from this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// The run; `None` where no run is known.
    pub run: Option<RunId>,
    /// What sort of thing it is.
    pub by: BlockedBy,
    /// In one sentence, without a full stop.
    pub why: String,
    /// The commands that lead on; the first is the one to take.
    pub next: Vec<Next>,
}

/// Whether a host is free for a run, and if not, why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// What blocks it, the worst first; empty if it is free.
    pub blocks: Vec<Block>,
}

impl Standing {
    /// The standing of a host with these runs, the latest first, and these gaps in its journal. Runs that are over and
    /// not stuck may be left out. `holder` is who is at work on the host now.
    pub fn of<'a>(runs: impl IntoIterator<Item = &'a RunState>, gaps: &[Gap], holder: Option<&AtWork>) -> Self {
        let mut blocks: Vec<Block> = runs.into_iter().filter_map(|run| block(run, holder)).collect();
        blocks.extend(gaps.iter().map(|gap| Block {
            run: None,
            by: BlockedBy::Gap,
            why: format!("the journal does not hold all that happened on this host: {}", gap.what),
            next: gap.next.clone(),
        }));
        blocks.sort_by_key(|block| match block.by {
            BlockedBy::Stuck => 0,
            BlockedBy::Gap => 1,
            BlockedBy::Open => 2,
        });
        Self { blocks }
    }

    /// What `status` ends with: 0 free, 5 stuck or a gap, 6 open.
    pub fn exit_code(&self) -> u8 {
        match self.blocks.first().map(|block| block.by) {
            None => 0,
            Some(BlockedBy::Stuck | BlockedBy::Gap) => 5,
            Some(BlockedBy::Open) => 6,
        }
    }
}

fn block(state: &RunState, holder: Option<&AtWork>) -> Option<Block> {
    let header = state.header.as_ref()?;
    let name = format!("run {} of {}", header.run, header.plan);
    let block = |by, why| Block { run: Some(header.run.clone()), by, why, next: Closing::of(state).next };
    match (state.verdict(), holder) {
        (Some(Verdict::Stuck), _) => Some(block(BlockedBy::Stuck, format!("{name} is stuck"))),
        (None, Some(holder)) if holder.attends(state) => {
            let why = format!("{name} is not over. It is running: {}", holder.who);
            let next = Closing::at_work(state, Some(holder)).next;
            let next = if state.holds().is_some() { next } else { vec![Next::Status] };
            Some(Block { next, ..block(BlockedBy::Open, why) })
        }
        (None, Some(holder)) => {
            let why = format!("{name} is open, and nobody goes on with it yet. The lock is held by: {}", holder.who);
            Some(Block { next: vec![Next::Status], ..block(BlockedBy::Open, why) })
        }
        (None, None) => Some(block(BlockedBy::Open, format!("{name} was interrupted and is still open"))),
        _ => None,
    }
}
