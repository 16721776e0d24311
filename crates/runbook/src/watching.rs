//! Who watches a run for the screen: a reporter is fed, questions come up, and an interrupt is explained.

use crate::asking::AtTerminal;
use runbook_engine::{Interrupt, Observer};
use runbook_model::{Caller, Next, Record, StepId};
use runbook_report::Reporter;
use std::io::{self, Write};

/// Feeds a reporter. What goes wrong with the screen does not touch the run.
pub(crate) struct Watching {
    pub(crate) reporter: Box<dyn Reporter>,
    pub(crate) asking: Option<AtTerminal>,
    /// Whether the account and what is said beside it go to one place.
    pub(crate) together: bool,
    pub(crate) caller: Caller,
}

impl Observer for Watching {
    fn record(&mut self, record: &Record) {
        let _ = self.reporter.record(record);
        // A question is on the screen before it is answered there.
        if let Some(asking) = &self.asking {
            asking.record(record);
        }
    }

    fn progress(&mut self, step: &StepId, note: &str) {
        let _ = self.reporter.progress(step, note);
    }

    fn tick(&mut self, now_ms: i64) {
        let _ = self.reporter.tick(now_ms);
    }

    fn interrupted(&mut self, interrupt: Interrupt) {
        let text = &meaning(interrupt, &self.caller);
        // A closed terminal is not a reason to end a run.
        let _ = match self.together {
            true => self.reporter.interrupted(text),
            false => writeln!(io::stderr(), "\n{text}"),
        };
    }
}

/// What a Ctrl-C does, and what the next one would do.
fn meaning(interrupt: Interrupt, caller: &Caller) -> String {
    let text = match interrupt {
        Interrupt::Draining => "nothing more is started; what runs is finished. Ctrl-C again cancels what runs",
        Interrupt::Cancelling => "what runs is being stopped. Ctrl-C again leaves at once, and the run can be resumed",
        Interrupt::Pausing { cancel: true } => {
            "nothing more is taken back; what runs is finished. Ctrl-C again leaves at once, and the run can be resumed"
        }
        Interrupt::Pausing { cancel: false } => {
            "nothing more is taken back; what runs is finished, and the run stays open. Ctrl-C twice more leaves at once"
        }
        Interrupt::Leaving => {
            let [resume, rollback] = [Next::Resume(None), Next::Rollback(None)].map(|next| caller.command(&next));
            return format!("left at once; `{resume}` or `{rollback}` goes on");
        }
    };
    text.to_owned()
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.reporter.finish();
    }
}

/// For `--format json`: the account is printed when the run is over.
pub(crate) struct Silent;

impl Reporter for Silent {
    fn record(&mut self, _: &Record) -> io::Result<()> {
        Ok(())
    }
}
