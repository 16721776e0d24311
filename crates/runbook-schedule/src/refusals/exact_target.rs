//! Report 2, §7: a host with two installations lets a successful upgrade touch the wrong one.

use super::Rule;
use super::case::{Case, Scene};
use runbook_model::{Code, Diagnostic, Refusal};

pub(super) const RULE: Rule = Rule { name: Refusal::ExactTarget, cases };

fn cases(scene: &Scene<'_>) -> Vec<Case> {
    let mut cases = Vec::new();
    for (at, def, declaration) in scene.steps.each() {
        if let Some(reason) = &declaration.vague_target {
            let message = format!("step `{}` does not say which installation it changes: {reason}", def.id);
            let diagnostic = Diagnostic::error(Code::EXACT_TARGET, def.id_span, message);
            let help = "take the path from a `service.inspect` step, which reads what the service executes";
            cases.push(Case::new(at, diagnostic.help(help)));
        }
    }
    cases
}
