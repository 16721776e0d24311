//! The arguments of commands about attempts at rollouts.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Which attempt.
#[derive(Debug, Args)]
pub(crate) struct AttemptArgs {
    /// The name of the rollout; without it the attempt that began last
    pub(crate) rollout: Option<String>,
    /// Which attempt at it; the last one without it
    #[arg(long, value_name = "N", requires = "rollout")]
    pub(crate) attempt: Option<u32>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RolloutCommand {
    /// List the attempts that were led from here
    List,
    /// Tell how an attempt stands, a row a host; exits with the worst of its hosts, 6 if it is not over
    Show(AttemptArgs),
    /// Read the runs of an attempt from its hosts, and print the report of the estate as Markdown, with the evidence for each line of the checklist
    Report {
        #[command(flatten)]
        attempt: AttemptArgs,
        /// The runbook that becomes the agent there [default: this one]
        #[arg(long, value_name = "FILE", env = "RUNBOOK_AGENT", hide_env_values = true)]
        agent: Option<PathBuf>,
    },
    /// Go on with an attempt whose controller ended; also delivers what is owed to hosts that are back
    Resume {
        #[command(flatten)]
        attempt: AttemptArgs,
        /// The runbook that becomes the agent there [default: this one]
        #[arg(long, value_name = "FILE", env = "RUNBOOK_AGENT", hide_env_values = true)]
        agent: Option<PathBuf>,
        /// Go ahead without being asked
        #[arg(long, short)]
        yes: bool,
    },
    /// End an attempt: what is at work goes back
    Cancel {
        #[command(flatten)]
        attempt: AttemptArgs,
        /// Begin nothing more, and let what is at work end; `resume` goes on
        #[arg(long)]
        drain: bool,
    },
    /// Take back all that an attempt changed, newest first
    Rollback {
        #[command(flatten)]
        attempt: AttemptArgs,
        /// Go ahead without being asked
        #[arg(long, short)]
        yes: bool,
    },
    /// Open the gate of the wave that waits, on the evidence that is shown
    Approve {
        #[command(flatten)]
        attempt: AttemptArgs,
    },
}
