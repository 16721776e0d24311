//! Being told that a later controller of the same work acts: said by an agent, and known again by the controller that hears it.

use runbook_session::{CommandError, Exit};

const TAKEN_OVER: &str = "another controller has taken over what ";

/// What the older controller of a work of `operator` is told; `by` is the number of the later link.
pub fn superseded(operator: &str, by: Option<u64>) -> CommandError {
    let by = by.map_or_else(String::new, |by| format!(", as number {by}"));
    CommandError::new(Exit::Held, format!("{TAKEN_OVER}{operator} began{by}: this one may act no more"))
        .hint("see there how it stands")
}

/// Whether that is what was said.
pub fn is_superseded(error: &CommandError) -> bool {
    error.exit == Exit::Held && error.message.starts_with(TAKEN_OVER)
}
