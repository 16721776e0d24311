//! The journal of a unit from the position that counts at a moment.

use super::{JournalMark, JournalTail, Unit, UnitState};
use crate::log::{Marks, Moment, Noted, Tail, read_mark};
use crate::observed::Logged;
use runbook_host::Reader;
use runbook_model::Failure;
use serde_json::{Value as Json, json};

impl Logged for Unit {
    fn log(&self, host: &Reader, marks: &Marks<'_>, moment: Moment) -> Result<Result<Tail, String>, Failure> {
        let (unit, now) = match self.by_its_own_name(host) {
            Ok(found) => found,
            Err(failure) => return Ok(Err(failure.message)),
        };
        let before: Option<JournalMark> = read_mark(marks.latest(), "journal");
        let tail = if moment == Moment::Before || (moment == Moment::Back && is_same_life(before.as_ref(), &now)) {
            JournalTail::of_this_life(host, &unit, &now)?
        } else {
            // A note that was there at the baseline is of an earlier run.
            let earlier = read_mark(marks.latest(), "started");
            match unit.noted_start(host)?.filter(|noted| Some(noted) != earlier.as_ref()).or(before) {
                Some(mark) => JournalTail::since(host, &unit, &now, mark),
                None => return Ok(Err(format!("no position to read the journal of {unit} from is known"))),
            }
        };
        Ok(Ok(Tail::Journal(Box::new(tail))))
    }

    /// A unit that runs on since the change was judged has said before that what it says once.
    fn marks_of_files<'m>(&self, host: &Reader, marks: &'m Marks<'_>) -> Result<&'m Json, String> {
        let (_, now) = self.by_its_own_name(host).map_err(|failure| failure.message)?;
        let before: Option<JournalMark> = read_mark(marks.latest(), "journal");
        Ok(if is_same_life(before.as_ref(), &now) { marks.baseline } else { marks.latest() })
    }

    /// Where systemd does not answer there is no position, and the signals say so.
    fn log_marks(&self, host: &Reader) -> Result<Noted, Failure> {
        let Ok((unit, state)) = self.by_its_own_name(host) else { return Ok(Noted::new()) };
        Ok(Noted::from_iter([
            ("journal".to_owned(), json!(unit.journal_mark(host, &state)?)),
            ("started".to_owned(), json!(unit.noted_start(host)?)),
        ]))
    }

    fn is_marked_again(&self) -> bool {
        true
    }
}

impl Unit {
    /// The journal knows a unit by its own name.
    fn by_its_own_name(&self, host: &Reader) -> Result<(Self, UnitState), Failure> {
        let unit = self.resolved(host)?;
        let state = unit.state(host)?;
        Ok((unit, state))
    }
}

fn is_same_life(before: Option<&JournalMark>, now: &UnitState) -> bool {
    before.is_some_and(|before| before.invocation == now.invocation)
}
