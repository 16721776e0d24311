//! The managers, and the parameters by which plans name a service of one of them.

use crate::launchd::Job;
use crate::observed::AnyService;
use crate::process::Service;
use crate::systemd::Unit;
use runbook_model::{Diagnostic, Diagnostics, Resource};
use runbook_step::{Args, Names, Param, ParamType, Peek, wrong};
use std::sync::Arc;

/// A manager.
#[derive(Clone, Copy, Debug)]
pub struct Manager {
    /// What plans call it.
    pub word: &'static str,
    /// What the name of a service of it has to be.
    pub names: Names,
    named: fn(&str, bool) -> Option<AnyService>,
}

/// The embedded supervisor.
pub const SUPERVISOR: Manager = Manager {
    word: "process",
    names: Service::NAME,
    named: |name, _| Service::is_name(name).then(|| Arc::new(Service::named(name)) as AnyService),
};
/// systemd.
pub const SYSTEMD: Manager = Manager {
    word: "systemd",
    names: Unit::NAME,
    named: |name, user| Unit::is_name(name).then(|| Arc::new(Unit::named(name, user)) as AnyService),
};
/// launchd.
pub const LAUNCHD: Manager = Manager {
    word: "launchd",
    names: Job::TITLE,
    named: |title, _| Job::of_title(title).map(|job| Arc::new(job) as AnyService),
};

/// What plans call the managers.
pub const MANAGERS: &[&str] = &[SUPERVISOR.word, SYSTEMD.word, LAUNCHD.word];

/// The service that a step of housekeeping is about, by the parameters `service`, [`UNIT`] and [`USER`]: each is a
/// [`TargetService`](crate::TargetService).
pub const TARGET: Naming = Naming(&[("service", SUPERVISOR), ("unit", SYSTEMD)]);
/// The parameter `unit`.
pub const UNIT: Param =
    Param::optional("unit", ParamType::Name(Unit::NAME), "The unit of systemd; a name without a suffix is a service");
/// The parameter `user`.
pub const USER: Param = Param::default(
    "user",
    ParamType::Bool,
    "false",
    "Whether `unit` is a unit of the user that runs `runbook`, not of the system",
);

/// The service behind a resource; none for what is no service.
pub fn service_of(resource: &Resource) -> Option<AnyService> {
    match resource {
        Resource::Process(name) => Some(Arc::new(Service::named(name))),
        Resource::Unit(name) => Some(Arc::new(Unit::of_resource(name))),
        Resource::Job(title) => Some(Arc::new(Job::of_title(title)?)),
        _ => None,
    }
}

impl Manager {
    /// Its service called `name`, of the user's own manager if it has one and `user` says so; `None` if that is no name.
    pub fn service(&self, name: &str, user: bool) -> Option<AnyService> {
        (self.named)(name, user)
    }
}

/// Which parameters of a kind name a service, each of one manager; `user` beside them means the user's own manager.
#[derive(Debug)]
pub struct Naming(pub &'static [(&'static str, Manager)]);

impl Naming {
    fn given(&self, args: &Args<'_>) -> impl Iterator<Item = &(&'static str, Manager)> {
        self.0.iter().filter(|(param, _)| args.given(param).is_some())
    }

    /// What only the whole of the parameters shows to be wrong: more than one of them is given.
    pub fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        let mut given = self.given(args);
        if let (Some((first, _)), Some((second, _))) = (given.next(), given.next()) {
            found.push(wrong(second, args.span(second), &format!("left out where `{first}` names the service")));
        }
    }

    /// The service as far as it is known before the run; everything, if its name waits for a step.
    pub fn resource(&self, args: &Args<'_>) -> Option<Resource> {
        let (param, manager) = self.given(args).next()?;
        let service = match (args.peek::<String>(param), args.peek::<bool>("user")) {
            (_, Peek::Later) => None,
            (name, user) => manager.service(&name.known().unwrap_or_default(), user.known().unwrap_or_default()),
        };
        Some(service.map_or(Resource::Everything, |service| service.resource()))
    }

    /// The service that the parameters name.
    pub fn bind(&self, args: &Args<'_>) -> Result<Option<AnyService>, Diagnostic> {
        let Some((param, manager)) = self.given(args).next() else { return Ok(None) };
        let service = manager.service(&args.need::<String>(param)?, args.maybe("user")?.unwrap_or_default());
        service.map(Some).ok_or_else(|| wrong(param, args.span(param), "the name of a service"))
    }
}
