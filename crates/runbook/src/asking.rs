//! The person at the terminal decides where the evidence does not. The question is shown with the run; here is the answer.

use crate::typed::{in_foreground, nothing_typed_ahead, read_some};
use runbook_engine::{Control, Letter};
use runbook_model::{Decided, Decision, Event, Record, StepId};
use runbook_session::host_facts;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;

/// How often it is looked whether the question still stands.
const LOOK: Duration = Duration::from_millis(200);

/// Answers the questions of a run, one after another, with what is typed at the terminal on standard input. Ends with the
/// run, when it is dropped.
pub(crate) struct AtTerminal(Arc<Questions>);

/// A question about a step, by the number of its record.
#[derive(Clone, PartialEq)]
struct Asked {
    step: StepId,
    seq: u64,
}

/// The questions that stand, the oldest first; `None` once the run is over.
struct Questions {
    standing: Mutex<Option<VecDeque<Asked>>>,
    changed: Condvar,
}

impl AtTerminal {
    /// Answers go to `controls`. `None` where there is no thread to wait with: nobody is asked.
    pub(crate) fn answering(controls: UnboundedSender<Control>) -> Option<Self> {
        let questions = Arc::new(Questions { standing: Mutex::new(Some(VecDeque::new())), changed: Condvar::new() });
        let asks = Arc::clone(&questions);
        let thread = std::thread::Builder::new().name("asking".to_owned());
        let asking = thread.spawn(move || {
            while let Some(question) = asks.first() {
                if let Some(decided) = answer(&question.step, &|| !asks.stands(&question)) {
                    asks.withdraw(&question.step);
                    let Asked { step, seq: asked } = question;
                    // The run may be over already.
                    let _ = controls.send(Letter::Answer { step, asked, decided }.into());
                }
            }
        });
        asking.is_ok().then(|| Self(questions))
    }

    /// Follows the run: which questions stand.
    pub(crate) fn record(&self, record: &Record) {
        match &record.event {
            Event::DecisionAsked { step, .. } => self.0.add(Asked { step: step.clone(), seq: record.seq }),
            Event::DecisionMade { step, .. } | Event::StepFinished { step, .. } => self.0.withdraw(step),
            Event::DrainRequested
            | Event::CancelRequested
            | Event::RollbackStarted { .. }
            | Event::RunFinished { .. } => self.0.withdraw_all(),
            _ => {}
        }
    }
}

impl Drop for AtTerminal {
    fn drop(&mut self) {
        *self.0.lock() = None;
        self.0.changed.notify_all();
    }
}

impl Questions {
    fn lock(&self) -> MutexGuard<'_, Option<VecDeque<Asked>>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a question stands. `None` once the run is over.
    fn first(&self) -> Option<Asked> {
        let nothing = |standing: &mut Option<VecDeque<Asked>>| standing.as_ref().is_some_and(VecDeque::is_empty);
        let standing = self.changed.wait_while(self.lock(), nothing).unwrap_or_else(PoisonError::into_inner);
        standing.as_ref()?.front().cloned()
    }

    fn stands(&self, question: &Asked) -> bool {
        self.lock().as_ref().is_some_and(|standing| standing.contains(question))
    }

    fn add(&self, question: Asked) {
        self.lock().iter_mut().for_each(|standing| standing.push_back(question.clone()));
        self.changed.notify_all();
    }

    fn withdraw(&self, step: &StepId) {
        self.lock().iter_mut().for_each(|standing| standing.retain(|other| other.step != *step));
    }

    fn withdraw_all(&self) {
        self.lock().iter_mut().for_each(VecDeque::clear);
    }
}

/// Waits for the answer about `step`. `None` once `withdrawn` says so. Nobody there any more is an answer: to take it back.
fn answer(step: &StepId, withdrawn: &dyn Fn() -> bool) -> Option<Decided> {
    let mut typed = Vec::new();
    let mut asked = false;
    loop {
        if withdrawn() {
            return None;
        }
        if !in_foreground() {
            std::thread::sleep(LOOK);
            continue;
        }
        if !std::mem::replace(&mut asked, true) {
            nothing_typed_ahead();
            ask(step);
        }
        match read_some(&mut typed, LOOK) {
            Ok(true) => {}
            Ok(false) => return Some(Decided::nobody("the terminal is gone")),
            Err(error) => return Some(Decided::nobody(format!("the terminal cannot be read: {error}"))),
        }
        while let Some(end) = typed.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = typed.drain(..=end).collect();
            match meaning(&String::from_utf8_lossy(&line)) {
                Some(decision) => return Some(Decided { decision, by: host_facts().user, because: String::new() }),
                None => ask(step),
            }
        }
    }
}

/// Says which question stands: there may be several.
fn ask(step: &StepId) {
    // In one piece: the account of the run is written to the same screen by another thread. Nobody may be there to read it.
    let _ = io::stderr().write_all(format!("  `{step}`: rollback, again or keep?\n").as_bytes());
}

/// Whole words alone: a slip of a finger must not keep anything. A bare Enter takes it back.
fn meaning(line: &str) -> Option<Decision> {
    match line.trim().to_lowercase().as_str() {
        "" | "rollback" => Some(Decision::RollBack),
        "again" => Some(Decision::ReadAgain),
        "keep" => Some(Decision::Keep),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::meaning;
    use runbook_model::Decision;

    #[test]
    fn only_a_whole_word_keeps_what_is_not_proven() {
        assert_eq!(meaning("keep\n"), Some(Decision::Keep));
        assert_eq!(meaning(" Again\n"), Some(Decision::ReadAgain));
        assert_eq!(meaning("\n"), Some(Decision::RollBack));
        for other in ["k\n", "y\n", "yes\n", "keep it\n"] {
            assert_eq!(meaning(other), None, "{other}");
        }
    }
}
