//! What a person decided where the evidence did not, in words.

use crate::text;
use runbook_model::{Decided, Decision};

/// `kept as it is on the word of ops`
pub(crate) fn decision_text(decided: &Decided) -> String {
    let by = text::clean(&decided.by);
    match (decided.decision, by.is_empty()) {
        (Decision::RollBack, true) => format!("taken back: {}", text::clean(&decided.because)),
        (Decision::RollBack, false) => format!("taken back, as {by} says"),
        (Decision::ReadAgain, _) => format!("the signals are read once more, as {by} says"),
        (Decision::Keep, _) => format!("kept as it is on the word of {by}, without proof"),
    }
}
