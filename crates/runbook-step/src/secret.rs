//! Where secrets come from. The engine is given a provider, and knows no source.

use crate::Lack;
use runbook_host::{Host, Reader};
use runbook_model::{Failure, Plan};
use std::fmt;
use zeroize::Zeroizing;

/// A secret in memory, which is cleared when it is dropped. Prints as nothing and goes into no document by itself: its
/// text is read by name alone. Copies that a template or a program makes of it are theirs.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(Zeroizing<String>);

impl SecretValue {
    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretValue {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(..)")
    }
}

/// Where a secret is before the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Early {
    /// Here.
    Known(SecretValue),
    /// Only the run can [fetch](SecretProvider::fetch) it.
    InTheRun,
    /// Nobody fetches it: a control hands it in while the run waits for it.
    HandedIn,
}

/// Knows where the secrets of a plan are. A secret goes by the name of its variable; its source is in the plan.
pub trait SecretProvider: Send + Sync {
    /// Where the secret is before the run, when nothing is executed and nobody is waited for.
    /// What is never known before the run cannot be struck out of a forecast.
    ///
    /// # Errors
    /// What is in the way; the message names the secret.
    fn before_the_run(&self, plan: &Plan, name: &str) -> Result<Early, Failure>;

    /// A secret that only the run can have, for a step that needs it now. Has to come back when `host` is cancelled or its
    /// deadline is over, and bounds a wait that has no deadline.
    ///
    /// # Errors
    /// What is in the way; the message names the secret.
    fn fetch(&self, plan: &Plan, name: &str, host: &Host) -> Result<SecretValue, Failure>;

    /// What `fetch` would fail for on the host as it is, of a secret that only the run can have.
    fn lacks(&self, plan: &Plan, name: &str, host: &Reader) -> Vec<Lack>;

    /// Variables of this process that hold secrets of `plan`, which no program may inherit.
    fn withheld(&self, plan: &Plan) -> Vec<String>;
}

#[cfg(test)]
mod tests {
    use super::{Early, SecretValue};

    #[test]
    fn a_secret_prints_as_nothing() {
        let early = Early::Known(SecretValue::from("canary".to_owned()));
        assert_eq!(format!("{early:?} {early:#?}").matches("canary").count(), 0);
    }
}
