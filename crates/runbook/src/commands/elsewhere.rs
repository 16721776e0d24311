//! A command on the host that it is for: this one, or one of an inventory, over ssh.

use super::reaching::{Named, Reaching, typed};
use super::{HostCommand, Loader};
use crate::at::{At, On};
use crate::cli::{Format, RetireArgs};
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
        let names = match (&self.at.host, &self.at.hosts) {
            (None, None) => return self.args.run(screen, &Loader::here(session), &mut session.clone()),
            (Some(name), _) => std::slice::from_ref(name),
            (None, Some(selector)) => &self.at.select(screen, selector)?,
        };
        let reaching = self.at.reaching(session, state_dir)?;
        if let [name] = names {
            return self.there(screen, session, state_dir, &reaching, name);
        }
        let mut worst = Exit::Done;
        for (nth, name) in names.iter().enumerate() {
            screen.heading(name)?;
            let exit = self.there(screen, session, state_dir, &reaching, name).unwrap_or_else(|error| {
                screen.fail(&error);
                error.exit
            });
            worst = worst.worse(exit);
            let untouched = names.get(nth + 1..).unwrap_or_default();
            if self.args.acts() && exit != Exit::Done && !untouched.is_empty() {
                screen.complain(&format!("nothing was done on {}", untouched.join(", ")));
                break;
            }
        }
        Ok(worst)
    }

    fn there(
        &self,
        screen: &Screen,
        session: &Session,
        state_dir: Option<&Path>,
        reaching: &Reaching,
        name: &str,
    ) -> Result<Exit, CommandError> {
        self.at.calling(screen, state_dir, name, |screen| {
            let named = Named::read(screen, self.at.inventory.as_deref())?;
            let host = named.host(name)?;
            let mut afar = reaching.reach(screen, host)?;
            let layer = LayerVars { layer: Layer::Inventory, vars: host.vars.clone(), shared: host.shared_vars };
            let elsewhere =
                Elsewhere { facts: afar.facts().clone(), layers: vec![layer], sources: named.sources.clone() };
            self.args.run(screen, &Loader::elsewhere(session, name, elsewhere), &mut afar)
        })
    }
}

impl At {
    /// The names of the hosts that a selector means.
    fn select(&self, screen: &Screen, selector: &str) -> Result<Vec<String>, CommandError> {
        let named = Named::read(screen, self.inventory.as_deref())?;
        let names: Vec<String> = named.select(selector)?.into_iter().map(|host| host.name.to_string()).collect();
        if screen.format == Format::Json && names.len() > 1 {
            let what = "one JSON document is about one host";
            return Err(CommandError::refused(what).hint("give --format ndjson, or --host NAME"));
        }
        Ok(names)
    }

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
    let at = At { host: None, hosts: None, inventory: args.inventory.clone(), agent: args.agent.clone() };
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
