//! The arguments of commands about runs and backups.

use super::plans::duration;
use clap::Args;
use std::time::Duration;

#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// The run, or the beginning of its id; the latest one without it
    pub(crate) run: Option<String>,
    /// Go ahead without being asked
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Where the journal lost the end of the run: take back what is known of it
    #[arg(long, requires = "run")]
    pub(crate) known: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// The run, or the beginning of its id; the open one without it
    pub(crate) run: Option<String>,
    /// Go ahead without being asked
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// How long to wait for an answer where the evidence does not tell whether the change is good; then it is taken back
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = duration)]
    pub(crate) ask_within: Duration,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("how").args(["boot", "accept"]).required(true)))]
pub(crate) struct RecoverArgs {
    /// Do it without being asked, as a unit at boot does
    #[arg(long)]
    pub(crate) boot: bool,
    /// Go on with an open run that was going forward, if nothing is in its way; without this it is rolled back
    #[arg(long, conflicts_with = "accept")]
    pub(crate) forward: bool,
    /// Close a stuck or open run, or what the journal lost, by hand: the host is as it should be, for this reason
    #[arg(long, value_name = "BECAUSE", value_parser = reason)]
    pub(crate) accept: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {}

#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The run, or the beginning of its id; the latest one without it
    pub(crate) run: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The run, or the beginning of its id; the latest one without it
    pub(crate) run: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// The run, or the beginning of its id
    pub(crate) run: String,
    /// The step that waits
    pub(crate) step: String,
    /// Why it may pass
    #[arg(long, default_value = "")]
    pub(crate) because: String,
}

#[derive(Debug, Args)]
pub(crate) struct CommitArgs {
    /// The run, or the beginning of its id; the latest one without it
    pub(crate) run: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    /// The run, or the beginning of its id; the latest one without it
    pub(crate) run: Option<String>,
    /// Finish what runs, start nothing more and leave the run open, as the first Ctrl-C does
    #[arg(long)]
    pub(crate) drain: bool,
}

/// A reason that says something; it is all that is left of what a person saw.
fn reason(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("say who looked at the host, and what was done".to_owned()),
        said => Ok(said.to_owned()),
    }
}
