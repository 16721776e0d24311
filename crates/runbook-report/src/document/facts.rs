//! What the checklists ask of a run, answered from its plan and its state.

use super::answer::{Answer, Sign};
use super::{Kept, StepRow};
use crate::account::{decision_text, place_word, verdict_of};
use crate::text;
use crate::time;
use runbook_model::{
    Excerpt, Plan, Reading, Resolved, Review, Role, RollbackCause, SignalRole, SignalSource, SignalVerdict, StepId,
    StepState, StepStatus, VarType, Verdict,
};

pub(super) struct Facts<'s, 'a> {
    pub(super) kept: &'s Kept<'a>,
    pub(super) steps: &'s [StepRow<'a>],
    pub(super) excerpts: &'s [(&'a StepId, Excerpt)],
}

impl<'a> Facts<'_, 'a> {
    /// The steps that play such a part.
    pub(super) fn playing(&self, part: fn(&Role) -> bool) -> Vec<&StepRow<'a>> {
        self.steps.iter().filter(|row| row.plays(part)).collect()
    }

    /// See [`done`](Self::done), of the steps that play such a part.
    pub(super) fn done_by(&self, part: fn(&Role) -> bool, none: Answer) -> Answer {
        self.done(&self.playing(part), none)
    }

    /// Checked if every one of these steps ended well, red if one failed. `none` is the answer if there are none.
    pub(super) fn done(&self, steps: &[&StepRow<'_>], none: Answer) -> Answer {
        if steps.is_empty() {
            return self.known(none);
        }
        let evidence = steps.iter().map(|row| evidence(row)).collect::<Vec<_>>().join("; ");
        let sign = match () {
            () if steps.iter().all(|row| ended_well(row.state)) => Sign::Checked,
            () if steps.iter().any(|row| failed_forward(row.state).is_some()) => Sign::Red,
            () => Sign::Missing,
        };
        Answer::new(sign, evidence)
    }

    /// `answer`, where it is known what the steps are for.
    pub(super) fn known(&self, answer: Answer) -> Answer {
        match self.kept.roles {
            Some(_) => answer,
            None => Answer::missing("not known: the `runbook` that began this run did not keep what its steps are for"),
        }
    }

    /// Entries under `review:` whose `what` contains one of `words`.
    pub(super) fn reviewed(&self, words: &[&str], what: &str) -> Answer {
        let matches = |review: &&Review| {
            let what = review.what.to_lowercase();
            words.iter().any(|word| what.split(|c: char| !c.is_alphanumeric()).any(|part| part.starts_with(word)))
        };
        let found: Vec<String> = self.kept.plan.review.iter().filter(matches).map(review_text).collect();
        match found.is_empty() {
            true => Answer::missing(format!("the plan has no `review` of {what}")),
            false => Answer::checked(found.join("; ")),
        }
    }

    /// The same answer, with what steps read that `of` has something to say about: evidence beside a review, and never
    /// instead of one.
    pub(super) fn beside(&self, mut answer: Answer, of: impl Fn(&Excerpt) -> Option<String>) -> Answer {
        for (id, excerpt) in self.excerpts {
            if let Some(said) = of(excerpt) {
                answer.evidence.push_str(&format!("; `{id}` read {said}"));
            }
        }
        answer
    }

    /// Readings after the change, each with its step.
    fn readings(&self) -> impl Iterator<Item = (&StepRow<'a>, &'a Reading)> {
        self.steps.iter().flat_map(|row| row.state.readings.iter().map(move |reading| (row, reading)))
    }

    /// Checked if signals from `source` were read after the change, every blocking one among them, and none is red, else
    /// red or missing.
    pub(super) fn signals_from(&self, source: SignalSource) -> Answer {
        let answer = self.signals(|row, reading| row.source(&reading.signal) == Some(source));
        if answer.sign == Sign::Missing { self.known(answer) } else { answer }
    }

    /// The same of those that `wanted` picks.
    pub(super) fn signals(&self, wanted: impl Fn(&StepRow<'_>, &Reading) -> bool) -> Answer {
        let mut found: Vec<String> = Vec::new();
        let (mut unread, mut red, mut unproven) = (0, 0, false);
        for (_, reading) in self.readings().filter(|(row, reading)| wanted(row, reading)) {
            let open = matches!(reading.verdict, SignalVerdict::Unread | SignalVerdict::NotYet);
            unread += usize::from(open);
            red += usize::from(reading.verdict == SignalVerdict::Red);
            unproven |= open && reading.role == SignalRole::Blocking;
            found.push(reading_text(reading));
        }
        match found.len() {
            0 => Answer::missing("no such signal was read after the change"),
            _ if red > 0 => Answer::new(Sign::Red, found.join("; ")),
            all if all == unread || unproven => Answer::missing(found.join("; ")),
            _ => Answer::checked(found.join("; ")),
        }
    }

    /// The first step that failed going forward, and why.
    pub(super) fn failed(&self) -> Option<(&'a StepId, String)> {
        self.steps.iter().find_map(|row| Some((row.id, failed_forward(row.state)?)))
    }

    /// Verdict and cause in a few words.
    pub(super) fn decision(&self) -> Answer {
        let state = self.kept.state;
        let Some(verdict) = state.verdict() else { return Answer::missing("the run is not over") };
        let mut because = match (&state.rollback, self.failed()) {
            (Some(RollbackCause::CannotGoOn { because }), _) => {
                format!(", because it could not go on: {}", text::clean(because))
            }
            (Some(RollbackCause::NotCommitted), _) => ", because nobody committed it".to_owned(),
            (_, Some((id, why))) => format!(", because `{id}` failed: {why}"),
            (_, None) => String::new(),
        };
        let by = state.committed.as_ref().map(|by| format!("; committed by {}", text::clean(by))).unwrap_or_default();
        let asked = |row: &StepRow<'_>| Some(format!("`{}`: {}", row.id, decision_text(row.state.decided.as_ref()?)));
        let asked: Vec<String> = self.steps.iter().filter_map(asked).collect();
        if !asked.is_empty() {
            because.push_str(&format!(" ({})", asked.join("; ")));
        }
        Answer::checked(match verdict {
            Verdict::Accepted if state.is_kept() => format!("kept, without proof{because}"),
            Verdict::Succeeded if self.readings().next().is_none() => {
                format!("went on, without a verification{by}")
            }
            Verdict::Succeeded => format!("went on: the evidence was as wanted{by}"),
            Verdict::RolledBack => format!("rolled back{because}"),
            Verdict::Stopped => format!("stopped as the plan says{because}"),
            Verdict::Accepted => format!("closed by hand{because}"),
            Verdict::Refused => format!("refused before any change{because}"),
            Verdict::Stuck => format!("rolled back{because}; the way back did not end, a person has to go on"),
        })
    }
}

/// The plan's variables of type version, with their values.
pub(super) fn versions(plan: &Plan) -> Vec<String> {
    let value = |var: &Resolved| {
        let text = match var.value.as_ref()?.to_json() {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        Some(format!("{} {}", var.name, text::clean(&text)))
    };
    plan.vars.iter().filter(|var| var.ty == VarType::Version).filter_map(value).collect()
}

/// `install`: 1.1.0 replaced, 05:27:03
fn evidence(row: &StepRow<'_>) -> String {
    let StepRow { id, state, .. } = row;
    let summary = text::clean(&state.summary);
    let when = state.finished_at.map(|at| format!(" at {}", time::clock(at))).unwrap_or_default();
    let end = match state.status {
        StepStatus::Pending => "did not run".to_owned(),
        StepStatus::Undone => format!("{summary}{when}, taken back"),
        StepStatus::Skipped => format!("skipped: {summary}"),
        _ => format!("{summary}{when}"),
    };
    let names: Vec<String> = row.captures().iter().map(|name| format!("`{}`", text::clean(name))).collect();
    match ended_well(state) && !names.is_empty() {
        true => format!("`{id}`: {end}, with the answers {}", names.join(", ")),
        false => format!("`{id}`: {end}"),
    }
}

/// Whether the step did what it is for; it may have been taken back later.
fn ended_well(step: &StepState) -> bool {
    step.finished_at.is_some() && step.attempts > 0 && failed_forward(step).is_none()
}

/// Why a step failed going forward; kept in its summary even after its undo failed as well.
fn failed_forward(step: &StepState) -> Option<String> {
    let untouched = step.status == StepStatus::FailedUntouched;
    let failure = step.failure.as_ref()?;
    let forward = untouched || failure.message == step.summary || step.summary.is_empty();
    forward.then(|| text::clean(&step.summary))
}

pub(super) fn review_text(review: &Review) -> String {
    let link = review.link.as_deref().map(|link| format!(", {}", text::clean(link))).unwrap_or_default();
    let [what, version, by] = [&review.what, &review.version, &review.by].map(|part| text::clean(part));
    format!("{what} for {version}, read by {by}{link}")
}

fn reading_text(reading: &Reading) -> String {
    let place = match place_word(reading) {
        "" => String::new(),
        place => format!(" ({})", text::clean(place)),
    };
    let [signal, read] = [&reading.signal, &reading.read].map(|part| text::clean(part));
    format!("{signal} is {}: {read}{place}", verdict_of(reading.verdict))
}
