//! Report 1 installed `openclaw@latest`: a tag means another version tomorrow, and cannot be returned to.

use super::Rule;
use super::case::{Case, Scene, parameter};
use runbook_model::{Code, Diagnostic, Refusal, Version};

pub(super) const RULE: Rule = Rule { name: Refusal::ExactVersion, cases };

fn cases(scene: &Scene<'_>) -> Vec<Case> {
    let mut cases = Vec::new();
    for (at, def, declaration) in scene.steps.each() {
        let Some(version) = &declaration.version else { continue };
        if let Err(reason) = Version::parse(version) {
            let message = format!("step `{}` would install `{version}`: {reason}", def.id);
            let diagnostic = Diagnostic::error(Code::EXACT_VERSION, parameter(def, "version"), message);
            cases.push(Case::new(at, diagnostic.help("write the one version that was reviewed")));
        }
    }
    cases
}
