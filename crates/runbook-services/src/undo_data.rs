//! What a step keeps of a service for its undo, as the journal holds it.

use runbook_model::{Failure, ServiceState};
use runbook_step::Prepared;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

/// What `before` says, as undo data.
pub(crate) fn to_json(before: &impl Serialize) -> Result<Json, Failure> {
    serde_json::to_value(before).map_err(|error| Failure::failed(format!("undo data cannot be written: {error}")))
}

/// The same of a step that moves `service`.
pub(crate) fn of_service(before: &impl Serialize, service: ServiceState) -> Result<Prepared, Failure> {
    Ok(Prepared::of(to_json(before)?).moving(service))
}

/// What was written; `None` if the step was not asked to write any.
pub(crate) fn read<T: DeserializeOwned>(undo: &Json) -> Result<Option<T>, Failure> {
    serde_json::from_value(undo.clone()).map_err(|error| Failure::failed(format!("undo data is damaged: {error}")))
}
