//! The service that the signals of one verification are about.

use crate::process::Service;
use crate::systemd::Unit;
use crate::{Args, Peek};
use runbook_model::Resource;
use std::fmt;

/// The service: of the embedded supervisor, or of systemd.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    Process(Service),
    Unit(Unit),
}

impl Subject {
    /// The service behind a resource; none for what is no service.
    pub(super) fn of(resource: &Resource) -> Option<Self> {
        match resource {
            Resource::Process(name) => Some(Self::Process(Service::named(name))),
            Resource::Unit(name) => Some(Self::Unit(Unit::of_resource(name))),
            _ => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(service) => f.write_str(&service.name),
            Self::Unit(unit) => unit.fmt(f),
        }
    }
}

/// The resource that the step is about: the one that is named, else the only one that the plan brings up.
pub(super) fn named(args: &Args<'_>) -> Option<Resource> {
    match (args.peek::<String>("process"), args.peek::<String>("unit")) {
        (Peek::Known(name), _) => return Some(Resource::Process(name)),
        (_, Peek::Known(name)) => return Some(Unit::named(&name, of_user(args)).resource()),
        (Peek::Later, _) | (_, Peek::Later) => return Some(Resource::Everything),
        (Peek::Absent, Peek::Absent) => {}
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
