//! What `verify-is-functional` and `verify-is-negative` share: the last change of a program, package or service, and the
//! verifications behind it.

use super::case::{Case, Scene};
use runbook_model::{Code, Diagnostic, Resource, Role, SignalKind, StepDef};

/// At most one case: the plan changes a program, package or service, and no verification behind the last such change has
/// a blocking signal of `kind`.
pub(super) fn without(scene: &Scene<'_>, code: Code, kind: SignalKind, what: &str, help: &str) -> Vec<Case> {
    let changes: Vec<usize> = (0..scene.steps.count()).filter(|at| is_system_change(scene, *at)).collect();
    let place = |at: &usize| scene.position.get(*at).copied();
    let Some(last) = changes.iter().copied().max_by_key(place) else { return Vec::new() };
    let verifications = scene.steps.with_role(|role| matches!(role, Role::Verify(_)));
    let behind = |at: &&usize| place(at) > place(&last);
    if verifications.iter().filter(behind).any(|at| looks_at(scene, *at, kind)) {
        return Vec::new();
    }
    let final_look = verifications.iter().filter(behind).max_by_key(|at| place(at)).copied();
    let (Some(changed), told_at) = (scene.steps.defs.get(last), final_look.unwrap_or(last)) else { return Vec::new() };
    let Some(told) = scene.steps.defs.get(told_at) else { return Vec::new() };
    let diagnostic =
        Diagnostic::error(code, told.id_span, message(final_look.is_some(), told, changed, what)).help(help);
    let diagnostic = match final_look {
        Some(_) => diagnostic.related(changed.id_span, "the last change of a program, package or service"),
        None => diagnostic,
    };
    vec![Case::new(told_at, diagnostic).allowed_at(changes.into_iter().chain(verifications))]
}

fn message(is_verified: bool, told: &StepDef, changed: &StepDef, what: &str) -> String {
    match is_verified {
        true => format!("step `{}` has no blocking signal that {what}", told.id),
        false => format!("nothing behind `{}` verifies with a blocking signal that {what}", changed.id),
    }
}

fn looks_at(scene: &Scene<'_>, at: usize, kind: SignalKind) -> bool {
    let looks = |role: &Role| matches!(role, Role::Verify(kinds) if kinds.contains(&kind));
    scene.steps.declarations.get(at).is_some_and(|declaration| declaration.plays(looks))
}

fn is_system_change(scene: &Scene<'_>, at: usize) -> bool {
    let changes = |role: &Role| *role == Role::Replace || role.moves().is_some();
    scene.steps.declarations.get(at).is_some_and(|declaration| declaration.plays(changes))
        || scene.steps.written_by(at).any(|touch| {
            matches!(touch.resource, Resource::Package(_) | Resource::Unit(_) | Resource::Job(_) | Resource::Process(_))
        })
}
