//! The explicit table of the kinds of all managers.

use crate::{launchd, process, systemd};
use runbook_step::Kind;

/// The kinds of this crate. Adding one is a file of its own and a line here.
pub const KINDS: &[&dyn Kind] = &[
    &launchd::kinds::BOOTOUT,
    &launchd::kinds::BOOTSTRAP,
    &launchd::kinds::Overrides::DISABLE,
    &launchd::kinds::Overrides::ENABLE,
    &launchd::kinds::KICKSTART,
    &launchd::kinds::PropertyList,
    &process::kinds::RESTART,
    &process::kinds::START,
    &process::kinds::STOP,
    &systemd::kinds::DaemonReload,
    &systemd::kinds::Boot::DISABLE,
    &systemd::kinds::DropIn,
    &systemd::kinds::Boot::ENABLE,
    &systemd::kinds::Reload,
    &systemd::kinds::RESTART,
    &systemd::kinds::START,
    &systemd::kinds::STOP,
    &systemd::kinds::UnitFile,
];
