//! An attempt as one JSON document.

use super::closing::closing;
use super::estate::Estate;
use super::rows::note;
use serde_json::{Value, json as object};

/// Where every target stands, what is owed, and every record that is told of.
pub fn rollout_json(estate: &Estate<'_>) -> Value {
    let (waves, state, closing) = (estate.waves, estate.state, closing(estate));
    let target = |(at, target): (usize, runbook_rollout::Target)| {
        let known = state.target(&target);
        let doing = estate.doing.get(&target.host).filter(|_| known.status.in_flight());
        object!({
            "host": target.host,
            "stage": target.stage,
            "wave": at,
            "status": known.status,
            "verdict": state.verdict(&target),
            "run": known.run,
            "step": doing.map(|doing| &doing.step),
            "note": note(estate, &target, doing),
            "gives": known.gives,
            "given": known.given,
        })
    };
    object!({
        "rollout": waves.rollout,
        "attempt": waves.attempt,
        "digest": waves.digest,
        "elapsed_ms": estate.elapsed_ms,
        "finished": state.finished,
        "stopped": state.stopped,
        "closing": object!({ "head": closing.head, "text": closing.text, "owed": closing.owed }),
        "targets": waves.targets().map(target).collect::<Vec<_>>(),
        "records": estate.records,
    })
}
