//! A command on the host that it is for: this one, or one of an inventory, over ssh.

use super::reaching::{Named, Reaching, typed};
use super::{HostCommand, Loader};
use crate::at::{At, On};
use crate::cli::{Format, RetireArgs};
use crate::screen::Screen;
use clap::Args;
use runbook_model::{Caller, InventoryHost, SourceMap};
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
        if self.at.host.is_none() && self.at.hosts.is_none() {
            return self.args.run(screen, &Loader::here(session), &mut session.clone());
        }
        let named = Named::read(screen, self.at.inventory.as_deref())?;
        let hosts = self.at.select(screen, &named)?;
        let reaching = self.at.reaching(session, state_dir)?;
        let there = |host| self.there(screen, session, state_dir, (&reaching, &named.sources), host);
        if let [host] = hosts.as_slice() {
            return there(host);
        }
        let mut worst = Exit::Done;
        for (nth, host) in hosts.iter().enumerate() {
            screen.heading(host.name.as_str())?;
            let exit = there(host).unwrap_or_else(|error| {
                screen.fail(&error);
                error.exit
            });
            worst = worst.worse(exit);
            let untouched: Vec<&str> = hosts.iter().skip(nth + 1).map(|host| host.name.as_str()).collect();
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
        (reaching, sources): (&Reaching, &SourceMap),
        host: &InventoryHost,
    ) -> Result<Exit, CommandError> {
        let name = host.name.as_str();
        self.at.calling(screen, state_dir, name, |screen| {
            let mut afar = reaching.reach(screen, host)?;
            let elsewhere = Elsewhere {
                facts: afar.facts().clone(),
                layers: vec![LayerVars::of_host(host)],
                sources: sources.clone(),
            };
            self.args.run(screen, &Loader::elsewhere(session, name, elsewhere), &mut afar)
        })
    }
}

impl At {
    /// The hosts of the inventory that these flags mean.
    fn select<'n>(&self, screen: &Screen, named: &'n Named) -> Result<Vec<&'n InventoryHost>, CommandError> {
        let hosts = match (&self.host, &self.hosts) {
            (Some(name), _) => vec![named.host(name)?],
            (None, selector) => named.select(selector.as_deref().unwrap_or_default())?,
        };
        if screen.format == Format::Json && hosts.len() > 1 {
            let what = "one JSON document is about one host";
            return Err(CommandError::refused(what).hint("give --format ndjson, or --host NAME"));
        }
        Ok(hosts)
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
        // Where an error is shown, the host is not known.
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
