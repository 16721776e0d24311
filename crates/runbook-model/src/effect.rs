//! What a step reads and writes. Order and refusals follow from it.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// A thing of the host that steps can conflict about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// A file or a directory with all below it; absolute. Two paths conflict when one contains the other.
    Path(PathBuf),
    /// A path that is known only when a step ran: conflicts with every path.
    UnknownPath,
    /// A service of the init system.
    Unit(String),
    /// A job of launchd: its label, or `DOMAIN/LABEL` where the plan names the domain.
    Job(String),
    /// A service under the embedded supervisor.
    Process(String),
    /// A TCP port of this host.
    Port(u16),
    /// A package of a package manager: `npm:openclaw`.
    Package(String),
    /// Everything: conflicts with every resource. A command that declares nothing writes this.
    Everything,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::UnknownPath => write!(f, "a path that is known only when the plan runs"),
            Self::Unit(name) => write!(f, "unit {name}"),
            Self::Job(name) => write!(f, "job {name}"),
            Self::Process(name) => write!(f, "process {name}"),
            Self::Port(port) => write!(f, "port {port}"),
            Self::Package(name) => write!(f, "package {name}"),
            Self::Everything => write!(f, "everything"),
        }
    }
}

/// Whether a resource is read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Read only.
    Read,
    /// Changed, created or removed.
    Write,
}

/// One access to one resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Effect {
    /// Read or write.
    pub access: Access,
    /// The thing.
    pub resource: Resource,
}

impl Effect {
    /// Reading `resource`.
    pub fn read(resource: Resource) -> Self {
        Self { access: Access::Read, resource }
    }

    /// Writing `resource`.
    pub fn write(resource: Resource) -> Self {
        Self { access: Access::Write, resource }
    }

    /// The resource, if it is written.
    pub fn written(&self) -> Option<&Resource> {
        (self.access == Access::Write).then_some(&self.resource)
    }

    /// The path, if one is written that is known.
    pub fn written_path(&self) -> Option<&PathBuf> {
        if let Some(Resource::Path(path)) = self.written() { Some(path) } else { None }
    }
}
