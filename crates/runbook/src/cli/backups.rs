//! What `backup` takes.

use crate::at::{On, Reading};
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    /// List the backups on this host
    List(Reading<ListArgs>),
    /// Read backups and compare every digest with the manifest; all of them if none is named
    Verify(Reading<VerifyArgs>),
    /// Put a path back from a backup; what is there is set aside
    Restore(On<RestoreArgs>),
    /// Remove backups past the retention of their plan; never the only way back
    Prune(On<PruneArgs>),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The backup, as `backup list` names it; the beginning of its name is enough
    pub(crate) backup: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The backup, as `backup list` names it; the beginning of its name is enough
    pub(crate) backup: String,
    /// What to put back; everything in the backup without it
    pub(crate) paths: Vec<PathBuf>,
    /// Stop the services that use it, and start them again when it is back
    #[arg(long)]
    pub(crate) stop: bool,
    /// Go ahead although somebody uses it, who may write over what is put back
    #[arg(long, conflicts_with = "stop")]
    pub(crate) while_running: bool,
    /// Go ahead without being asked
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PruneArgs {
    /// Only say what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,
}
