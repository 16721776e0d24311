//! A command on the host that it is for: this one, or one of an inventory, over ssh.

use super::reaching::{Named, typed};
use super::{HostCommand, Loader};
use crate::at::{At, On};
use crate::cli::RetireArgs;
use crate::screen::Screen;
use clap::Args;
use runbook_model::{Caller, Layer};
use runbook_plan::LayerVars;
use runbook_session::{CommandError, Elsewhere, Exit, Session};
use std::path::Path;

impl<T: Args + HostCommand> On<T> {
    /// Does it there.
    pub(crate) fn run(
        &self,
        screen: &Screen,
        session: &Session,
        state_dir: Option<&Path>,
    ) -> Result<Exit, CommandError> {
        let Some(name) = &self.at.host else {
            return self.args.run(screen, &Loader::here(session), &mut session.clone());
        };
        self.at.calling(screen, state_dir, name, |screen| {
            let named = Named::read(screen, self.at.inventory.as_deref())?;
            let host = named.host(name)?;
            let mut afar = self.at.reaching(session, state_dir)?.reach(screen, host)?;
            let layer = LayerVars { layer: Layer::Inventory, vars: host.vars.clone(), shared: host.shared_vars };
            let elsewhere =
                Elsewhere { facts: afar.facts().clone(), layers: vec![layer], sources: named.sources.clone() };
            self.args.run(screen, &Loader::elsewhere(session, name, elsewhere), &mut afar)
        })
    }
}

impl At {
    /// Does something on a host, with a screen that names commands for that host.
    pub(super) fn calling(
        &self,
        screen: &Screen,
        state_dir: Option<&Path>,
        host: &str,
        what: impl FnOnce(&Screen) -> Result<Exit, CommandError>,
    ) -> Result<Exit, CommandError> {
        let caller = typed(state_dir).map_or_else(Caller::default, Caller::naming);
        let screen = screen.calling(caller.on(host, self.inventory.as_deref()));
        // Whoever shows an error does not know the host.
        what(&screen).map_err(|error| error.spelled(screen.caller()))
    }
}

/// Removes the agent from a host.
pub(super) fn retire(
    screen: &Screen,
    session: &Session,
    state_dir: Option<&Path>,
    args: &RetireArgs,
) -> Result<Exit, CommandError> {
    let name = &args.host;
    let at = At { host: None, inventory: args.inventory.clone(), agent: args.agent.clone() };
    at.calling(screen, state_dir, name, |screen| {
        let named = Named::read(screen, at.inventory.as_deref())?;
        let left = at.reaching(session, state_dir)?.reach(screen, named.host(name)?)?.retire()?;
        screen.conclude(&match left.as_slice() {
            [] => format!("nothing of runbook is left on {name}"),
            left => format!("the agent is gone from {name}; what its runs need is in {}", left.join(", ")),
        })?;
        Ok(Exit::Done)
    })
}
