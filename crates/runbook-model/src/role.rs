//! The parts that steps play: rules, refusals and reports ask for them, and never for the name of a kind.

use crate::{Resource, SignalKind, StepId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The part that a step plays for the ordering rules, the refusals and the reports.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Reads what is there before anything changes.
    Inspect,
    /// Makes a local copy of these resources.
    Backup(Vec<Resource>),
    /// Brings this service down (a [`Resource::Unit`], [`Resource::Job`] or [`Resource::Process`]).
    Stop(Resource),
    /// Brings this service up.
    Start(Resource),
    /// Brings this service down and up again.
    Restart(Resource),
    /// Makes ready, beside what a service executes, what will take its place.
    Prepare,
    /// Replaces a program, package or plugin: what a service executes.
    Replace,
    /// Clears a cache of compiled program text.
    ClearCache,
    /// Makes this port free.
    FreePort(u16),
    /// Judges evidence: the kinds of its blocking signals.
    Verify(Vec<SignalKind>),
    /// Packs what was verified, for other hosts.
    Promote,
    /// Holds the plan until something outside agrees.
    Gate,
    /// Waits for the word of a person, and for nothing else.
    Approve,
    /// Reads what is installed, or how the host is, so that a person knows what was there before.
    Inventory,
    /// Keeps what the host answered, by the names that the plan has for the answers.
    Capture(Vec<String>),
    /// Installs a program, or another version of it.
    Install,
    /// Installs what a program loads beside itself: dependencies, plugins, modules.
    Dependencies,
    /// Makes a service read its files anew, and does not end it: not what people call a restart.
    Reload,
    /// Reads these signals, each from such a source.
    Signals(BTreeMap<String, SignalSource>),
}

impl Role {
    /// Whether it makes a backup.
    pub fn is_backup(&self) -> bool {
        matches!(self, Self::Backup(_))
    }

    /// Whether it judges evidence.
    pub fn verifies(&self) -> bool {
        matches!(self, Self::Verify(_))
    }

    /// The service that it brings up.
    pub fn starts(&self) -> Option<&Resource> {
        match self {
            Self::Start(service) | Self::Restart(service) => Some(service),
            _ => None,
        }
    }

    /// The service that it brings up or down.
    pub fn moves(&self) -> Option<&Resource> {
        if let Self::Stop(service) = self { Some(service) } else { self.starts() }
    }

    /// Whether only reports ask for it: no rule places a step by it.
    pub fn is_for_reports(&self) -> bool {
        match self {
            Self::Inventory
            | Self::Capture(_)
            | Self::Install
            | Self::Dependencies
            | Self::Reload
            | Self::Signals(_) => true,
            Self::Stop(_)
            | Self::Start(_)
            | Self::Restart(_)
            | Self::Prepare
            | Self::Replace
            | Self::ClearCache
            | Self::FreePort(_)
            | Self::Inspect
            | Self::Backup(_)
            | Self::Verify(_)
            | Self::Promote
            | Self::Gate
            | Self::Approve => false,
        }
    }
}

/// Where a signal is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignalSource {
    /// The service itself, as its manager, its process or its port shows it.
    Service,
    /// What a command or an address answers.
    Answer,
    /// What the service wrote.
    Log,
}

/// The parts that the steps of a plan play, kept with a run for its reports. A step that plays none is not in it.
pub type Roles = BTreeMap<StepId, Vec<Role>>;
