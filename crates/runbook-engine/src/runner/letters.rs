//! What a letter means to the run as it is.

use super::Runner;
use crate::input::Input;
use crate::{Interrupt, Letter};
use runbook_model::{Decided, RunPhase, StepId};

impl Runner {
    /// What a letter comes to as an input of `decide`, if it does.
    pub(super) fn told(&mut self, letter: Letter) -> Option<Input> {
        let goes_back = self.state.phase != RunPhase::Forward;
        let (meaning, input) = match letter {
            Letter::Answer { step, asked, decided } => return self.answered(step, asked, decided),
            Letter::Approve { step, approval } => return Some(Input::Approved { step, approval }),
            // A process that was asleep or stopped reads a commit before it hears that its time is over.
            Letter::Commit { .. } if self.is_over() => return Some(Input::HoldEnded { over: true }),
            Letter::Commit { by } => return Some(Input::Commit { by }),
            Letter::Leave => return None,
            Letter::Drain if self.state.committed.is_some() && !goes_back => return Some(Input::Drain),
            Letter::Cancel if self.state.committed.is_some() && !goes_back => return Some(Input::Cancel),
            Letter::Drain if goes_back => (Interrupt::Pausing { cancel: false }, Input::Drain),
            Letter::Cancel if goes_back => (Interrupt::Pausing { cancel: true }, Input::Drain),
            Letter::Drain => (Interrupt::Draining, Input::Drain),
            Letter::Cancel => (Interrupt::Cancelling, Input::Cancel),
        };
        self.audience.interrupted(meaning);
        if meaning == Interrupt::Cancelling {
            self.canceller.cancel();
        }
        Some(input)
    }

    /// An answer is for the question that it names, and for no other: what it is about may have been asked anew since.
    fn answered(&mut self, step: StepId, asked: u64, decided: Decided) -> Option<Input> {
        let standing = self.state.step(&step).and_then(|known| known.asks.as_ref()).map(|asks| asks.seq);
        if standing == Some(asked) && self.questions.answer(&step, decided) {
            return None;
        }
        let because = match standing.filter(|seq| *seq != asked) {
            Some(seq) => format!("it answers record {asked}, and the question that stands is record {seq}"),
            None => format!("the question of record {asked} does not stand"),
        };
        Some(Input::Refused { control: "answer".to_owned(), step: Some(step), because })
    }
}
