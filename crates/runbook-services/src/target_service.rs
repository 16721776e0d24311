//! The service that a step of housekeeping is about: one of the embedded supervisor, or a unit of systemd.

use crate::process::valid_name;
use crate::process::{Life, Service};
use crate::systemd::{Load, Unit, UnitState};
use runbook_host::Reader;
use runbook_model::{Diagnostic, Diagnostics, Failure, Resource};
use runbook_step::wrong;
use runbook_step::{Args, Param, ParamType, Peek};
use std::fmt;

/// The parameter `unit`.
pub const UNIT: Param =
    Param::optional("unit", ParamType::String, "The unit of systemd; a name without a suffix is a service");
/// The parameter `user`.
pub const USER: Param = Param::default(
    "user",
    ParamType::Bool,
    "false",
    "Whether `unit` is a unit of the user that runs `runbook`, not of the system",
);

/// The service.
#[derive(Clone, Debug)]
pub enum TargetService {
    /// One of the embedded supervisor.
    Service(Service),
    /// A unit of systemd.
    Unit(Unit),
}

/// What only the whole of the parameters shows to be wrong.
pub fn check(args: &Args<'_>, found: &mut Diagnostics) {
    let (service, unit) = (args.peek::<String>("service"), args.peek::<String>("unit"));
    if let Peek::Known(name) = &service
        && !valid_name(name)
    {
        found.push(wrong("service", args.span("service"), "the name of a service"));
    }
    match unit {
        Peek::Absent => {}
        _ if service != Peek::Absent => {
            found.push(wrong("unit", args.span("unit"), "left out where `service` names the service"));
        }
        Peek::Known(name) if !Unit::is_name(&name) => {
            found.push(wrong("unit", args.span("unit"), "the name of a unit, not a path"));
        }
        Peek::Known(_) | Peek::Later => {}
    }
}

/// The service as far as it is known before the run; everything, if its name waits for a step.
pub fn resource(args: &Args<'_>) -> Option<Resource> {
    match (args.peek::<String>("service"), args.peek::<String>("unit"), args.peek::<bool>("user")) {
        (Peek::Known(name), ..) => Some(Resource::Process(name)),
        (_, Peek::Known(name), Peek::Known(user)) => Some(Unit::named(&name, user).resource()),
        (Peek::Absent, Peek::Absent, _) => None,
        _ => Some(Resource::Everything),
    }
}

/// The service that the parameters name.
pub fn bind(args: &Args<'_>) -> Result<Option<TargetService>, Diagnostic> {
    if let Some(name) = args.maybe::<String>("service")? {
        return Ok(Some(TargetService::Service(Service::named(name))));
    }
    let Some(name) = args.maybe::<String>("unit")? else { return Ok(None) };
    if !Unit::is_name(&name) {
        return Err(wrong("unit", args.span("unit"), "the name of a unit, not a path"));
    }
    Ok(Some(TargetService::Unit(Unit::named(&name, args.need("user")?))))
}

impl TargetService {
    /// The thing that steps conflict about.
    pub fn resource(&self) -> Resource {
        match self {
            Self::Service(service) => Resource::Process(service.name.clone()),
            Self::Unit(unit) => unit.resource(),
        }
    }

    /// What is known of it now.
    pub fn look(&self, host: &Reader) -> Result<Look, Failure> {
        Ok(match self {
            Self::Service(service) => {
                let state = service.state(host)?;
                let life = state.map_or(Ok(Life::Down), |state| state.life(host))?;
                Look {
                    is_known: service.spec(host)?.is_some(),
                    up: (life != Life::Down).then(|| life.words()),
                    unit: None,
                }
            }
            Self::Unit(unit) => {
                let state = unit.state(host)?;
                let up = (!state.is_down()).then(|| format!("{} ({})", state.active, state.sub));
                Look { is_known: state.load != Load::NotFound, up, unit: Some(state) }
            }
        })
    }

    /// A name that nobody knows protects nothing.
    pub fn unknown(&self) -> Failure {
        match self {
            Self::Service(service) => {
                let message = format!("there is no service `{}` on this host", service.name);
                Failure::refused(message)
                    .hint("correct `service` or the state directory, or leave `service` out if there is none")
            }
            Self::Unit(unit) => {
                Failure::refused(format!("there is no unit {unit} on this host")).hint(unit.correct_the_name())
            }
        }
    }
}

/// What is known of the service.
pub struct Look {
    /// Whether this host knows it.
    pub is_known: bool,
    /// How it runs, in words; `None` if it is down.
    pub up: Option<String>,
    /// What systemd says of a unit.
    pub unit: Option<UnitState>,
}

impl fmt::Display for TargetService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(service) => write!(f, "service `{}`", service.name),
            Self::Unit(unit) => unit.fmt(f),
        }
    }
}
