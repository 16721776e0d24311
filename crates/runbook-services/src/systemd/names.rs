//! The name that systemd has for a unit: an `Alias=` is a link to it, which some commands take for the unit and others do not.

use super::{Load, Unit};
use runbook_host::{Host, Reader};
use runbook_model::Failure;

impl Unit {
    /// The same unit by its own name. A name that leads to no unit stays, unless a step took that alias away.
    pub fn resolved(&self, host: &Reader) -> Result<Self, Failure> {
        if self.is_template() {
            return Ok(self.clone());
        }
        let state = self.state(host)?;
        if state.load == Load::NotFound {
            let kept = host.read_text(&self.own_path(host, "alias"))?.map(|name| self.beside(name.trim()));
            return Ok(kept.filter(|unit| Self::is_name(&unit.name)).unwrap_or_else(|| self.clone()));
        }
        Ok(if state.get("Id").is_empty() { self.clone() } else { self.beside(state.get("Id")) })
    }

    /// Notes that this alias means `unit`, before the alias may go: later steps may still use it.
    pub fn note_alias_of(&self, host: &Host, unit: &Self) -> Result<(), Failure> {
        if self == unit {
            return Ok(());
        }
        host.keep(&self.own_file(host, "alias")?, unit.name.as_bytes())
    }
}
