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

impl Control {
    /// As [`ControlRefused`](runbook_model::Event::ControlRefused) and frames call it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Secret { .. } => "secret",
            Self::Letter(Letter::Drain) => "drain",
            Self::Letter(Letter::Cancel) => "cancel",
            Self::Letter(Letter::Leave) => "leave",
            Self::Letter(Letter::Answer { .. }) => "answer",
            Self::Letter(Letter::Commit { .. }) => "commit",
            Self::Letter(Letter::Approve { .. }) => "approve",
        }
    }
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

#[cfg(test)]
mod tests {
    use super::{Control, Letter};
    use runbook_step::SecretValue;

    #[test]
    fn a_control_is_called_as_its_frame_has_it() {
        let secret = Control::Secret { secret: "token".to_owned(), value: SecretValue::from("v".to_owned()) };
        let letters = [Letter::Drain, Letter::Cancel, Letter::Leave, Letter::Commit { by: "ops".to_owned() }];
        for control in letters.into_iter().map(Control::from).chain([secret]) {
            let frame = serde_json::to_value(&control).unwrap();
            assert_eq!(frame["control"], control.name());
        }
    }
}
