//! Report 2, §7: a host with two installations lets a successful upgrade touch the wrong one. Here a step has to say which
//! one it changes; that it is the one that the service executes is judged on the host, by the engine.

use super::Rule;
use super::case::{Case, Scene};
use runbook_model::{Code, Diagnostic, Refusal, Role};

pub(super) const RULE: Rule = Rule { name: Refusal::ExactTarget, cases };

fn cases(scene: &Scene<'_>) -> Vec<Case> {
    let mut cases = Vec::new();
    let inspects = !scene.steps.with_role(|role| *role == Role::Inspect).is_empty();
    for (at, def, declaration) in scene.steps.each() {
        if let Some(reason) = &declaration.vague_target {
            let message = format!("step `{}` does not say which installation it changes: {reason}", def.id);
            let diagnostic = Diagnostic::error(Code::EXACT_TARGET, def.id_span, message);
            let help = "take the path from a `service.inspect` step, which reads what the service executes";
            cases.push(Case::new(at, diagnostic.help(help)));
        } else if inspects && declaration.roles.contains(&Role::Replace) {
            // Whether it is the installation that the service executes is judged on the host, and an exception is from
            // that as well.
            let diagnostic = Diagnostic::error(Code::EXACT_TARGET, def.id_span, "judged on the host");
            cases.push(Case::new(at, diagnostic).told_if(true));
        }
    }
    cases
}
