//! The last words of an attempt: what every host came to, what is owed, and nothing that was not read.

use super::estate::Estate;
use super::words::{hosts, stop_words, verdict_word};
use runbook_rollout::{TargetStatus, TargetVerdict};
use std::collections::BTreeMap;

/// What has to be known at the end.
pub(super) struct Closing {
    /// `Done.`, `Stopped.`, `Not over.`
    pub(super) head: &'static str,
    /// How many ended how, and why nothing more begins.
    pub(super) text: String,
    /// What is owed to which host, a sentence each.
    pub(super) owed: Vec<String>,
}

pub(super) fn closing(estate: &Estate<'_>) -> Closing {
    let state = estate.state;
    let head = match (&state.stopped, state.finished) {
        (Some(_), true) => "Stopped.",
        (None, true) => "Done.",
        (_, false) => "Not over.",
    };
    let because = state.stopped.as_ref().map(|cause| format!(" Nothing more begins, because {}.", stop_words(cause)));
    let drains = (state.draining && !state.finished && state.stopped.is_none())
        .then_some(" It drains: nothing more begins until somebody goes on.");
    let text = format!("{}.{}{}", counts(estate), because.unwrap_or_default(), drains.unwrap_or_default());
    Closing { head, text, owed: owed(estate) }
}

/// `3 hosts ok, 1 host rolled back, 1 host left alone`; a host that has two stages counts in each.
pub(super) fn counts(estate: &Estate<'_>) -> String {
    let mut counted: BTreeMap<Option<TargetVerdict>, usize> = BTreeMap::new();
    for (_, target) in estate.waves.targets() {
        *counted.entry(estate.state.verdict(&target)).or_default() += 1;
    }
    let open = counted.remove(&None).map(|count| format!("{} not over", hosts(count)));
    let ended = counted
        .into_iter()
        .filter_map(|(verdict, count)| Some(format!("{} {}", hosts(count), verdict_word(verdict?).1)));
    ended.chain(open).collect::<Vec<_>>().join(", ")
}

fn owed(estate: &Estate<'_>) -> Vec<String> {
    let told = |(target, known): (&runbook_rollout::Target, &runbook_rollout::TargetState)| match known.status {
        TargetStatus::Lost => {
            Some(format!("{target}: nobody knows how its run ended; it is asked when the host is back"))
        }
        TargetStatus::BackOwed(_) => Some(format!(
            "{target}: has to be taken back; it is when the host answers, and what is newer there is back"
        )),
        TargetStatus::BackStuck | TargetStatus::Ended(TargetVerdict::Stuck) => {
            Some(format!("{target}: its way back did not end; a person has to go on there"))
        }
        _ => None,
    };
    estate.state.targets.iter().filter_map(told).collect()
}
