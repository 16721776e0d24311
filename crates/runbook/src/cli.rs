//! The command line: one table from which parsing, help, completions and man pages come. What commands take is in `cli/`, by
//! topic.

mod backups;
mod files;
mod plans;
mod rollouts;
mod runs;

pub(crate) use backups::{BackupCommand, ListArgs, PruneArgs, RestoreArgs, VerifyArgs};
pub(crate) use files::{HostsArgs, InitArgs, RetireArgs, SchemaArgs, SchemaName};
pub(crate) use plans::{ApplyArgs, CheckArgs, Drawing, GraphArgs, PlanArgs, PlanSource, StepsArgs, VarsArgs};
pub(crate) use rollouts::{AttemptArgs, RolloutCommand};
pub(crate) use runs::{
    ApproveArgs, CancelArgs, CommitArgs, HistoryArgs, RecoverArgs, ReportArgs, ResumeArgs, RollbackArgs, ShowArgs,
    StatusArgs,
};

use crate::at::{On, Reading};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// What stands below the help of every command that ends with the code of a run.
const EXIT_CODES: &str = "Exit codes: 0 done or nothing to do; 1 plan or usage refused; 2 changes pending (--detailed-exitcode); \
3 failed and rolled back; 4 failed and stopped, not rolled back; 5 stuck; 6 refused by a gate, window or lock; 7 host not reached; 130 cancelled.";

/// Maintenance windows that cannot hurt.
///
/// A plan is a YAML file in git: a graph of steps on one host. runbook takes local backups before the first change, believes
/// evidence rather than exit codes, rolls back by itself without the network, and leaves a report.
#[derive(Debug, Parser)]
#[command(name = "runbook", version, max_term_width = 100, arg_required_else_help = true, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Where runs, backups and undo data are kept [default: /var/lib/runbook for root, else $XDG_STATE_HOME/runbook]
    #[arg(long, global = true, value_name = "DIR", env = "RUNBOOK_STATE_DIR", hide_env_values = true)]
    pub(crate) state_dir: Option<PathBuf>,
    /// What the output is for: people or programs
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Whether to use colours; NO_COLOR and CLICOLOR_FORCE are honoured
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// One document
    Json,
    /// One document a line, as things happen
    Ndjson,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a plan on this host, or a rollout on its hosts; roll back by itself if the evidence is bad
    #[command(after_help = EXIT_CODES)]
    Apply(On<ApplyArgs>),
    /// Judge plans and rollouts without touching any host; show everything that is wrong at once
    Check(Reading<CheckArgs>),
    /// Show what a plan would do on this host; reads it and writes nothing
    #[command(visible_alias = "diff")]
    #[command(after_help = EXIT_CODES)]
    Plan(Reading<PlanArgs>),
    /// Show the order of the steps of a plan, or of the stages of a rollout, with the reason of every edge
    Graph(GraphArgs),
    /// Show every variable with its value, the layer that won and the place it came from
    Vars(Reading<VarsArgs>),
    /// List the kinds of steps, or tell about one
    Steps(StepsArgs),
    /// Tell more about a diagnostic code such as RB0112, or about a rule such as backup-before-change
    Explain {
        /// The code or the rule; without one, all are listed
        #[arg(value_name = "CODE|RULE")]
        name: Option<String>,
    },
    /// Take a run back; without a name the latest one that has something to take back
    #[command(after_help = EXIT_CODES)]
    Rollback(On<RollbackArgs>),
    /// Go on with the run that was interrupted
    #[command(after_help = EXIT_CODES)]
    Resume(On<ResumeArgs>),
    /// After a crash or a reboot: settle an open run without being asked
    #[command(after_help = EXIT_CODES)]
    Recover(On<RecoverArgs>),
    /// Tell what blocks this host, over all of its runs; exits with 0 if nothing does, 5 stuck, 6 open
    Status(Reading<StatusArgs>),
    /// List the runs on this host, the latest first
    History(Reading<HistoryArgs>),
    /// Tell all about one run
    Show(Reading<ShowArgs>),
    /// Print a run's report as Markdown, with the evidence for each line of the checklists
    Report(Reading<ReportArgs>),
    /// List, verify, restore and prune backups
    #[command(subcommand, arg_required_else_help = true)]
    Backup(BackupCommand),
    /// Let a step pass that waits for an approval
    Approve(On<ApproveArgs>),
    /// List the hosts of an inventory; with --check ask each what it is and how it stands
    Hosts(HostsArgs),
    /// Remove the agent from a host; what its runs need stays
    Retire(RetireArgs),
    /// Tell of attempts at rollouts that were led from here, and steer them
    #[command(subcommand, arg_required_else_help = true)]
    Rollout(RolloutCommand),
    /// Keep what a run holds that was begun with --commit-within
    Commit(On<CommitArgs>),
    /// Stop a run that another process holds: what runs is stopped and the run goes back, as the second Ctrl-C does; one that goes back already is paused
    Cancel(On<CancelArgs>),
    /// Write a plan to start from
    Init(InitArgs),
    /// Print or write the JSON Schemas of plans, environments, inventories and rollouts
    Schema(SchemaArgs),
    /// Print the completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages
    Man {
        /// The directory to write them to
        dir: PathBuf,
    },
    /// Print the version
    Version,
    /// Serve this host to a controller elsewhere; started by runbook itself
    #[command(hide = true, subcommand)]
    Agent(AgentCommand),
    /// Keep one process.* service up; started by runbook itself
    #[command(hide = true)]
    Supervise {
        /// What to keep up
        spec: PathBuf,
    },
}

impl Command {
    /// Whether all that it does is to write files for its caller, with the modes that the caller is used to.
    pub(crate) fn writes_for_its_caller(&self) -> bool {
        matches!(self, Self::Init(_) | Self::Schema(_) | Self::Completions { .. } | Self::Man { .. })
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum AgentCommand {
    /// Copy standard input to the agent and what it says to standard output; starts it where there is none
    Attach,
    /// Be the agent
    Serve {
        /// Leave the session of the login first
        #[arg(long)]
        own_session: bool,
    },
}

/// The table itself, for completions and man pages, without what is hidden.
pub(crate) fn table() -> clap::Command {
    let whole = Cli::command();
    let shown = whole.get_subcommands().filter(|command| !command.is_hide_set()).cloned().collect::<Vec<_>>();
    clap::Command::new("runbook")
        .version(env!("CARGO_PKG_VERSION"))
        .about(whole.get_about().cloned().unwrap_or_default())
        .long_about(whole.get_long_about().cloned().unwrap_or_default())
        .after_help(whole.get_after_help().cloned().unwrap_or_default())
        .disable_help_subcommand(true)
        .args(whole.get_arguments().cloned())
        .subcommands(shown)
}

#[cfg(test)]
mod tests {
    use super::table;
    use runbook_session::Exit;

    const PAGE: &str = include_str!("../../../docs/cli.md");

    /// What the help calls the flags that name another host.
    const ELSEWHERE: &str = "On another host";

    fn flags(command: &clap::Command) -> Vec<String> {
        let own = |arg: &&clap::Arg| !arg.is_hide_set() && arg.get_help_heading() != Some(ELSEWHERE);
        let shown = command.get_arguments().filter(own);
        let own = shown.filter_map(|arg| arg.get_long()).filter(|flag| !["help", "version"].contains(flag));
        own.map(|flag| format!("--{flag}")).collect()
    }

    /// Every command as people type it, with the flags that are its own.
    fn commands() -> Vec<(String, Vec<String>)> {
        let mut all = Vec::new();
        let mut open = vec![("runbook".to_owned(), table())];
        while let Some((name, command)) = open.pop() {
            let shown = command.get_subcommands().filter(|below| !below.is_hide_set());
            let below: Vec<_> = shown.map(|below| (format!("{name} {}", below.get_name()), below.clone())).collect();
            if below.is_empty() {
                all.push((name, flags(&command)));
            }
            open.extend(below);
        }
        all
    }

    #[test]
    fn the_table_is_sound() {
        table().debug_assert();
        <super::Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn the_page_names_every_command_with_its_flags() {
        for (command, known) in commands() {
            let is_row = |line: &&str| {
                let rest = line.strip_prefix("| `").and_then(|line| line.strip_prefix(command.as_str()));
                rest.is_some_and(|rest| rest.starts_with(['`', ' ']))
            };
            let row = PAGE.lines().find(is_row).unwrap_or_else(|| panic!("docs/cli.md has no row for `{command}`"));
            let told = row.rsplit('|').nth(1).unwrap_or_default();
            let mut told: Vec<&str> = told.split('`').filter(|word| word.starts_with("--")).collect();
            let mut known: Vec<&str> = known.iter().map(String::as_str).collect();
            told.sort_unstable();
            known.sort_unstable();
            assert_eq!(told, known, "the last cell of the row of `{command}` in docs/cli.md");
        }
    }

    #[test]
    fn the_page_says_which_commands_take_a_host() {
        let takes =
            |command: &clap::Command| command.get_arguments().any(|arg| arg.get_help_heading() == Some(ELSEWHERE));
        let table = table();
        let leaves = table.get_subcommands().flat_map(|command| {
            let name = command.get_name();
            let below = command.get_subcommands().map(move |below| (format!("`{name} {}`", below.get_name()), below));
            std::iter::once((format!("`{name}`"), command)).chain(below)
        });
        let taking: Vec<String> = leaves.filter(|(_, it)| takes(it)).map(|(name, _)| name).collect();
        let section = PAGE.split("## On another host").nth(1).and_then(|rest| rest.split("\n## ").next());
        let said = section
            .and_then(|text| text.lines().find(|line| line.ends_with("take `--host NAME` or `--hosts SELECTOR`:")))
            .is_some();
        let list = section.and_then(|text| text.lines().find(|line| line.starts_with('`'))).unwrap_or_default();
        assert_eq!((said, list), (true, taking.join(", ").as_str()));
    }

    #[test]
    fn the_page_tells_about_every_flag() {
        let section = PAGE.split("## Flags").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap_or_default();
        let all = commands().into_iter().flat_map(|(_, flags)| flags).chain(flags(&table()));
        for flag in all {
            let told = section.lines().any(|line| line.starts_with('|') && line.contains(&format!("`{flag}")));
            assert!(told, "docs/cli.md does not tell about {flag}");
        }
    }

    #[test]
    fn the_page_and_the_help_tell_every_exit_code() {
        let help = table().get_after_help().map(ToString::to_string).unwrap_or_default();
        for exit in Exit::ALL {
            let code = *exit as u8;
            assert!(PAGE.contains(&format!("\n| {code} | ")), "docs/cli.md does not tell about exit code {code}");
            assert!(help.contains(&format!(" {code} ")), "the help does not tell about exit code {code}");
        }
    }
}
