//! Report 2, §12.1: identify the exact orphan and terminate only that process, instead of a broad pkill. The same holds for
//! removing files.

use super::Rule;
use super::case::{Case, Scene, parameter};
use crate::command::{broad_target, unwrapped};
use runbook_model::{Code, Diagnostic, Refusal, UndoSource};

pub(super) const RULE: Rule = Rule { name: Refusal::NarrowKill, cases };

fn cases(scene: &Scene<'_>) -> Vec<Case> {
    let mut cases = Vec::new();
    for (at, def, declaration) in scene.steps.each() {
        let forward = declaration.commands.iter().map(|argv| (argv, "run"));
        let undo = match &declaration.undo {
            UndoSource::Command(argv) => Some((argv, "undo")),
            _ => None,
        };
        for (argv, name) in forward.chain(undo) {
            for what in unwrapped(argv).iter().filter_map(broad_target) {
                let message = format!("step `{}` {what}", def.id);
                let diagnostic = Diagnostic::error(Code::NARROW_KILL, parameter(def, name), message);
                let help =
                    "use `port.orphan-kill` or `process.stop` for a process, `file.remove` with a path for files";
                cases.push(Case::new(at, diagnostic.help(help)));
            }
        }
    }
    cases
}
