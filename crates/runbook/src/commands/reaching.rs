//! How hosts of an inventory are found and reached from here.

use super::loader::says_itself;
use crate::at::At;
use crate::screen::Screen;
use runbook_fleet::ssh::{AgentProgram, Ssh, Unreachable};
use runbook_fleet::{Afar, Call, Dial, FILE, Stream, find_inventory, read_inventory};
use runbook_model::{Inventory, InventoryHost, SourceMap};
use runbook_plan::Selector;
use runbook_report::clean;
use runbook_session::{CommandError, Exit, Session};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An inventory with its texts.
pub(super) struct Named {
    pub(super) inventory: Inventory,
    pub(super) sources: SourceMap,
}

impl Named {
    /// The inventory that was named, or the nearest one. What is doubtful about it is shown.
    pub(super) fn read(screen: &Screen, file: Option<&Path>) -> Result<Self, CommandError> {
        let loaded = read_inventory(&nearest(file)?).map_err(|error| CommandError::refused(error.to_string()))?;
        let Some(inventory) = loaded.inventory else {
            let found = Some(Box::new((loaded.diagnostics, loaded.sources)));
            return Err(CommandError { found, ..CommandError::refused("the inventory cannot be used") });
        };
        screen.diagnostics_beside(&loaded.diagnostics, &loaded.sources)?;
        Ok(Self { inventory, sources: loaded.sources })
    }

    /// The host that is called so.
    pub(super) fn host(&self, name: &str) -> Result<&InventoryHost, CommandError> {
        self.inventory.host(name).ok_or_else(|| {
            let names = self.inventory.hosts.iter().map(|host| host.name.as_str());
            let near = runbook_model::did_you_mean(name, names);
            let hint = near.map_or("`runbook hosts` lists them".to_owned(), |near| format!("did you mean `{near}`?"));
            CommandError::refused(format!("there is no host `{name}` in the inventory")).hint(hint)
        })
    }

    /// The hosts that a selector means.
    pub(super) fn select(&self, selector: &str) -> Result<Vec<&InventoryHost>, CommandError> {
        let refused = |error: runbook_plan::SelectorError| {
            CommandError::refused(clean(&error.to_string())).hint("runbook hosts".to_owned())
        };
        Selector::parse(selector).map_err(refused)?.select(&self.inventory).map_err(refused)
    }
}

/// The file that was named, or the nearest one.
fn nearest(named: Option<&Path>) -> Result<PathBuf, CommandError> {
    let found = named.map(Path::to_path_buf).or_else(|| find_inventory(Path::new(".")));
    found.ok_or_else(|| {
        CommandError::refused(format!("there is no {FILE} here or in a directory above"))
            .hint("name the file with --inventory".to_owned())
    })
}

/// The way to the hosts of one command.
#[derive(Clone)]
pub(super) struct Reaching {
    ssh: Ssh,
    session: Session,
    work: String,
}

impl Reaching {
    /// With the agent that was named, and this state directory on every host.
    pub(super) fn new(session: &Session, agent: Option<&Path>, state_dir: Option<&Path>) -> Result<Self, CommandError> {
        let agent = agent.map_or_else(AgentProgram::own, AgentProgram::read);
        let agent =
            agent.map_err(|error| CommandError::refused(format!("the agent's program cannot be read: {error}")))?;
        let ssh = match state_dir {
            Some(dir) => Ssh::new(agent).with_state_dir(&dir.to_string_lossy()),
            None => Ssh::new(agent),
        };
        let drawn = getrandom::u64().map_err(std::io::Error::from)?;
        let work = format!("{}-{}-{drawn:016x}", session.facts().user, std::process::id());
        Ok(Self { ssh, session: session.clone(), work })
    }

    /// The door to `host`.
    pub(super) fn reach(&self, screen: &Screen, host: &InventoryHost) -> Result<Afar, CommandError> {
        let work = Work { name: self.work.clone(), epoch: 1 };
        let about = (host.name.as_str(), host.max_clock_skew);
        Afar::reach(self.call(work, about, self.dial(host), Box::new(screen.notes())))
    }

    /// How `host` is dialled.
    pub(super) fn dial(&self, host: &InventoryHost) -> Dial {
        let (ssh, to) = (self.ssh.clone(), host.clone());
        Box::new(move || {
            let connection = ssh.connect(&to).map_err(unreachable)?;
            Ok(Stream { reader: connection.reader, writer: connection.writer, carrier: Box::new(connection.link) })
        })
    }

    /// The call of a host of that name, whose clock may be that far away.
    pub(super) fn call(
        &self,
        work: Work,
        (host, max_clock_skew): (&str, Duration),
        dial: Dial,
        note: Box<dyn Fn(&str) + Send>,
    ) -> Call {
        let taking = self.session.clone();
        Call {
            host: host.to_owned(),
            dial,
            operator: self.session.facts().user,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            work: work.name,
            epoch: work.epoch,
            max_clock_skew,
            secrets: Box::new(move |plan, name| taking.take_secret(plan, name)),
            note,
        }
    }
}

/// What a host is called for.
pub(super) struct Work {
    /// What all links of it say, and no others.
    pub(super) name: String,
    /// The number of the first link.
    pub(super) epoch: u64,
}

impl At {
    /// The way to the hosts that these flags mean.
    pub(super) fn reaching(&self, session: &Session, state_dir: Option<&Path>) -> Result<Reaching, CommandError> {
        Reaching::new(session, self.agent.as_deref(), typed(state_dir))
    }
}

impl At {
    /// The way to the hosts of a rollout, which says itself which they are.
    pub(super) fn reaching_of_rollout(
        &self,
        session: &Session,
        state_dir: Option<&Path>,
    ) -> Result<Reaching, CommandError> {
        if self.host.is_some() || self.hosts.is_some() {
            return Err(says_itself());
        }
        self.reaching(session, state_dir)
    }
}

fn unreachable(error: Unreachable) -> CommandError {
    let hint = Some(error.hint());
    let said = if error.said.is_empty() { String::new() } else { format!("\n{}", error.said) };
    CommandError { hint, ..CommandError::new(Exit::Unreachable, format!("{error}{said}")) }
}

/// The state directory, if it was typed: the variable is about this host.
pub(super) fn typed(state_dir: Option<&Path>) -> Option<&Path> {
    state_dir.filter(|dir| std::env::var_os("RUNBOOK_STATE_DIR").is_none_or(|variable| variable != dir.as_os_str()))
}
