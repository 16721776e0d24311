//! Where a command is done: on this host, or on one of an inventory.

use clap::Args;
use std::path::PathBuf;

/// A command with the host that it is done on.
#[derive(Debug, Args)]
pub(crate) struct On<T: Args> {
    #[command(flatten)]
    pub(crate) at: At,
    #[command(flatten)]
    pub(crate) args: T,
}

/// A command that only reads, with the hosts that it is done on.
#[derive(Debug, Args)]
pub(crate) struct Reading<T: Args> {
    #[command(flatten)]
    pub(crate) at: At,
    /// How many hosts are asked at the same time
    #[arg(
        long,
        value_name = "N",
        default_value_t = 8,
        value_parser = clap::value_parser!(u16).range(1..=32),
        help_heading = "On another host"
    )]
    pub(crate) forks: u16,
    #[command(flatten)]
    pub(crate) args: T,
}

/// The host.
#[derive(Debug, Args)]
pub(crate) struct At {
    /// Do it on this host of the inventory, over ssh
    #[arg(long, value_name = "NAME", help_heading = "On another host")]
    pub(crate) host: Option<String>,
    /// Do it on each of these hosts; what acts goes from one to the next, and stops at the first on which it does not end well
    #[arg(long, value_name = "SELECTOR", conflicts_with = "host", help_heading = "On another host")]
    pub(crate) hosts: Option<String>,
    /// The inventory [default: inventory.yaml here or in a directory above]
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "On another host",
        env = "RUNBOOK_INVENTORY",
        hide_env_values = true
    )]
    pub(crate) inventory: Option<PathBuf>,
    /// The runbook that becomes the agent there [default: this one]
    #[arg(long, value_name = "FILE", help_heading = "On another host", env = "RUNBOOK_AGENT", hide_env_values = true)]
    pub(crate) agent: Option<PathBuf>,
}
