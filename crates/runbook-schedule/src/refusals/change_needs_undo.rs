//! Report 1: without a way back to an exact state there is no rollback plan. A change captures its own way back, names one,
//! or is held by a backup before it.

use super::case::{Case, Scene};
use super::{Rule, change_needs_backup};
use crate::coverage::Cover;
use runbook_model::{Code, Diagnostic, Refusal, StepDef, UndoSource};

pub(super) const RULE: Rule = Rule { name: Refusal::ChangeNeedsUndo, cases };

fn cases(scene: &Scene<'_>) -> Vec<Case> {
    let mut cases = Vec::new();
    for (at, def, declaration) in scene.steps.each().filter(|(_, _, declaration)| declaration.changes()) {
        if let Some(diagnostic) = breaks(scene, at, def, &declaration.undo) {
            let told =
                change_needs_backup::is_broken(scene, at, declaration) && !scene.allows(at, Refusal::ChangeNeedsBackup);
            cases.push(Case::new(at, diagnostic).told_if(told));
        }
    }
    cases
}

fn breaks(scene: &Scene<'_>, at: usize, def: &StepDef, undo: &UndoSource) -> Option<Diagnostic> {
    let error = |message: String| Diagnostic::error(Code::CHANGE_NEEDS_UNDO, def.id_span, message);
    let id = &def.id;
    match (undo, scene.cover(at)) {
        (UndoSource::NotNeeded | UndoSource::Own | UndoSource::Command(_), _) => None,
        (_, Cover::Held(_)) | (UndoSource::Backup, Cover::NoPath) => None,
        (_, Cover::TooLate(backup)) => Some(scene.too_late(def, *backup)),
        (UndoSource::Backup, Cover::Missing(resource)) => Some(
            error(format!("step `{id}` can only be taken back from a backup, and none of the plan holds {resource}"))
                .help("add what it writes to the `paths` of a `backup.create`"),
        ),
        (UndoSource::None, Cover::Missing(resource)) => Some(
            error(format!(
                "nothing can take back step `{id}`: it writes {resource}, which no backup of the plan holds"
            ))
            .help("name an `undo`, or declare with `effects` what it writes and add that to a `backup.create`"),
        ),
        (UndoSource::None, Cover::NoPath) => Some(
            error(format!("nothing can take back step `{id}`: it changes what no backup can hold"))
                .help("name an `undo` that brings the state before the step back"),
        ),
    }
}
