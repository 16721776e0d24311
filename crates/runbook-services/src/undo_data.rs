//! What is kept of a service as JSON: for the undo of a step, as the journal holds it, and in files of the state directory.

use runbook_host::{Host, Reader};
use runbook_model::{Failure, ServiceState};
use runbook_step::Prepared;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use std::path::Path;

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

/// Keeps `value` in a file of `runbook`'s own.
pub(crate) fn keep(host: &Host, path: &Path, value: &impl Serialize) -> Result<(), Failure> {
    let bytes = serde_json::to_vec(value)
        .map_err(|error| Failure::failed(format!("{} cannot be written: {error}", path.display())))?;
    host.keep(path, &bytes)
}

/// What was kept there; `None` also if it is not whole: what was never kept whole is nothing.
pub(crate) fn kept<T: DeserializeOwned>(host: &Reader, path: &Path) -> Result<Option<T>, Failure> {
    Ok(host.read(path)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}
