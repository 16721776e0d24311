//! One file a command, or a few that belong together.

mod agent;
mod apply;
mod approve;
mod backup;
mod checking;
mod elsewhere;
mod explain;
mod forks;
mod hosts;
mod judge;
mod judged;
mod loader;
mod open_runs;
mod past;
mod preview;
mod reaching;
mod restore;
mod rollouts;
mod rows;
mod running;
mod steps;
mod write;

pub(crate) use self::loader::Loader;
use crate::cli::{BackupCommand, Cli, Command};
use crate::door::AnyDoor;
use crate::screen::Screen;
use runbook_journal::StateDir;
use runbook_model::Next;
use runbook_session::{CommandError, Exit, Host, HostSecrets, Session, host_facts};
use runbook_step::SecretProvider;
use std::sync::{Arc, LazyLock};

/// What is done on a host, wherever that is.
pub(crate) trait HostCommand {
    /// Whether it may change a host. What only reads says so.
    fn acts(&self) -> bool {
        true
    }

    /// Does it through `door`, with plans that `loader` reads for that host.
    fn run(&self, screen: &Screen, loader: &Loader<'_>, door: &mut AnyDoor) -> Result<Exit, CommandError>;
}

/// Does what was asked.
pub(crate) fn run(cli: Cli, screen: &Screen) -> Result<Exit, CommandError> {
    let state_dir = cli.global.state_dir.as_deref();
    let session = Session::open(host(runbook_session::state_dir(state_dir), HostSecrets));
    match cli.command {
        Command::Apply(on) => match on.args.source.rollout()? {
            Some(text) => {
                let reaching = on.at.reaching_of_rollout(&session, state_dir)?;
                rollouts::apply(screen, &session, text, &on.args, reaching)
            }
            None => on.run(screen, &session, state_dir),
        },
        Command::Rollout(command) => rollouts::rollout(screen, &session, state_dir, &command),
        Command::Plan(on) => match on.args.source.rollout()? {
            Some(text) => {
                let reaching = on.at.reaching_of_rollout(&session, state_dir)?;
                let args = &on.args;
                let (flags, forks, detailed) = (args.source.flags(), on.forks, args.detailed_exitcode);
                let asking = rollouts::Asking { flags, forks, explain: args.explain, detailed };
                rollouts::plan(screen, &session, text, &asking, &reaching)
            }
            None => on.run(screen, &session, state_dir),
        },
        Command::Check(on) => on.run(screen, &session, state_dir),
        Command::Graph(args) => judge::graph(screen, &Loader::here(&session), &args),
        Command::Vars(on) => on.run(screen, &session, state_dir),
        Command::Steps(args) => steps::steps(screen, &args),
        Command::Explain { name } => explain::explain(screen, name.as_deref()),
        Command::Rollback(on) => {
            rollouts::none_called(&session, &on.at, on.args.run.as_deref(), Next::RollBackRollout)?;
            on.run(screen, &session, state_dir)
        }
        Command::Resume(on) => {
            rollouts::none_called(&session, &on.at, on.args.run.as_deref(), Next::ResumeRollout)?;
            on.run(screen, &session, state_dir)
        }
        Command::Recover(on) => on.run(screen, &session, state_dir),
        Command::Status(on) => {
            let exit = on.run(screen, &session, state_dir)?;
            rollouts::tell_open(screen, &session, &on.at);
            Ok(exit)
        }
        Command::History(on) => {
            let exit = on.run(screen, &session, state_dir)?;
            rollouts::tell_any(screen, &session, &on.at);
            Ok(exit)
        }
        Command::Show(on) => {
            rollouts::none_called(&session, &on.at, on.args.run.as_deref(), Next::ShowRollout)?;
            on.run(screen, &session, state_dir)
        }
        Command::Report(on) => {
            rollouts::none_called(&session, &on.at, on.args.run.as_deref(), Next::ReportRollout)?;
            on.run(screen, &session, state_dir)
        }
        Command::Backup(BackupCommand::List(on)) => on.run(screen, &session, state_dir),
        Command::Backup(BackupCommand::Verify(on)) => on.run(screen, &session, state_dir),
        Command::Backup(BackupCommand::Restore(on)) => on.run(screen, &session, state_dir),
        Command::Backup(BackupCommand::Prune(on)) => on.run(screen, &session, state_dir),
        Command::Commit(on) => on.run(screen, &session, state_dir),
        Command::Cancel(on) => {
            rollouts::none_called(&session, &on.at, on.args.run.as_deref(), Next::CancelRollout)?;
            on.run(screen, &session, state_dir)
        }
        Command::Approve(on) => on.run(screen, &session, state_dir),
        Command::Hosts(args) => hosts::hosts(screen, &session, state_dir, &args),
        Command::Retire(args) => elsewhere::retire(screen, &session, state_dir, &args),
        Command::Init(args) => write::init(screen, &args.path),
        Command::Schema(args) => write::schema(screen, &args),
        Command::Completions { shell } => write::completions(screen, shell),
        Command::Man { dir } => write::man(screen, &dir),
        Command::Version => steps::version(screen),
        Command::Agent(command) => agent::agent(&cli.global, screen.interrupts(), &command),
        // `main` has become the supervisor before this.
        Command::Supervise { .. } => Ok(Exit::Done),
    }
}

/// This host, with its files in `state_dir`, for plans whose secrets `secrets` knows.
fn host(state_dir: StateDir, secrets: impl SecretProvider + 'static) -> Host {
    Host {
        state_dir,
        facts: LazyLock::new(host_facts),
        own_program: std::env::current_exe,
        catalogue: runbook_kinds::catalogue,
        secrets: Arc::new(secrets),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}
