//! The parameters that say which job is meant and how it is handled, and the outputs that say how it runs.

use crate::launchd::{Domain, Job, JobState};
use crate::observed::Observed;
use crate::results;
use runbook_model::{Diagnostic, Diagnostics, Resource, Results, ServiceState};
use runbook_step::{Args, OutputDoc, Param, ParamType, Peek, wrong};
use serde_json::json;
use std::path::PathBuf;

pub(super) const LABEL: Param = Param::required("label", ParamType::Name(Job::LABEL), "The job's label");
pub(super) const DOMAIN: Param = Param::optional(
    "domain",
    ParamType::Name(Domain::NAME),
    "`system`, `gui/UID` or `user/UID`; without it `system` for root, else `gui/` with the user that runs `runbook`",
);
pub(super) const PLIST: Param = Param::optional(
    "plist",
    ParamType::Path,
    "Its property list; without it /Library/LaunchDaemons/LABEL.plist, for an agent ~/Library/LaunchAgents/LABEL.plist",
);
pub(super) const SETTLE: Param = Param::default(
    "settle",
    ParamType::Duration,
    "1s",
    "How long its process has to stay the same before it counts as up",
);
pub(super) const LEAVE_PROCESSES: Param = Param::default(
    "leave_processes",
    ParamType::Bool,
    "false",
    "Whether processes that it started may stay behind when it ends",
);

pub(super) const OUTPUTS: &[OutputDoc] = &[
    OutputDoc { name: "label", help: "its label, text" },
    OutputDoc { name: "domain", help: "its domain, such as `gui/501`, text" },
    OutputDoc { name: "pid", help: "the number of its process, a number; null if it has none" },
    OutputDoc { name: "service", help: "name, state (`up` or `down`) and pid, a map" },
];

/// What only the whole of the parameters shows to be wrong.
pub(super) fn check(args: &Args<'_>, found: &mut Diagnostics) {
    if let Some(other) = named_otherwise(args) {
        let wanted = format!("given in all steps about this job, or in none: another one says `{other}`");
        found.push(wrong("domain", args.span("domain"), &wanted));
    }
}

/// The job as another step names it, if one of the two names a domain and the other does not: they would not be known
/// for the same job.
fn named_otherwise(args: &Args<'_>) -> Option<String> {
    let Resource::Job(own) = resource(args) else { return None };
    let own = Job::of_title(&own)?;
    let is_other = |title: &&String| {
        Job::of_title(title)
            .is_some_and(|other| other.label == own.label && (**title == own.label) != (own.title() == own.label))
    };
    let jobs = args.context.services.iter().filter_map(|service| match service {
        Resource::Job(title) => Some(title),
        _ => None,
    });
    jobs.into_iter().find(is_other).cloned()
}

pub(super) fn job(args: &Args<'_>) -> Result<Job, Diagnostic> {
    let unknown = || wrong("domain", args.span("domain"), "a domain of launchd");
    let domain =
        args.maybe::<String>("domain")?.map(|domain| Domain::parse(&domain).ok_or_else(unknown)).transpose()?;
    Ok(Job::named(&args.need::<String>("label")?, domain))
}

/// The job as far as it is known before the run; `None` if its name waits for a step.
fn known(args: &Args<'_>) -> Option<Job> {
    let domain = match args.peek::<String>("domain") {
        Peek::Known(domain) => Some(Domain::parse(&domain)?),
        Peek::Absent => None,
        Peek::Later => return None,
    };
    args.peek::<String>("label").known().map(|label| Job::named(&label, domain))
}

/// The job; everything, if its name waits for a step.
pub(super) fn resource(args: &Args<'_>) -> Resource {
    known(args).map_or(Resource::Everything, |job| job.resource())
}

/// Where its property list is or may be.
pub(super) fn plists(args: &Args<'_>) -> Vec<Resource> {
    match (args.path_resource("plist"), known(args)) {
        (Some(named), _) => vec![named],
        (None, Some(job)) => job.plists(&args.context.home).into_iter().map(Resource::Path).collect(),
        (None, None) => vec![Resource::UnknownPath],
    }
}

pub(super) fn plist(args: &Args<'_>) -> Result<Option<PathBuf>, Diagnostic> {
    args.maybe("plist")
}

/// What later steps may know of the job; `None` is one that is not loaded.
pub(super) fn outputs(job: &Job, host: &runbook_host::Reader, state: Option<&JobState>) -> Results {
    let pid = json!(state.and_then(|state| state.pid));
    let domain = json!(job.domain(host).to_string());
    // A job that is loaded and waits for its condition is as up as it should be.
    let service = ServiceState::new(job.title(), state.is_some());
    results::of_service(service, Some(pid.clone()), [("label", json!(job.label)), ("domain", domain), ("pid", pid)])
}
