//! One file a command, or a few that belong together.

mod about;
mod ahead;
mod apply;
mod approve;
mod backup;
mod explain;
mod judge;
mod past;
mod restore;
mod rows;
mod settle;
mod write;

use crate::cli::{Cli, Command};
use crate::error::{CommandError, Exit};
use crate::facts::state_dir;
use crate::screen::Screen;

/// Does what was asked.
pub(crate) fn run(cli: Cli, screen: &Screen) -> Result<Exit, CommandError> {
    let dir = state_dir(cli.global.state_dir.as_deref());
    match cli.command {
        Command::Apply(args) => apply::apply(screen, &dir, &args),
        Command::Plan(args) => apply::plan(screen, &dir, &args),
        Command::Check(args) => judge::check(screen, &args),
        Command::Graph(args) => judge::graph(screen, &args),
        Command::Vars(args) => judge::vars(screen, &args),
        Command::Steps(args) => about::steps(screen, &args),
        Command::Explain { name } => explain::explain(screen, name.as_deref()),
        Command::Rollback(args) => settle::rollback(screen, &dir, &args),
        Command::Resume(args) => settle::resume(screen, &dir, &args),
        Command::Recover(args) => settle::recover(screen, &dir, &args),
        Command::Status => past::status(screen, &dir),
        Command::History => past::history(screen, &dir),
        Command::Show(choice) => past::show(screen, &dir, choice.run.as_deref()),
        Command::Report(choice) => past::report(screen, &dir, choice.run.as_deref()),
        Command::Backup(command) => backup::run(screen, &dir, command),
        Command::Approve(args) => approve::approve(screen, &dir, &args),
        Command::Init(args) => write::init(screen, &args.path),
        Command::Schema(args) => write::schema(screen, &args),
        Command::Completions { shell } => write::completions(screen, shell),
        Command::Man { dir } => write::man(screen, &dir),
        Command::Version => about::version(screen),
        // `main` has become the supervisor before this.
        Command::Supervise { .. } => Ok(Exit::Done),
    }
}
