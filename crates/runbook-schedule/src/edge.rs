//! An edge of the schedule and the reasons that it has.

use runbook_model::{OrderingRule, Resource, Span, StepId};
use std::fmt;

/// Why one step comes before another. The order of the variants is their force, strongest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The later step names the earlier one in `needs`.
    Needs {
        /// The entry of `needs`.
        span: Span,
    },
    /// The later step uses an output of the earlier one.
    Data {
        /// The name of the output.
        output: String,
        /// The value that uses it.
        span: Span,
    },
    /// An ordering rule says so.
    Rule(OrderingRule),
    /// Both use the same resource, and this is their order in the file as far as the stronger reasons leave it.
    FileOrder {
        /// What both use; for paths the outer one of the two.
        resource: Resource,
        /// How they use it.
        hazard: Hazard,
    },
}

/// How two steps conflict about a resource, named as in a processor: what the later one does, after what the earlier did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hazard {
    /// The later step reads what the earlier one writes.
    ReadAfterWrite,
    /// The later step writes what the earlier one reads.
    WriteAfterRead,
    /// Both write it.
    WriteAfterWrite,
}

/// One step before another, with all reasons that were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The step that comes first.
    pub before: StepId,
    /// The step that waits for it.
    pub after: StepId,
    /// Why; strongest first, never empty.
    pub reasons: Vec<Reason>,
}

impl Reason {
    /// Whether the author of the plan wrote this order down: `needs` or data.
    pub fn is_written(&self) -> bool {
        matches!(self, Self::Needs { .. } | Self::Data { .. })
    }

    /// The place in the plan that says so, if one does.
    pub fn span(&self) -> Option<Span> {
        match self {
            Self::Needs { span } | Self::Data { span, .. } => Some(*span),
            Self::Rule(_) | Self::FileOrder { .. } => None,
        }
    }
}

/// A few words that fit on an edge of a drawing: `needs`, `uses prefix`, `backup-before-change`, `both write unit x`.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Needs { .. } => f.write_str("needs"),
            Self::Data { output, .. } => write!(f, "uses {output}"),
            Self::Rule(rule) => write!(f, "{rule}"),
            Self::FileOrder { resource, hazard } => write!(f, "{hazard} {resource}"),
        }
    }
}

impl fmt::Display for Hazard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadAfterWrite => "reads after a write:",
            Self::WriteAfterRead => "writes after a read:",
            Self::WriteAfterWrite => "both write:",
        })
    }
}
