//! What a step about a service hands on.

use runbook_model::{Outputs, Results, ServiceState};
use serde_json::Value as Json;

/// `outputs` of a step after which `service` is as it says. Plans know it as the output `service`; `pid` is the number of its
/// process, where the kind tells one.
pub(crate) fn of_service<const N: usize>(
    service: ServiceState,
    pid: Option<Json>,
    outputs: [(&str, Json); N],
) -> Results {
    let mut told = service.output();
    if let Some(pid) = pid {
        told["pid"] = pid;
    }
    let outputs = outputs.into_iter().chain([("service", told)]);
    let outputs: Outputs = outputs.map(|(name, value)| (name.to_owned(), value)).collect();
    Results { service: Some(service), ..outputs.into() }
}
