//! What a kind says about a step before it runs: all that scheduling and the refusals may know of it.

use crate::{Effect, Resource, SignalKind, StepId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Whether a step is why a plan is run, or serves the steps that are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Its change is the purpose of the plan.
    Principal,
    /// It runs only if a principal step before or after it has something to change: backups, stops, starts,
    /// verifications, gates, waits.
    Attendant,
    /// It only reads; it runs whenever somebody needs its outputs.
    Inspection,
}

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
    /// Replaces a program, package or plugin: what a service executes.
    Replace,
    /// Clears a cache of compiled program text.
    ClearCache,
    /// Makes this port free.
    FreePort(u16),
    /// Judges evidence: the kinds of its blocking signals.
    Verify(Vec<SignalKind>),
    /// Moves a verified artifact to other hosts.
    Promote,
    /// Holds the plan until something outside agrees.
    Gate,
    /// Waits for the word of a person, and for nothing else.
    Approve,
    /// Reads what is installed, or how the host is, for whoever wants to know what was there before.
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

/// Where the way back of a step comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UndoSource {
    /// It changes nothing that would have to be undone.
    NotNeeded,
    /// It captures what it replaces before it acts.
    Own,
    /// A `backup.create` of the plan must cover every path that it writes.
    Backup,
    /// A command that the plan names; the argument vector, for the rule that undo needs no network.
    Command(Vec<String>),
    /// It has none of its own: refused unless a backup covers every path that it writes.
    None,
}

/// What one step does, as far as it is known before it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declaration {
    /// Why it is in the plan.
    pub purpose: Purpose,
    /// What it reads and writes.
    pub effects: Vec<Effect>,
    /// The parts that it plays.
    pub roles: Vec<Role>,
    /// Where its undo comes from.
    pub undo: UndoSource,
    /// Argument vectors that it would execute, for the rules about commands.
    pub commands: Vec<Vec<String>>,
    /// A version that it would install, as written, for the rule `exact-version`; `None` where the kind installs none.
    pub version: Option<String>,
    /// Set when it changes an installation without saying which: the reason, for the rule `exact-target`.
    pub vague_target: Option<String>,
}

impl Declaration {
    /// A step that only reads.
    pub fn inspection() -> Self {
        Self::of(Purpose::Inspection, UndoSource::NotNeeded)
    }

    /// A step that serves others and needs no undo.
    pub fn attendant() -> Self {
        Self::of(Purpose::Attendant, UndoSource::NotNeeded)
    }

    /// A step whose change is the purpose of the plan.
    pub fn principal(undo: UndoSource) -> Self {
        Self::of(Purpose::Principal, undo)
    }

    fn of(purpose: Purpose, undo: UndoSource) -> Self {
        Self {
            purpose,
            undo,
            effects: Vec::new(),
            roles: Vec::new(),
            commands: Vec::new(),
            version: None,
            vague_target: None,
        }
    }

    /// The same with one more read.
    #[must_use]
    pub fn reads(mut self, resource: Resource) -> Self {
        self.effects.push(Effect::read(resource));
        self
    }

    /// The same with one more write.
    #[must_use]
    pub fn writes(mut self, resource: Resource) -> Self {
        self.effects.push(Effect::write(resource));
        self
    }

    /// The same with one more part to play.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.roles.push(role);
        self
    }

    /// Whether it changes the host.
    pub fn changes(&self) -> bool {
        self.effects.iter().any(|effect| effect.access == crate::Access::Write)
    }

    /// The services that it brings up.
    pub fn starts(&self) -> impl Iterator<Item = &Resource> {
        self.roles.iter().filter_map(|role| match role {
            Role::Start(service) | Role::Restart(service) => Some(service),
            _ => None,
        })
    }
}
