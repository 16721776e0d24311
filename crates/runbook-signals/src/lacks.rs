//! What keeps signals from being read at all, as far as the host tells before anything changes.

use super::signal::{Signal, Source};
use runbook_host::Reader;
use runbook_model::{Failure, SignalRole};
use runbook_services::AnyService;
use runbook_step::Lack;
use runbook_step::lack::{of_command, of_parent};
use std::path::Path;

/// A signal that decides cannot be green where its program, its unit or the directory of its log is not there; of any
/// other that is only told.
pub(super) fn lacks(host: &Reader, signals: &[Signal], subject: Option<&AnyService>, log: Option<&Path>) -> Vec<Lack> {
    let of = |signal: &Signal| {
        let lacks = match (&signal.source, subject) {
            (Some(Source::Command { command, .. }), _) => of_command(host, command),
            (Some(Source::Service(service)), _) => service.absent(host).into_iter().collect(),
            (Some(source), Some(service)) if source.is_log() && log.is_none() => {
                service.absent(host).into_iter().collect()
            }
            (Some(source), _) if source.is_log() => {
                log.and_then(|log| of_parent_alone(host, log)).into_iter().collect()
            }
            _ => Vec::new(),
        };
        let named = |lack: Lack| Lack {
            failure: Failure { message: format!("signal `{}`: {}", signal.name, lack.failure.message), ..lack.failure },
            decides: signal.role == SignalRole::Blocking,
            ..lack
        };
        lacks.into_iter().map(named).collect::<Vec<_>>()
    };
    signals.iter().flat_map(of).collect()
}

/// The log need not be writable by the user that reads it.
fn of_parent_alone(host: &Reader, log: &Path) -> Option<Lack> {
    let is_dir =
        log.parent().is_some_and(|parent| host.stat(parent).is_ok_and(|dir| dir.is_some_and(|dir| dir.is_dir())));
    if is_dir { None } else { of_parent(host, log) }
}
