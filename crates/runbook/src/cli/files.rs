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
}
