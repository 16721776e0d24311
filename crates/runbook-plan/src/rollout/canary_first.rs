//! `canary-first`: no host takes a change that no canary has proven for what the host does (report 2, §4 and rule 2).

use crate::fields::listed;
use runbook_model::{Code, Diagnostic, Diagnostics, Inventory, InventoryHost, Refusal, Rollout, Stage};
use std::collections::BTreeSet;

/// Refuses each stage with no canary above it, and each host with something to exercise that none of them does.
pub(super) fn judge(rollout: &Rollout, inventory: &Inventory, faults: &mut Diagnostics) {
    for stage in &rollout.stages {
        let found = if stage.canary { Vec::new() } else { refused(rollout, stage, inventory) };
        let allowed = stage.allow.iter().find(|allow| allow.rule == Refusal::CanaryFirst);
        match allowed {
            Some(_) if !found.is_empty() => {}
            Some(allow) => {
                let message = format!("stage `{}` allows {}, which it does not break", stage.id, allow.rule);
                let fault = Diagnostic::warning(Code::UNUSED_ALLOW, allow.span, message);
                faults.push(fault.help("remove the exception; it would only hide a later fault"));
            }
            None => faults.extend(found),
        }
    }
}

fn refused(rollout: &Rollout, stage: &Stage, inventory: &Inventory) -> Vec<Diagnostic> {
    let canaries: Vec<&Stage> = rollout.above(stage).into_iter().filter(|above| above.canary).collect();
    if canaries.is_empty() {
        let message = format!("no canary comes before stage `{}`", stage.id);
        let help = match rollout.stages.iter().find(|other| other.canary) {
            Some(canary) => format!("add `{}` to its `needs`", canary.id),
            None => "write `canary: true` to a stage of one host that is easy to take back, and let the others need it"
                .to_owned(),
        };
        return vec![Diagnostic::error(Code::CANARY_FIRST, stage.span, message).help(help)];
    }
    let hosts = |stage: &Stage| -> Vec<&InventoryHost> {
        stage.hosts.names.iter().filter_map(|name| inventory.host(name.as_str())).collect()
    };
    let proven: BTreeSet<&str> = canaries
        .iter()
        .flat_map(|canary| hosts(canary))
        .flat_map(|host| host.exercises.iter().map(String::as_str))
        .collect();
    let uncovered = |host: &InventoryHost| {
        let missing: Vec<&str> =
            host.exercises.iter().map(String::as_str).filter(|value| !proven.contains(value)).collect();
        (!missing.is_empty()).then(|| {
            let message = format!("`{}` exercises {}, and no canary before it does", host.name, listed(&missing));
            Diagnostic::error(Code::CANARY_FIRST, stage.hosts.span, message)
                .related(host.span, "the host")
                .help("make the stage a canary as well, or let it need a canary whose hosts exercise the same")
        })
    };
    hosts(stage).into_iter().filter_map(uncovered).collect()
}
