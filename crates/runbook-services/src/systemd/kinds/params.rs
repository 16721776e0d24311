//! The parameters that say which unit is meant and how it is handled, and the outputs that say how it runs.

use crate::observed::Observed;
use crate::results;
use crate::systemd::{Unit, UnitState};
use runbook_model::{Diagnostic, Resource, Results, ServiceState};
use runbook_step::{Args, OutputDoc, Param, ParamType, Peek};
use serde_json::json;

pub(super) const UNIT: Param =
    Param::required("unit", ParamType::Name(Unit::NAME), "The unit; a name without a suffix is a service");
pub(super) const USER: Param = Param::default(
    "user",
    ParamType::Bool,
    "false",
    "Whether it is a unit of the user that runs `runbook`, not of the system",
);
pub(super) const SETTLE: Param = Param::default(
    "settle",
    ParamType::Duration,
    "1s",
    "How long its main process has to stay the same before it counts as up",
);
pub(super) const LEAVE_PROCESSES: Param = Param::default(
    "leave_processes",
    ParamType::Bool,
    "false",
    "Whether processes may stay behind in its control group when it stops",
);

pub(super) const OUTPUTS: &[OutputDoc] = &[
    OutputDoc { name: "unit", help: "its whole name, text" },
    OutputDoc { name: "pid", help: "the number of its main process, a number; null if it has none" },
    OutputDoc { name: "invocation", help: "systemd's name of this life of the unit, text" },
    OutputDoc { name: "service", help: "name, state (`up` or `down`) and pid, a map" },
];

pub(super) fn unit(args: &Args<'_>) -> Result<Unit, Diagnostic> {
    Ok(Unit::named(&args.need::<String>("unit")?, args.need("user")?))
}

/// The unit; everything, if its name waits for a step.
pub(super) fn resource(args: &Args<'_>) -> Resource {
    match (args.peek::<String>("unit"), args.peek::<bool>("user")) {
        (Peek::Known(name), Peek::Known(user)) => Unit::named(&name, user).resource(),
        _ => Resource::Everything,
    }
}

pub(super) fn up(unit: &Unit, state: &UnitState) -> Results {
    let (pid, invocation) = (json!(state.main_pid), json!(state.invocation));
    let outputs = [("unit", json!(unit.name)), ("pid", pid.clone()), ("invocation", invocation)];
    results::of_service(ServiceState::new(unit.title(), true), Some(pid), outputs)
}

/// `; b.service goes down with it`, for predictions.
pub(super) fn along(others: &[String]) -> String {
    match others {
        [] => String::new(),
        others => format!("; with it goes {}", others.join(", ")),
    }
}
