//! Report 2, rule 3: if rollback still depends on npm or GitHub being reachable, rollback is not really ready.

use super::Rule;
use super::case::{Case, Scene, parameter};
use crate::command::{network_use, unwrapped};
use runbook_model::{Code, Diagnostic, Refusal, UndoSource};

pub(super) const RULE: Rule = Rule { name: Refusal::UndoNeedsNoNetwork, cases };

fn cases(scene: &Scene<'_>) -> Vec<Case> {
    let mut cases = Vec::new();
    for (at, def, declaration) in scene.steps.each() {
        let UndoSource::Command(argv) = &declaration.undo else { continue };
        for what in unwrapped(argv).iter().filter_map(network_use) {
            let message = format!("the undo of step `{}` would use the network: {what}", def.id);
            let diagnostic = Diagnostic::error(Code::UNDO_NEEDS_NO_NETWORK, parameter(def, "undo"), message);
            let help = "undo from a `backup.create` or from files that are on the host before the first change";
            cases.push(Case::new(at, diagnostic.help(help)));
        }
    }
    cases
}
