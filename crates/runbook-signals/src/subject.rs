//! The service that the signals of one verification are about.

use runbook_model::Resource;
use runbook_services::systemd::Unit;
use runbook_step::{Args, Peek};

/// The resource that the step is about: the one that is named, else the only one that the plan brings up.
pub(super) fn named(args: &Args<'_>) -> Option<Resource> {
    type Service = fn(&Args<'_>, String) -> Resource;
    let ways: [(&str, Service); 3] = [
        ("process", |_, name| Resource::Process(name)),
        ("unit", |args, name| Unit::named(&name, of_user(args)).resource()),
        ("job", |_, name| Resource::Job(name)),
    ];
    for (way, service) in ways {
        match args.peek::<String>(way) {
            Peek::Known(name) => return Some(service(args, name)),
            Peek::Later => return Some(Resource::Everything),
            Peek::Absent => {}
        }
    }
    let mut services = args.context.services.clone();
    services.sort();
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
