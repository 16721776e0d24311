//! What can be seen of a unit.

use super::{Load, Unit, UnitState};
use crate::observed::{Beside, Holders, Observed, Sight};
use crate::target_service::TargetService;
use runbook_host::Reader;
use runbook_model::{Failure, Resource};
use runbook_step::Lack;

impl Observed for Unit {
    fn resource(&self) -> Resource {
        Resource::Unit(self.title())
    }

    fn target(&self) -> Option<&dyn TargetService> {
        Some(self)
    }

    fn up_word(&self) -> &'static str {
        "active"
    }

    fn sight(&self, host: &Reader) -> Result<Sight, Failure> {
        let state = self.state(host)?;
        let (words, restarts) = (words(&state), Some(state.restarts));
        if !state.is_active() {
            return Ok(Sight { is_up: false, words, process: None, restarts });
        }
        let process = state.main_pid.map(|pid| host.process(pid)).transpose()?.flatten();
        let process = process.map(|process| process.identity);
        let words = process.as_ref().map_or(words.clone(), |process| format!("{words}, {process}"));
        Ok(Sight { is_up: true, words, process, restarts })
    }

    /// Those in its control group.
    fn holders(&self, host: &Reader) -> Result<Holders, Failure> {
        let state = self.state(host)?;
        let own = host.processes_in_group(&state.control_group)?;
        Ok(Holders {
            own: own.into_iter().map(|process| process.identity).collect(),
            beside: Beside::Manager(host.processes_in_group(&self.manager_group(&state.control_group))?),
            otherwise: if state.is_up() { String::new() } else { format!("; {self} is {}", words(&state)) },
        })
    }

    fn absent(&self, host: &Reader) -> Option<Lack> {
        let failure = match self.state(host) {
            Err(failure) => failure,
            Ok(state) if state.load == Load::NotFound => {
                Failure::missing(format!("there is no unit {self} on this host")).hint(self.correct_the_name())
            }
            Ok(_) => return None,
        };
        Some(Lack::new(failure, self.definitions(host.home())).of_installed())
    }
}

impl Unit {
    /// Where the user's service manager runs, beside the units that it runs; that of the system is process 1.
    fn manager_group(&self, control_group: &str) -> String {
        let above = control_group.split_inclusive(".service/").next().filter(|_| self.user);
        above.map(|above| format!("{above}init.scope")).unwrap_or_default()
    }
}

/// `active (running), restarted by systemd 2 times`.
fn words(state: &UnitState) -> String {
    let is = match state.load {
        Load::NotFound => return "there is no such unit".to_owned(),
        Load::Masked => "masked".to_owned(),
        // Why it failed says more than that it did.
        _ if state.active == "failed" => format!("failed ({})", state.result),
        _ => format!("{} ({})", state.active, state.sub),
    };
    match state.restarts {
        0 => is,
        1 => format!("{is}, restarted by systemd once"),
        times => format!("{is}, restarted by systemd {times} times"),
    }
}
