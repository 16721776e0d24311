//! A command on the host that it is for: this one, or one of an inventory, over ssh.

use super::{HostCommand, Loader};
use crate::at::{At, On};
use crate::screen::Screen;
use clap::Args;
use runbook_fleet::ssh::{AgentProgram, Ssh, Unreachable};
use runbook_fleet::{Afar, Call, FILE, Stream, find_inventory, read_inventory};
use runbook_model::{Caller, InventoryHost, Layer, SourceMap};
use runbook_plan::LayerVars;
use runbook_session::{CommandError, Elsewhere, Exit, Session};
use std::path::{Path, PathBuf};

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
        let state_dir = typed(state_dir);
        let caller = state_dir.map_or_else(Caller::default, Caller::naming);
        let screen = &screen.calling(caller.on(name, self.at.inventory.as_deref()));
        // Hints name commands for that host, whoever shows them.
        self.afar(screen, session, state_dir, name).map_err(|error| error.spelled(screen.caller()))
    }

    fn afar(
        &self,
        screen: &Screen,
        session: &Session,
        state_dir: Option<&Path>,
        name: &str,
    ) -> Result<Exit, CommandError> {
        let (host, sources) = self.at.find(screen, name)?;
        let mut afar = Afar::reach(self.at.call(screen, session, &host, state_dir)?)?;
        let layer = LayerVars { layer: Layer::Inventory, vars: host.vars.clone(), shared: host.shared_vars };
        let elsewhere = Elsewhere { facts: afar.facts().clone(), layers: vec![layer], sources };
        self.args.run(screen, &Loader::elsewhere(session, name, elsewhere), &mut afar)
    }
}

impl At {
    /// What the inventory says of the host.
    fn find(&self, screen: &Screen, name: &str) -> Result<(InventoryHost, SourceMap), CommandError> {
        let loaded = read_inventory(&inventory(self.inventory.as_deref())?)
            .map_err(|error| CommandError::refused(error.to_string()))?;
        let Some(inventory) = loaded.inventory else {
            let found = Some(Box::new((loaded.diagnostics, loaded.sources)));
            return Err(CommandError { found, ..CommandError::refused("the inventory cannot be used") });
        };
        screen.diagnostics_beside(&loaded.diagnostics, &loaded.sources)?;
        let host = inventory.host(name).cloned().ok_or_else(|| {
            let near = runbook_model::did_you_mean(name, inventory.hosts.iter().map(|host| host.name.as_str()));
            let hint = near.map_or("`runbook hosts` lists them".to_owned(), |near| format!("did you mean `{near}`?"));
            CommandError::refused(format!("there is no host `{name}` in the inventory")).hint(hint)
        })?;
        Ok((host, loaded.sources))
    }

    fn call(
        &self,
        screen: &Screen,
        session: &Session,
        host: &InventoryHost,
        state_dir: Option<&Path>,
    ) -> Result<Call, CommandError> {
        let agent = self.agent.as_deref().map_or_else(AgentProgram::own, AgentProgram::read);
        let agent =
            agent.map_err(|error| CommandError::refused(format!("the agent's program cannot be read: {error}")))?;
        let ssh = match state_dir {
            Some(dir) => Ssh::new(agent).with_state_dir(&dir.to_string_lossy()),
            None => Ssh::new(agent),
        };
        let (to, operator) = (host.clone(), session.facts().user);
        let dial = move || {
            let connection = ssh.connect(&to).map_err(unreachable)?;
            Ok(Stream { reader: connection.reader, writer: connection.writer, carrier: Box::new(connection.link) })
        };
        let drawn = getrandom::u64().map_err(std::io::Error::from)?;
        let (note, taking) = (screen.notes(), session.clone());
        Ok(Call {
            host: host.name.to_string(),
            dial: Box::new(dial),
            work: format!("{operator}-{}-{drawn:016x}", std::process::id()),
            operator,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            epoch: 1,
            max_clock_skew: host.max_clock_skew,
            secrets: Box::new(move |plan, name| taking.take_secret(plan, name)),
            note: Box::new(note),
        })
    }
}

fn unreachable(error: Unreachable) -> CommandError {
    let hint = Some(error.hint());
    let said = if error.said.is_empty() { String::new() } else { format!("\n{}", error.said) };
    CommandError { hint, ..CommandError::new(Exit::Unreachable, format!("{error}{said}")) }
}

/// The state directory, if it was typed: the variable is about this host.
fn typed(state_dir: Option<&Path>) -> Option<&Path> {
    state_dir.filter(|dir| std::env::var_os("RUNBOOK_STATE_DIR").is_none_or(|variable| variable != dir.as_os_str()))
}

/// The file that was named, or the nearest one.
pub(crate) fn inventory(named: Option<&Path>) -> Result<PathBuf, CommandError> {
    let found = named.map(Path::to_path_buf).or_else(|| find_inventory(Path::new(".")));
    found.ok_or_else(|| {
        CommandError::refused(format!("there is no {FILE} here or in a directory above"))
            .hint("name the file with --inventory".to_owned())
    })
}
