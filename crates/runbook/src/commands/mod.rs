//! One file a command, or a few that belong together.

mod apply;
mod approve;
mod backup;
mod explain;
mod hosts;
mod judge;
mod open_runs;
mod past;
mod restore;
mod rows;
mod running;
mod steps;
mod write;

use crate::cli::{Cli, Command};
use crate::error::{CommandError, Exit};
use crate::screen::Screen;
use runbook_session::{Host, HostSecrets, Session, host_facts, state_dir};
use std::sync::{Arc, LazyLock};

/// Does what was asked.
pub(crate) fn run(cli: Cli, screen: &Screen) -> Result<Exit, CommandError> {
    let session = Session::open(Host {
        state_dir: state_dir(cli.global.state_dir.as_deref()),
        facts: LazyLock::new(host_facts),
        own_program: std::env::current_exe,
        catalogue: runbook_kinds::catalogue,
        secrets: Arc::new(HostSecrets),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    });
    match cli.command {
        Command::Apply(args) => apply::apply(screen, &session, &args),
        Command::Plan(args) => apply::plan(screen, &session, &args),
        Command::Check(args) => judge::check(screen, &session, &args),
        Command::Graph(args) => judge::graph(screen, &session, &args),
        Command::Vars(args) => judge::vars(screen, &session, &args),
        Command::Steps(args) => steps::steps(screen, &args),
        Command::Explain { name } => explain::explain(screen, name.as_deref()),
        Command::Rollback(args) => open_runs::rollback(screen, &session, &args),
        Command::Resume(args) => open_runs::resume(screen, &session, &args),
        Command::Recover(args) => open_runs::recover(screen, &session, &args),
        Command::Status => past::status(screen, &session),
        Command::History => past::history(screen, &session),
        Command::Show(choice) => past::show(screen, &session, choice.run.as_deref()),
        Command::Report(choice) => past::report(screen, &session, choice.run.as_deref()),
        Command::Backup(command) => backup::run(screen, &session, command),
        Command::Commit(args) => approve::commit(screen, &session, &args),
        Command::Cancel(args) => approve::cancel(screen, &session, &args),
        Command::Approve(args) => approve::approve(screen, &session, &args),
        Command::Hosts(args) => hosts::hosts(screen, &args),
        Command::Init(args) => write::init(screen, &args.path),
        Command::Schema(args) => write::schema(screen, &args),
        Command::Completions { shell } => write::completions(screen, shell),
        Command::Man { dir } => write::man(screen, &dir),
        Command::Version => steps::version(screen),
        // `main` has become the supervisor before this.
        Command::Supervise { .. } => Ok(Exit::Done),
    }
}
