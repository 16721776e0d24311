//! `agent`: this host for a controller elsewhere. Started by `runbook` itself, on the other side of a link.

use super::host;
use crate::cli::{AgentCommand, Global};
use crate::interrupts::Interrupts;
use runbook_agent::{Agent, Place, attach, serve};
use runbook_session::{CommandError, Exit, SecretsFromAfar, Session, state_dir};
use std::io::{stdin, stdout};

pub(crate) fn agent(global: &Global, interrupts: &Interrupts, command: &AgentCommand) -> Result<Exit, CommandError> {
    let dir = state_dir(global.state_dir.as_deref());
    let place = Place::of(dir.path());
    let failed = |error: runbook_agent::Error| CommandError::new(Exit::Unreachable, error.to_string());
    match command {
        AgentCommand::Attach => attach(&place, &std::env::current_exe()?, stdin(), stdout()).map_err(failed)?,
        AgentCommand::Serve { own_session } => {
            if *own_session {
                rustix::process::setsid().map_err(std::io::Error::from)?;
            }
            let interrupts = interrupts.clone();
            serve(Agent {
                place,
                session: Session::open(host(dir, SecretsFromAfar)),
                on_run: Box::new(move |controls| interrupts.steer(controls)),
                at_boot: Some(std::env::current_exe()?),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            })
            .map_err(failed)?;
        }
    }
    Ok(Exit::Done)
}
