//! Report 2, §3: rollback is local, fast and complete. What replaces a program or a package must be held by a backup
//! before it. Stopping and starting a service changes no file, so it needs no backup of its own.

use super::Rule;
use super::case::{Case, Scene};
use crate::coverage::Cover;
use runbook_model::{Code, Declaration, Diagnostic, Refusal, Resource, Role, StepDef};

pub(super) const RULE: Rule = Rule { name: Refusal::ChangeNeedsBackup, cases };

fn cases(scene: &Scene<'_>) -> Vec<Case> {
    let backups = scene.steps.with_role(Role::is_backup).into_iter();
    let first_backup = backups.filter_map(|at| Some((*scene.position.get(at)?, at))).min();
    let each = scene.steps.each();
    let broken = each
        .filter_map(|(at, def, declaration)| Some(Case::new(at, breaks(scene, first_backup, at, def, declaration)?)));
    broken.collect()
}

/// Whether the step is one that this rule is about and is not held by a backup.
pub(super) fn is_broken(scene: &Scene<'_>, at: usize, declaration: &Declaration) -> bool {
    replaces(scene, at, declaration) && !matches!(scene.cover(at), Cover::Held(_) | Cover::NoPath)
}

fn breaks(
    scene: &Scene<'_>,
    first_backup: Option<(usize, usize)>,
    at: usize,
    def: &StepDef,
    declaration: &Declaration,
) -> Option<Diagnostic> {
    if !replaces(scene, at, declaration) {
        return None;
    }
    let error = |message: String| Diagnostic::error(Code::CHANGE_NEEDS_BACKUP, def.id_span, message);
    match (scene.cover(at), first_backup) {
        (Cover::Held(_), _) => None,
        (Cover::TooLate(backup), _) => Some(scene.too_late(def, *backup)),
        (Cover::Missing(resource), _) => Some(
            error(format!("step `{}` changes {resource}, and no backup of the plan holds it", def.id))
                .help(next_action(resource)),
        ),
        (Cover::NoPath, Some((place, _))) if scene.position.get(at).is_some_and(|here| place < *here) => None,
        (Cover::NoPath, Some((_, backup))) => Some(scene.too_late(def, backup)),
        (Cover::NoPath, None) => Some(
            error(format!("step `{}` changes a package, and the plan has no backup", def.id))
                .help("add a `backup.create` with the program, its state and its unit files"),
        ),
    }
}

fn next_action(resource: &Resource) -> String {
    match resource {
        Resource::Path(path) => format!("add {} to the `paths` of a `backup.create`", path.display()),
        Resource::UnknownPath => {
            "add the output that the step's path comes from to the `paths` of a `backup.create`".to_owned()
        }
        _ => "declare with `effects` what the step writes, and back that up".to_owned(),
    }
}

fn replaces(scene: &Scene<'_>, at: usize, declaration: &Declaration) -> bool {
    declaration.roles.contains(&Role::Replace)
        || scene.steps.written_by(at).any(|touch| matches!(touch.resource, Resource::Package(_)))
}
