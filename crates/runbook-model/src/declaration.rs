//! What a kind says about a step before it runs: all that scheduling and the refusals may know of it.

use crate::{Effect, Resource, Role};
use serde::{Deserialize, Serialize};

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

    /// The same with these reads as well.
    #[must_use]
    pub fn reading(self, resources: impl IntoIterator<Item = Resource>) -> Self {
        resources.into_iter().fold(self, Self::reads)
    }

    /// The same with these writes as well.
    #[must_use]
    pub fn writing(self, resources: impl IntoIterator<Item = Resource>) -> Self {
        resources.into_iter().fold(self, Self::writes)
    }

    /// The same with one more part to play.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.roles.push(role);
        self
    }

    /// Whether it plays such a part.
    pub fn plays(&self, part: impl Fn(&Role) -> bool) -> bool {
        self.roles.iter().any(part)
    }

    /// Whether it changes the host.
    pub fn changes(&self) -> bool {
        self.written().next().is_some()
    }

    /// What it writes.
    pub fn written(&self) -> impl Iterator<Item = &Resource> {
        self.effects.iter().filter_map(Effect::written)
    }

    /// The services that it brings up.
    pub fn starts(&self) -> impl Iterator<Item = &Resource> {
        self.roles.iter().filter_map(Role::starts)
    }
}
