//! Where secrets come from. Whoever runs a plan is given a provider, and knows no source.

use crate::Lack;
use runbook_host::{Host, Reader};
use runbook_model::{Failure, Plan};

/// Knows where the secrets of a plan are. A secret goes by the name of its variable; its source is in the plan.
pub trait SecretProvider: Send + Sync {
    /// The secret before the run, where nothing is executed and nobody is waited for; `None` if only the run can have it.
    /// What is never known before the run cannot be struck out of a forecast.
    fn before_the_run(&self, plan: &Plan, name: &str) -> Option<Result<String, Failure>>;

    /// The secret, for a step that needs it now. Has to come back when `host` is cancelled or its deadline is over, and
    /// bounds a wait that has no deadline.
    ///
    /// # Errors
    /// What is in the way; the message names the secret.
    fn fetch(&self, plan: &Plan, name: &str, host: &Host) -> Result<String, Failure>;

    /// What `fetch` would fail for on the host as it is, of a secret that only the run can have.
    fn lacks(&self, plan: &Plan, name: &str, host: &Reader) -> Vec<Lack>;

    /// Variables of this process that hold secrets of `plan`, which no program may inherit.
    fn withheld(&self, plan: &Plan) -> Vec<String>;
}
