//! The order of stages: what each needs is there, nobody waits for itself, and no host is in two stages at once.

use runbook_model::{Code, Diagnostic, Diagnostics, Rollout, Span, Stage, StepId, did_you_mean};
use std::collections::BTreeMap;

/// Whether there is an order.
pub(super) fn judge(rollout: &Rollout, faults: &mut Diagnostics) -> bool {
    let mut sound = true;
    for stage in &rollout.stages {
        for (needed, span) in &stage.needs {
            if *needed == stage.id {
                let message = format!("stage `{needed}` needs itself");
                faults.push(Diagnostic::error(Code::NEEDS_ITSELF, *span, message).help("remove the entry"));
                sound = false;
            } else if rollout.stage(needed).is_none() {
                faults.push(unknown(rollout, stage, needed, *span));
                sound = false;
            }
        }
    }
    let cycles: Vec<Diagnostic> = rollout.stages.iter().filter_map(|stage| cycle(rollout, stage)).collect();
    let sound = sound && cycles.is_empty();
    faults.extend(cycles);
    sound
}

fn unknown(rollout: &Rollout, stage: &Stage, needed: &StepId, span: Span) -> Diagnostic {
    let others = rollout.stages.iter().filter(|other| other.id != stage.id);
    let near = did_you_mean(needed.as_str(), others.map(|other| other.id.as_str()));
    let message = format!("stage `{}` needs `{needed}`, which is not in this rollout", stage.id);
    let fault = Diagnostic::error(Code::UNKNOWN_STAGE, span, message);
    match near.and_then(|near| rollout.stages.iter().find(|stage| stage.id.as_str() == near)) {
        Some(near) => {
            fault.related(near.span, format!("`{}` is here", near.id)).help(format!("did you mean `{}`?", near.id))
        }
        None => fault,
    }
}

/// A shortest cycle through `stage`, told at the first of its stages in the file.
fn cycle(rollout: &Rollout, stage: &Stage) -> Option<Diagnostic> {
    let mut from: BTreeMap<&StepId, (&Stage, Span)> = BTreeMap::new();
    let mut open = vec![stage];
    while !open.is_empty() && !from.contains_key(&stage.id) {
        let mut next = Vec::new();
        for at in open {
            for (needed, span) in at.needs.iter().filter(|(needed, _)| *needed != at.id) {
                if !from.contains_key(needed) {
                    from.insert(needed, (at, *span));
                    next.extend(rollout.stage(needed));
                }
            }
        }
        open = next;
    }
    let mut edges = Vec::new();
    let mut at = &stage.id;
    loop {
        let (needing, span) = from.get(at)?;
        edges.push((at, *needing, *span));
        at = &needing.id;
        if *at == stage.id {
            break;
        }
    }
    let first = rollout.stages.iter().find(|other| edges.iter().any(|(_, needing, _)| needing.id == other.id))?;
    if first.id != stage.id {
        return None;
    }
    let path: Vec<String> = edges.iter().map(|(needed, ..)| format!("`{needed}`")).collect();
    let message = format!("the stages wait for one another in a cycle: {} → `{}`", path.join(" → "), stage.id);
    let place = edges.last().map_or(stage.span, |(.., span)| *span);
    let fault = Diagnostic::error(Code::STAGE_CYCLE, place, message).help("take out one of the `needs`");
    Some(edges.iter().fold(fault, |fault, (needed, needing, span)| {
        fault.related(*span, format!("`{}` waits for `{needed}`", needing.id))
    }))
}

/// Stages of which neither waits for the other have no host in common.
pub(super) fn same_host(rollout: &Rollout, faults: &mut Diagnostics) {
    for (at, stage) in rollout.stages.iter().enumerate() {
        let above = rollout.above(stage);
        for earlier in rollout.stages.iter().take(at) {
            let ordered = above.iter().any(|above| above.id == earlier.id)
                || rollout.above(earlier).iter().any(|above| above.id == stage.id);
            let both = stage.hosts.names.iter().find(|name| earlier.hosts.names.contains(name));
            if let Some(host) = both.filter(|_| !ordered) {
                let message = format!("`{host}` is in the stages `{}` and `{}` at once", earlier.id, stage.id);
                let fault = Diagnostic::error(Code::HOST_TWICE, stage.hosts.span, message);
                let help = format!("let `{}` need `{}`, or take the host out of one", stage.id, earlier.id);
                faults.push(fault.related(earlier.hosts.span, "the other stage").help(help));
            }
        }
    }
}
