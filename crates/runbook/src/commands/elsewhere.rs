//! A command on the host that it is for: this one, or one of an inventory, over ssh.

use super::forks::ask_each;
use super::reaching::{Named, Reaching, typed};
use super::{HostCommand, Loader};
use crate::at::{At, On, Reading};
use crate::cli::{Format, RetireArgs};
use crate::door::AnyDoor;
use crate::paper::Paper;
use crate::screen::Screen;
use clap::Args;
use runbook_model::{Caller, InventoryHost, SourceMap};
use runbook_plan::LayerVars;
use runbook_session::{CommandError, Elsewhere, Exit, Session};
use std::path::Path;

impl<T: Args + HostCommand> On<T> {
    /// Does it there, on one host after the other.
    pub(crate) fn run(
        &self,
        screen: &Screen,
        session: &Session,
        state_dir: Option<&Path>,
    ) -> Result<Exit, CommandError> {
        let Self { at, args } = self;
        somewhere(at, args, (screen, session, state_dir), |there, hosts| {
            let mut worst = Exit::Done;
            for (nth, host) in hosts.iter().enumerate() {
                let exit = there.one_of(screen, host, hosts.len(), Paper::default())?;
                worst = worst.worse(exit);
                let untouched: Vec<&str> = hosts.iter().skip(nth + 1).map(|host| host.name.as_str()).collect();
                if args.acts() && exit != Exit::Done && !untouched.is_empty() {
                    screen.complain(&format!("nothing was done on {}", untouched.join(", ")));
                    break;
                }
            }
            Ok(worst)
        })
    }
}

impl<T: Args + HostCommand + Sync> Reading<T> {
    /// Reads there, on several hosts at the same time.
    pub(crate) fn run(
        &self,
        screen: &Screen,
        session: &Session,
        state_dir: Option<&Path>,
    ) -> Result<Exit, CommandError> {
        let Self { at, forks, args } = self;
        somewhere(at, args, (screen, session, state_dir), |there, hosts| {
            let mut worst = Exit::Done;
            let ask = |host: &&InventoryHost| {
                let paper = Paper::kept();
                (there.one_of(screen, host, hosts.len(), paper.clone()), paper)
            };
            let show = |_: &&InventoryHost, (exit, paper): (Result<Exit, CommandError>, Paper)| {
                paper.show()?;
                worst = worst.worse(exit?);
                Ok(())
            };
            ask_each(hosts, *forks, ask, show)?;
            Ok(worst)
        })
    }
}

/// Does it here, on the host that is named, or on `many`.
fn somewhere<T: HostCommand>(
    at: &At,
    args: &T,
    (screen, session, state_dir): (&Screen, &Session, Option<&Path>),
    many: impl FnOnce(&There<'_, T>, &[&InventoryHost]) -> Result<Exit, CommandError>,
) -> Result<Exit, CommandError> {
    if at.host.is_none() && at.hosts.is_none() {
        return args.run(screen, &Loader::here(session), &mut AnyDoor::Here(session.clone()));
    }
    let named = Named::read(screen, at.inventory.as_deref())?;
    let reaching = at.reaching(session, state_dir)?;
    let there = There { at, args, session, state_dir, reaching, sources: &named.sources };
    match &at.host {
        Some(name) => there.run(screen, named.host(name)?),
        None => many(&there, &at.select(screen, &named)?),
    }
}

/// What is done on other hosts.
struct There<'a, T> {
    at: &'a At,
    args: &'a T,
    session: &'a Session,
    state_dir: Option<&'a Path>,
    reaching: Reaching,
    sources: &'a SourceMap,
}

impl<T: HostCommand> There<'_, T> {
    /// Does it on one host of `count`, says what went wrong there, and gives how it ended.
    fn one_of(&self, screen: &Screen, host: &InventoryHost, count: usize, paper: Paper) -> Result<Exit, CommandError> {
        let name = host.name.as_str();
        let screen = screen.of_host(name, paper);
        if count > 1 {
            screen.heading(name)?;
        }
        Ok(self.run(&screen, host).unwrap_or_else(|error| {
            screen.fail(&error);
            error.exit
        }))
    }

    fn run(&self, screen: &Screen, host: &InventoryHost) -> Result<Exit, CommandError> {
        let name = host.name.as_str();
        self.at.calling(screen, self.state_dir, name, |screen| {
            let afar = self.reaching.reach(screen, host)?;
            let elsewhere = Elsewhere {
                facts: afar.facts().clone(),
                layers: vec![LayerVars::of_host(host)],
                sources: self.sources.clone(),
            };
            let loader = Loader::elsewhere(self.session, name, elsewhere);
            self.args.run(screen, &loader, &mut AnyDoor::Afar(Box::new(afar)))
        })
    }
}

impl At {
    /// The hosts of the inventory that the selector means.
    fn select<'n>(&self, screen: &Screen, named: &'n Named) -> Result<Vec<&'n InventoryHost>, CommandError> {
        let hosts = named.select(self.hosts.as_deref().unwrap_or_default())?;
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
