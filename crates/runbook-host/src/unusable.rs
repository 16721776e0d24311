//! What a way back has to do without: a secret that is not to be had stands in its parameters as a placeholder, and
//! nothing that holds the placeholder leaves this process.

use runbook_model::Failure;

/// Text that stands for something that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// The placeholder.
    pub text: String,
    /// The failure of whatever would use it.
    pub why: Failure,
}
