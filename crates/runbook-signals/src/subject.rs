//! The service that the signals of one verification are about.

use runbook_model::Resource;
use runbook_services::naming::{LAUNCHD, Naming, SUPERVISOR, SYSTEMD};
use runbook_step::Args;

/// The parameters that name it.
pub(super) const SUBJECT: Naming = Naming(&[("process", SUPERVISOR), ("unit", SYSTEMD), ("job", LAUNCHD)]);

/// The resource that the step is about: the one that is named, else the only one that the plan brings up.
pub(super) fn named(args: &Args<'_>) -> Option<Resource> {
    if let Some(named) = SUBJECT.resource(args) {
        return Some(named);
    }
    let mut services = args.context.services.clone();
    services.sort_unstable();
    services.dedup();
    match services.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    }
}

/// Whether the units are those of the user's manager.
pub(super) fn of_user(args: &Args<'_>) -> bool {
    args.peek::<bool>("user").known().unwrap_or_default()
}
