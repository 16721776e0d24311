//! What a run that goes on waits for: a commit, a secret, a person.

use super::closing::{List, capitalised, commands, sentence};
use crate::style::{Style, Tone};
use crate::text;
use crate::time;
use runbook_model::{Caller, Next, RunState, SecretWait};

/// What stands in the place of [`closing`](super::closing) while `holder` is at work on the run.
pub(crate) fn going_on(state: &RunState, holder: &str, caller: &Caller, style: Style) -> String {
    let Some(header) = &state.header else { return String::new() };
    let (head, rest) = sentence(state, Some(holder));
    let mut out = text::hang("", 0, text::wrap(&format!("{head} {rest}"), style.columns()));
    out.push_str(&questions(state, caller, style));
    let places = [Next::Status, Next::Show(Some(header.run.clone()))];
    out + &commands(List::Places, "What it does now: ", &places, caller, style)
}

/// What it means that a run holds.
pub(crate) fn hold(until: i64) -> String {
    let until = time::stamp(until);
    format!("All is done. It holds until {until}, and is taken back then unless somebody commits it.")
}

/// What it means that a secret is asked for.
pub(crate) fn wait_for_secret(secret: &str, until: i64) -> String {
    format!("Waits until {} for the secret `{}`, which has to be handed in.", time::stamp(until), text::clean(secret))
}

/// The answers where the evidence does not tell.
pub(crate) const CHOICE: &str = "rollback, again or keep";

/// What the run asks a person, and the command that answers, or where the answer is typed.
pub(crate) fn questions(state: &RunState, caller: &Caller, style: Style) -> String {
    let mut out = String::new();
    let ask = |asks: String| text::hang("\n", 0, text::wrap(&asks, style.columns()));
    if let (Some(deadline), Some(header)) = (state.holds(), &state.header) {
        out.push_str(&ask(hold(deadline.until)));
        out.push_str(&commands(List::Ways, "", &[Next::Commit(header.run.clone())], caller, style));
    }
    for (secret, wait) in &state.secrets {
        if let SecretWait::Asked { until } = wait {
            out.push_str(&ask(wait_for_secret(secret, *until)));
        }
    }
    for (id, step) in state.steps() {
        if let Some(waiting) = &step.waits_for {
            out.push_str(&ask(format!("`{id}` asks: {}", text::clean(&waiting.message))));
            let answer = text::clean(&caller.spell(&waiting.answer));
            out.push_str(&format!("{}{answer}\n", style.paint(Tone::Strong, "Next: ")));
        }
        if let Some(asks) = &step.asks {
            let why = capitalised(&text::clean(&asks.failure.message));
            out.push_str(&ask(format!("`{id}` asks at its terminal: {CHOICE}? {why}.")));
        }
    }
    out
}
