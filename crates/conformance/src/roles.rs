//! What a kind declares, what its steps can do and what they hand on agree: rules and reports go by the first, the engine by the
//! second, and what comes later in a run by the third.

use runbook_model::{Declaration, Results, Role};
use runbook_step::Step;

/// A step has the capabilities that its roles promise, and no other.
///
/// # Panics
///
/// Where it has not, or has more.
pub(crate) fn promise(kind: &str, declaration: &Declaration, step: &dyn Step) {
    let plays = |wanted: fn(&Role) -> bool| declaration.roles.iter().any(wanted);
    let reads_signals = plays(|role| matches!(role, Role::Signals(_)));
    let pairs = [
        ("moving a service", moves(declaration), step.service().is_some()),
        ("a backup", plays(backs_up), step.backup().is_some()),
        ("a verification", plays(|role| matches!(role, Role::Verify(_))), step.verification().is_some()),
    ];
    for (what, declared, able) in pairs {
        assert!(declared || !able, "`{kind}` has the capability of {what}, and declares no such role");
        assert!(able || !declared, "`{kind}` declares the role of {what}, and has no such capability");
    }
    assert!(!reads_signals || step.verification().is_some(), "`{kind}` declares signals, and is no verification");
}

/// What a step handed on is what its roles promise.
///
/// # Panics
///
/// Where it is more, or a backup is missing.
pub(crate) fn keep(kind: &str, declaration: &Declaration, results: &Results) {
    let inspects = declaration.roles.contains(&Role::Inspect);
    assert!(results.service.is_none() || serves(declaration), "`{kind}` hands on a service, and acts on none");
    assert!(results.installation.is_none() || inspects, "`{kind}` hands on an installation, and inspects none");
    let backs_up = declaration.roles.iter().any(backs_up);
    assert_eq!(results.backup.is_some(), backs_up, "whether `{kind}` hands on a backup, and whether it declares one");
}

/// A reload acts on a service and leaves it as it runs, so there is nothing to bring up or down.
fn moves(declaration: &Declaration) -> bool {
    serves(declaration) && !declaration.roles.contains(&Role::Reload)
}

fn serves(declaration: &Declaration) -> bool {
    let serves = |role: &Role| matches!(role, Role::Stop(_) | Role::Start(_) | Role::Restart(_));
    declaration.roles.iter().any(serves)
}

fn backs_up(role: &Role) -> bool {
    matches!(role, Role::Backup(_))
}
