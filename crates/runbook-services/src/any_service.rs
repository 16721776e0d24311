//! A service of any manager: the list that signals and `service.inspect` go by.

use crate::launchd::Job;
use crate::observed::Observed;
use crate::process::Service;
use crate::systemd::Unit;
use runbook_model::Resource;
use std::fmt;

/// A service of the embedded supervisor, of systemd, or of launchd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnyService {
    /// Of the embedded supervisor.
    Process(Service),
    /// Of systemd.
    Unit(Unit),
    /// Of launchd.
    Job(Job),
}

impl AnyService {
    /// The service behind a resource; none for what is no service.
    pub fn of(resource: &Resource) -> Option<Self> {
        match resource {
            Resource::Process(name) => Some(Self::Process(Service::named(name))),
            Resource::Unit(name) => Some(Self::Unit(Unit::of_resource(name))),
            Resource::Job(title) => Job::of_title(title).map(Self::Job),
            _ => None,
        }
    }

    /// The thing that steps conflict about.
    pub fn resource(&self) -> Resource {
        match self {
            Self::Process(service) => Resource::Process(service.name.clone()),
            Self::Unit(unit) => unit.resource(),
            Self::Job(job) => job.resource(),
        }
    }

    /// What can be seen of it.
    pub fn observed(&self) -> &dyn Observed {
        match self {
            Self::Process(service) => service,
            Self::Unit(unit) => unit,
            Self::Job(job) => job,
        }
    }
}

impl fmt::Display for AnyService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.observed().fmt(f)
    }
}
