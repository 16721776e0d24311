//! What the checklists ask of a run, answered from its plan and its state.

use crate::account::{decision_text, place_word};
use crate::text;
use crate::time;
use runbook_model::{
    Caller, Excerpt, Node, Plan, Reading, Review, RollbackCause, RunId, RunState, SignalKind, SignalRole,
    SignalVerdict, StepDef, StepId, StepState, StepStatus, VarType, Verdict,
};

/// Kinds by what they are for, as prefixes of `uses`.
pub(super) const INSPECT: &[&str] = &["service.inspect", "npm.view", "command.capture"];
pub(super) const BACKUP: &[&str] = &["backup."];
pub(super) const INSTALL: &[&str] = &["npm.install", "artifact.deploy", "apt.", "brew."];
pub(super) const PLUGINS: &[&str] = &["npm.ci", "plugin."];
pub(super) const CACHE: &[&str] = &["jiti-cache."];
pub(super) const RESTART: &[&str] =
    &["process.restart", "process.start", "systemd.restart", "systemd.start", "launchd."];

/// Sources of signals, as the keys under `signals.<name>`.
pub(super) const SERVICE_SOURCES: &[&str] = &["unit", "process", "port"];
pub(super) const CHANNEL_SOURCES: &[&str] = &["command", "http"];
pub(super) const LOG_SOURCES: &[&str] = &["log", "log_absent"];

/// One line's answer with its evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Checked(String),
    NotApplicable(String),
    Missing(String),
    /// It was looked at, and is not as wanted.
    Red(String),
}

pub(super) struct Facts<'a> {
    pub(super) plan: &'a Plan,
    pub(super) state: &'a RunState,
    pub(super) caller: &'a Caller,
}

impl<'a> Facts<'a> {
    pub(super) fn run(&self) -> Option<RunId> {
        self.state.header.as_ref().map(|header| header.run.clone())
    }

    /// The steps of these kinds, with what became of them.
    pub(super) fn steps(&self, prefixes: &[&str]) -> Vec<(&'a StepDef, &'a StepState)> {
        let wanted = |step: &&StepDef| prefixes.iter().any(|prefix| step.uses.starts_with(prefix));
        let with_state = |step: &'a StepDef| Some((step, self.state.step(&step.id)?));
        self.plan.steps.iter().filter(wanted).filter_map(with_state).collect()
    }

    /// Checked if every step of these kinds that the plan has ended well, red if one failed. `none` is the answer if it has none.
    pub(super) fn done(&self, prefixes: &[&str], none: Answer) -> Answer {
        let steps = self.steps(prefixes);
        if steps.is_empty() {
            return none;
        }
        let evidence = steps.iter().map(|(step, state)| self.evidence(step, state)).collect::<Vec<_>>().join("; ");
        // A step that was taken back later did what the line asks for.
        let well =
            |state: &StepState| state.finished_at.is_some() && state.attempts > 0 && failed_forward(state).is_none();
        let failed = |state: &StepState| failed_forward(state).is_some();
        match () {
            () if steps.iter().all(|(_, state)| well(state)) => Answer::Checked(evidence),
            () if steps.iter().any(|(_, state)| failed(state)) => Answer::Red(evidence),
            () => Answer::Missing(evidence),
        }
    }

    /// `install`: 1.1.0 replaced, 05:27:03
    fn evidence(&self, step: &StepDef, state: &StepState) -> String {
        let summary = text::clean(&state.summary);
        let when = state.finished_at.map(|at| format!(" at {}", time::clock(at))).unwrap_or_default();
        let end = match state.status {
            StepStatus::Pending => "did not run".to_owned(),
            StepStatus::Undone => format!("{summary}{when}, taken back"),
            StepStatus::Skipped => format!("skipped: {summary}"),
            _ => format!("{summary}{when}"),
        };
        format!("`{}`: {end}", step.id)
    }

    /// Entries under `review:` whose `what` contains one of `words`.
    pub(super) fn reviewed(&self, words: &[&str], what: &str) -> Answer {
        let found: Vec<String> = self.reviews(words).map(review_text).collect();
        match found.is_empty() {
            true => Answer::Missing(format!("the plan has no `review` of {what}")),
            false => Answer::Checked(found.join("; ")),
        }
    }

    /// What steps read for people, as evidence beside a review and never instead of one.
    pub(super) fn excerpts(&self) -> Vec<(&'a StepId, Excerpt)> {
        self.state.steps().filter_map(|(id, step)| Some((id, Excerpt::of(step.usable_outputs())?))).collect()
    }

    /// The same answer, with what steps read that `of` has something to say about.
    pub(super) fn beside(&self, answer: Answer, of: impl Fn(&Excerpt) -> Option<String>) -> Answer {
        let read: Vec<String> =
            self.excerpts().iter().filter_map(|(id, excerpt)| Some(format!("`{id}` read {}", of(excerpt)?))).collect();
        if read.is_empty() {
            return answer;
        }
        let with = |text: String| format!("{text}; {}", read.join("; "));
        match answer {
            Answer::Checked(text) => Answer::Checked(with(text)),
            Answer::Red(text) => Answer::Red(with(text)),
            Answer::NotApplicable(text) => Answer::NotApplicable(with(text)),
            Answer::Missing(text) => Answer::Missing(with(text)),
        }
    }

    pub(super) fn reviews(&self, words: &[&str]) -> impl Iterator<Item = &'a Review> {
        let matches = |review: &&Review| {
            let what = review.what.to_lowercase();
            words.iter().any(|word| what.split(|c: char| !c.is_alphanumeric()).any(|part| part.starts_with(word)))
        };
        self.plan.review.iter().filter(matches).collect::<Vec<_>>().into_iter()
    }

    /// Readings after the change, with the name of the verification.
    pub(super) fn readings(&self) -> impl Iterator<Item = (&'a str, &'a Reading)> {
        self.state.steps().flat_map(|(id, step)| step.readings.iter().map(move |reading| (id.as_str(), reading)))
    }

    /// Checked if signals of `kind` were read after the change, every blocking one among them, and none is red, else red or
    /// missing.
    pub(super) fn signals_of(&self, kind: SignalKind) -> Answer {
        self.signals(|reading| reading.kind == kind)
    }

    /// The same of signals from these sources.
    pub(super) fn signals_from(&self, sources: &[&str]) -> Answer {
        let names = self.names_from(sources);
        self.signals(|reading| names.contains(&reading.signal.as_str()))
    }

    fn signals(&self, wanted: impl Fn(&Reading) -> bool) -> Answer {
        let mut found: Vec<String> = Vec::new();
        let (mut unread, mut red, mut unproven) = (0, 0, false);
        for (_, reading) in self.readings().filter(|(_, reading)| wanted(reading)) {
            let open = matches!(reading.verdict, SignalVerdict::Unread | SignalVerdict::NotYet);
            unread += usize::from(open);
            red += usize::from(reading.verdict == SignalVerdict::Red);
            unproven |= open && reading.role == SignalRole::Blocking;
            found.push(reading_text(reading));
        }
        match found.len() {
            0 => Answer::Missing("no such signal was read after the change".to_owned()),
            _ if red > 0 => Answer::Red(found.join("; ")),
            all if all == unread || unproven => Answer::Missing(found.join("; ")),
            _ => Answer::Checked(found.join("; ")),
        }
    }

    /// Names of the signals of the plan that have one of `sources`.
    fn names_from(&self, sources: &[&str]) -> Vec<&'a str> {
        let signals = |step: &'a StepDef| step.with.get("signals").map_or(&[][..], |entry| entry.value.entries());
        let has = |signal: &Node| sources.iter().any(|source| signal.get(source).is_some());
        let entries = self.plan.steps.iter().flat_map(signals);
        entries.filter(|entry| has(&entry.value)).map(|entry| entry.key.as_str()).collect()
    }

    /// The values of the plan's variables of type version.
    pub(super) fn versions(&self) -> Vec<String> {
        let value = |var: &runbook_model::Resolved| {
            let text = match var.value.as_ref()?.to_json() {
                serde_json::Value::String(text) => text,
                other => other.to_string(),
            };
            Some(format!("{} {}", var.name, text::clean(&text)))
        };
        self.plan.vars.iter().filter(|var| var.ty == VarType::Version).filter_map(value).collect()
    }

    /// Verdict and cause in a few words.
    pub(super) fn decision(&self) -> Answer {
        let Some(verdict) = self.state.verdict() else {
            return Answer::Missing("the run is not over".to_owned());
        };
        let failed = self.state.steps().find_map(|(id, step)| Some((id, failed_forward(step)?)));
        let because = match (&self.state.rollback, failed) {
            (Some(RollbackCause::CannotGoOn { because }), _) => {
                format!(", because it could not go on: {}", text::clean(because))
            }
            (_, Some((id, why))) => format!(", because `{id}` failed: {why}"),
            (_, None) => String::new(),
        };
        let asked: Vec<String> = self
            .state
            .steps()
            .filter_map(|(id, step)| Some(format!("`{id}`: {}", decision_text(step.decided.as_ref()?))))
            .collect();
        let asked = if asked.is_empty() { String::new() } else { format!(" ({})", asked.join("; ")) };
        let because = format!("{because}{asked}");
        Answer::Checked(match verdict {
            Verdict::Accepted if self.state.is_kept() => format!("kept, without proof{because}"),
            Verdict::Succeeded if self.readings().next().is_none() => "went on, without a verification".to_owned(),
            Verdict::Succeeded => "went on: the evidence was as wanted".to_owned(),
            Verdict::RolledBack => format!("rolled back{because}"),
            Verdict::Stopped => format!("stopped as the plan says{because}"),
            Verdict::Accepted => format!("closed by hand{because}"),
            Verdict::Refused => format!("refused before any change{because}"),
            Verdict::Stuck => format!("rolled back{because}; the way back did not end, a person has to go on"),
        })
    }
}

/// Why a step failed going forward; kept in its summary even after its undo failed as well.
pub(super) fn failed_forward(step: &StepState) -> Option<String> {
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

pub(super) fn reading_text(reading: &Reading) -> String {
    let verdict = crate::account::verdict_of(reading.verdict);
    let place = match place_word(reading) {
        "" => String::new(),
        place => format!(" ({})", text::clean(place)),
    };
    format!("{} is {verdict}: {}{place}", text::clean(&reading.signal), text::clean(&reading.read))
}
