//! The arguments of commands about plans and kinds.

use clap::{Args, ValueEnum};
use runbook_session::PlanText;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

#[derive(Debug, Args)]
pub(crate) struct PlanSource {
    /// The file of the plan, or of a rollout where the command takes one; `-` reads it from standard input, and relative paths then
    /// start at the current directory
    #[arg(value_name = "PLAN")]
    pub(crate) plan: PathBuf,
    /// Use environments/NAME.yaml, beside the plan or in a directory above it
    #[arg(long, value_name = "NAME")]
    pub(crate) env: Option<String>,
    /// Set a variable; wins over every other layer
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub(crate) vars: Vec<String>,
    /// Its text, once it was read: a pipe can be read once.
    #[arg(skip)]
    pub(crate) text: OnceLock<PlanText>,
}

#[derive(Debug, Args)]
pub(crate) struct VarsArgs {
    #[command(flatten)]
    pub(crate) source: PlanSource,
    /// Print them as the YAML of an environment, to start one from
    #[arg(long)]
    pub(crate) as_environment: bool,
}

/// Long enough to log in again, and no longer than anybody looks after a window.
fn hold(text: &str) -> Result<Duration, String> {
    let (least, most) = (Duration::from_secs(1), Duration::from_secs(30 * 86_400));
    let within = duration(text)?;
    if (least..=most).contains(&within) { Ok(within) } else { Err("it has to be from 1s to 30d".to_owned()) }
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    runbook_model::parse_duration(text).ok_or_else(|| "write it with its unit, such as 90s or 15m".to_owned())
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    pub(crate) source: PlanSource,
    /// Read the host, show what would be done, write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// With --dry-run: exit with 2 if there is something to do
    #[arg(long, requires = "dry_run")]
    pub(crate) detailed_exitcode: bool,
    /// Go ahead without being asked
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// How long to wait for an answer where the evidence does not tell whether the change is good; then it is taken back
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = duration)]
    pub(crate) ask_within: Duration,
    /// Once all is done, wait so long for `runbook commit`, and take everything back without it
    #[arg(long, value_name = "DURATION", value_parser = hold, conflicts_with = "dry_run")]
    pub(crate) commit_within: Option<Duration>,
    /// How many steps may run at the same time; a run that is resumed keeps to it
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) parallel: u16,
    /// With a rollout: only these of its hosts
    #[arg(long, value_name = "SELECTOR")]
    pub(crate) limit: Option<String>,
    /// With a rollout: only hosts that the last attempt did not bring to a good end, those that were not reached as well
    #[arg(long)]
    pub(crate) retry_failed: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The files of plans and rollouts; `-` reads one from standard input
    #[arg(value_name = "PLAN", required = true)]
    pub(crate) plans: Vec<PathBuf>,
    /// Use environments/NAME.yaml, beside the plan or in a directory above it
    #[arg(long, value_name = "NAME")]
    pub(crate) env: Option<String>,
    /// Set a variable; wins over every other layer
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub(crate) vars: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) source: PlanSource,
    /// Show why each step comes where it does
    #[arg(long)]
    pub(crate) explain: bool,
    /// Exit with 2 if there is something to do
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GraphArgs {
    #[command(flatten)]
    pub(crate) source: PlanSource,
    /// As what to draw it
    #[arg(long = "as", value_enum, default_value_t = Drawing::Text)]
    pub(crate) drawing: Drawing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Drawing {
    /// A list with reasons and places
    Text,
    /// A Mermaid flowchart, as Markdown viewers show it
    Mermaid,
    /// For Graphviz
    Dot,
}

#[derive(Debug, Args)]
pub(crate) struct StepsArgs {
    /// The kind; all are listed without it
    pub(crate) kind: Option<String>,
    /// Print Markdown
    #[arg(long)]
    pub(crate) markdown: bool,
}
