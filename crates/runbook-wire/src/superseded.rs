//! What the older of two controllers of one work is told.

use runbook_session::{CommandError, Exit};

/// A later controller of the same work of `operator` acts; `by` is the number of its link.
pub fn superseded(operator: &str, by: Option<u64>) -> CommandError {
    let by = by.map_or_else(String::new, |by| format!(", as number {by}"));
    let message = format!("another controller has taken over what {operator} began{by}: this one may act no more");
    CommandError { superseded: true, ..CommandError::new(Exit::Held, message).hint("see there how it stands") }
}
