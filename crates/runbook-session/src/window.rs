//! The maintenance window of a plan: outside of it nothing is begun and nothing goes forward. The way back is always open.

use crate::error::Error;
use runbook_host::now_ms;
use runbook_model::Plan;
use runbook_step::window::{WindowState, local_time, window_state};

/// Refuses outside the plan's maintenance window.
pub(crate) fn in_window(plan: &Plan) -> Result<(), Error> {
    let Some(window) = &plan.window else { return Ok(()) };
    match window_state(window, now_ms()) {
        Ok(WindowState::Open { .. }) => Ok(()),
        Ok(WindowState::Closed { opens_ms }) => {
            Err(Error::WindowClosed { plan: plan.name.clone(), opens: local_time(window, opens_ms), run: None })
        }
        Err(failure) => Err(Error::WindowUnusable(failure)),
    }
}
