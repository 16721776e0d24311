//! What a person decides where the evidence does not.

use crate::Failure;
use serde::{Deserialize, Serialize};

/// What becomes of a change of which nobody can tell whether it is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// It is taken back. No answer means this as well.
    RollBack,
    /// The signals are read once more.
    ReadAgain,
    /// It is kept, without proof, on somebody's word: the run ends here.
    Keep,
}

/// A decision with who made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// What.
    pub decision: Decision,
    /// Who; empty where nobody answered.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// Why it is that, where nobody said it; empty for an answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub because: String,
}

/// A question that stands until it is answered or withdrawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The number of its record: an answer names the question that it answers.
    pub seq: u64,
    /// What nobody can tell.
    pub failure: Failure,
}

impl Decided {
    /// Nobody answered, so it is taken back.
    pub fn nobody(because: impl Into<String>) -> Self {
        Self { decision: Decision::RollBack, by: String::new(), because: because.into() }
    }
}
