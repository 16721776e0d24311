//! A host for what a person does outside of any run: nothing is cancelled, and nothing is noted of what runs.

use crate::{Canceller, Host, HostBuilder, Reader};
use runbook_model::Failure;
use std::path::PathBuf;

impl Host {
    /// Does `act` on the host that `reader` reads. `own_program` is this binary, which supervises services.
    pub fn by_hand<T, E: From<Failure>>(
        reader: Reader,
        own_program: PathBuf,
        act: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| Failure::failed(format!("no thread can be started: {error}")))?;
        let (_canceller, cancel) = Canceller::new();
        act(&HostBuilder::new(reader, runtime.handle().clone(), cancel, own_program).build())
    }
}
