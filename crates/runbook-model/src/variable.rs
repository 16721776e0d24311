//! The variables of a plan: their types, the layers that give them values, and the sources of secrets.

use crate::{Node, Span, words};
use serde::{Deserialize, Serialize};

words! {
    /// The type of a variable.
    VarType {
        /// Text.
        String = "string",
        /// A whole number.
        Int = "int",
        /// `true` or `false`.
        Bool = "bool",
        /// A path; `~` is the home directory, relative ones start at the plan's directory.
        Path = "path",
        /// `90s`, `5m`, `7d`.
        Duration = "duration",
        /// Semver or a date version.
        Version = "version",
        /// Fetched late and never written down.
        Secret = "secret",
        /// A list of scalars.
        List = "list",
    }
}

/// A variable as declared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VarDecl {
    /// Its name.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// Its type.
    pub ty: VarType,
    /// Its default.
    pub default: Option<Node>,
    /// Where a secret comes from.
    pub from: Option<SecretSource>,
    /// What it is for.
    pub help: Option<String>,
}

/// Where a secret is fetched when it is needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretSource {
    /// What holds it.
    #[serde(flatten)]
    pub from: SecretFrom,
    /// Where that is; left out where it is the host, as plans of before have it.
    #[serde(default, skip_serializing_if = "SecretSide::is_host")]
    pub on: SecretSide,
}

words! {
    /// Where a secret is looked for.
    #[derive(Default)]
    SecretSide {
        /// On the host that the plan changes.
        #[default]
        Host = "host",
        /// Where the run was asked for, which on a local run is the host itself.
        Controller = "controller",
    }
}

impl SecretSide {
    /// Whether it is the host.
    pub fn is_host(&self) -> bool {
        *self == Self::Host
    }
}

/// What holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretFrom {
    /// An environment variable of `runbook` itself.
    Env(String),
    /// The content of a file without its last line end.
    File(String),
    /// The standard output of a command without its last line end.
    Command(Vec<String>),
}

/// The layer that a value came from; later ones win.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// `default:` in the plan.
    PlanDefault,
    /// `environments/<name>.yaml`.
    Environment,
    /// The stage of a rollout.
    Stage,
    /// The host's entry in the inventory.
    Inventory,
    /// `--var name=value`.
    CommandLine,
}

/// A variable with the value that won.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resolved {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: VarType,
    /// The value; `None` for a secret, and in a plan with errors for one that nobody gave.
    pub value: Option<Node>,
    /// Where a secret comes from.
    pub secret: Option<SecretSource>,
    /// The layer that won.
    pub layer: Layer,
    /// Where the value stands.
    pub span: Span,
}
