//! What steers a run from outside. Who sends it (a terminal, another process, another host) is not known here.

use runbook_model::{Approval, Decided, StepId};
use runbook_step::SecretValue;
use serde::{Deserialize, Serialize};

/// What the holder of a run's controls may tell it, and what a frame of JSON holds for one at a distance.
/// What makes no sense where the run is changes nothing, and is on record as
/// [`ControlRefused`](runbook_model::Event::ControlRefused); what is so already is not told again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "control", rename_all = "kebab-case")]
pub enum Control {
    /// Hands in the secret that the run [asks for](runbook_model::Event::SecretAsked). No [`Letter`]: it is written nowhere
    /// but into the frame that carries it.
    Secret {
        /// The variable.
        secret: String,
        /// Its value.
        #[serde(with = "in_a_frame")]
        value: SecretValue,
    },
    /// What may be written down on its way, too.
    #[serde(untagged)]
    Letter(Letter),
}

/// A control that may lie in a file until the run takes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "control", rename_all = "kebab-case")]
pub enum Letter {
    /// Start nothing more, finish what runs, and leave the run open.
    Drain,
    /// Stop what runs and follow `on_failure`. While the run is taken back the same as [`Drain`](Self::Drain), for half
    /// an undo is nowhere.
    Cancel,
    /// End what runs, and leave at once. The journal resumes.
    Leave,
    /// The answer to a [`DecisionAsked`](runbook_model::Event::DecisionAsked) about `step`.
    Answer {
        /// The verification.
        step: StepId,
        /// The number of the record that asks.
        asked: u64,
        /// What, and by whom.
        #[serde(flatten)]
        decided: Decided,
    },
    /// What the run holds stays. A run that does not hold is not changed by it.
    Commit {
        /// Who.
        by: String,
    },
    /// Lets `step`, which waits for a person or will, go on.
    Approve {
        /// The step.
        step: StepId,
        /// Who, when and why.
        approval: Approval,
    },
}

impl From<Letter> for Control {
    fn from(letter: Letter) -> Self {
        Self::Letter(letter)
    }
}

/// A secret can be written into a frame, and into nothing else: its type alone cannot.
mod in_a_frame {
    use runbook_step::SecretValue;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &SecretValue, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(value.expose())
    }

    /// What the value is instead must not stand in the error: it may be the secret all the same.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretValue, D::Error> {
        let text = String::deserialize(deserializer).map_err(|_| D::Error::custom("the value of a secret is no text"));
        text.map(SecretValue::from)
    }
}
