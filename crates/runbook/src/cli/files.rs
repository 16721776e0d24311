//! The arguments of commands about inventories and files to work with.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct HostsArgs {
    /// Which of them: names, groups, globs and `label=value`; `,` between alternatives, `&` between what all has to fit, `!` before
    /// what is left out
    #[arg(value_name = "SELECTOR", default_value = "all")]
    pub(crate) hosts: String,
    /// The inventory, also one of Ansible [default: inventory.yaml here or in a directory above]
    #[arg(long, value_name = "FILE", env = "RUNBOOK_INVENTORY", hide_env_values = true)]
    pub(crate) inventory: Option<PathBuf>,
    /// Reach each of them over ssh, and tell what it is, its clock, its free space and what blocks it
    #[arg(long)]
    pub(crate) check: bool,
    /// With --check: how many are asked at the same time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=32))]
    pub(crate) forks: u16,
    /// With --check: the runbook that becomes the agent there [default: this one]
    #[arg(long, value_name = "FILE", env = "RUNBOOK_AGENT", hide_env_values = true)]
    pub(crate) agent: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct RetireArgs {
    /// The host, as the inventory names it
    pub(crate) host: String,
    /// The inventory, also one of Ansible [default: inventory.yaml here or in a directory above]
    #[arg(long, value_name = "FILE", env = "RUNBOOK_INVENTORY", hide_env_values = true)]
    pub(crate) inventory: Option<PathBuf>,
    /// The runbook that is the agent there [default: this one]
    #[arg(long, value_name = "FILE", env = "RUNBOOK_AGENT", hide_env_values = true)]
    pub(crate) agent: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Where to write it
    #[arg(default_value = "plan.yaml")]
    pub(crate) path: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// Which one to print
    #[arg(value_enum, default_value_t = SchemaName::Plan)]
    pub(crate) name: SchemaName,
    /// Write all of them into this directory
    #[arg(long, value_name = "DIR", conflicts_with = "check")]
    pub(crate) write: Option<PathBuf>,
    /// Fail if those in this directory are not current
    #[arg(long, value_name = "DIR")]
    pub(crate) check: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaName {
    Plan,
    Environment,
    Inventory,
    Rollout,
}
