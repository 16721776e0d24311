//! An edit of a document, and why one cannot be made.

use super::pointer::Pointer;
use runbook_model::Node;

/// One edit.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    /// This value at this place.
    Set(Pointer, Node),
    /// Nothing at this place.
    Remove(Pointer),
}

/// Why a text cannot be edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Fault {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
