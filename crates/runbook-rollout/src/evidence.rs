//! What a person is shown before a wave, as a digest: an approval of other evidence opens nothing.

use crate::{RolloutState, Target, TargetStatus, Waves};
use runbook_model::RunId;
use serde::Serialize;

#[derive(Serialize)]
struct Shown<'a> {
    rollout: &'a str,
    attempt: u32,
    wave: usize,
    targets: Vec<(Target, TargetStatus, Option<RunId>)>,
}

/// The digest of what the waves above the one at `wave` came to, in hex.
pub fn evidence(state: &RolloutState, waves: &Waves, wave: usize) -> String {
    let above = waves.above(wave);
    let targets = waves.targets().filter(|(at, _)| above.contains(at)).map(|(_, target)| {
        let known = state.target(&target);
        (target, known.status, known.run)
    });
    let shown = Shown { rollout: &waves.digest, attempt: waves.attempt, wave, targets: targets.collect() };
    // It has strings and numbers alone, which JSON can always hold.
    blake3::hash(&serde_json::to_vec(&shown).unwrap_or_default()).to_hex().to_string()
}
