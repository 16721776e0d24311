//! A line a change, for where no screen can be redrawn.

use super::words::{stop_words, verdict_word};
use crate::text;
use crate::time;
use runbook_rollout::{Judged, RolloutEvent, RolloutRecord, Target, Waves};

/// The line of a record; `None` where nobody is told.
pub fn rollout_line(record: &RolloutRecord, waves: &Waves) -> Option<String> {
    Some(format!("{}  {}", time::clock(record.at), text::clean(&told(&record.event, waves)?)))
}

fn told(event: &RolloutEvent, waves: &Waves) -> Option<String> {
    use RolloutEvent as E;
    Some(match event {
        E::Started { rollout, attempt, digest, controller } => {
            format!("{rollout}: attempt {attempt} by {}, digest {}", controller.by, text::short(digest))
        }
        E::TakenOver { controller } => format!("{} goes on", controller.by),
        E::Unreachable { host, because } => format!("{host}: cannot be reached: {because}"),
        E::NotReserved { host, holder } => format!("{host}: is kept by {holder}"),
        E::Judged { target, judged: Judged::NothingToDo } => of(target, "nothing to do"),
        E::Judged { target, judged: Judged::Refused(because) } | E::Refused { target, because } => {
            of(target, &format!("refused: {because}"))
        }
        E::ApprovalRefused { wave, by, because } => {
            format!("{}: the approval of {by} opens nothing: {because}", wave_name(waves, *wave))
        }
        E::ApprovalAsked { wave, evidence } => {
            format!("{}: waits for an approval of evidence {}", wave_name(waves, *wave), text::short(evidence))
        }
        E::Approved { wave, by, .. } => format!("{}: approved by {by}", wave_name(waves, *wave)),
        E::WaveOpened { wave } => format!("{}: opens", wave_name(waves, *wave)),
        E::WavePassed { wave } => format!("{}: passed", wave_name(waves, *wave)),
        E::Fetched { artifact, .. } => format!("artifact {artifact}: is here"),
        E::NotFetched { artifact, from, because } => {
            format!("artifact {artifact}: did not come from {from}: {because}")
        }
        E::Given { target, artifact, digest } => {
            of(target, &format!("has artifact {artifact} ({})", text::short(digest)))
        }
        E::BeginIntended { target, run } => of(target, &format!("begins, run {run}")),
        E::Held { target } => of(target, "proven"),
        E::CommitIntended { target } => of(target, "is told to commit"),
        E::CancelIntended { target, because } => of(target, &format!("is told to go back: {because}")),
        E::Ended { target, verdict, .. } => of(target, verdict_word(*verdict).1),
        E::Lost { target } => of(target, "nothing was heard by its deadline; its outcome is owed"),
        E::Stopped { because } => format!("nothing more begins: {}", stop_words(because)),
        E::DrainAsked { by } => format!("{by} wants nothing more to begin"),
        E::CancelAsked { by } => format!("{by} wants it to end"),
        E::RollbackAsked { by } => format!("{by} wants everything back"),
        E::BackIntended { target } => of(target, "is told to go back after its commit"),
        E::TookBack { target, whole: true } => of(target, "is taken back whole"),
        E::TookBack { target, whole: false } => of(target, "is stuck on its way back"),
        E::BackOwed { target } => of(target, "its way back is owed"),
        E::Finished => "every host has its verdict, or it is owed".to_owned(),
        E::Reached { .. } | E::RenewalDue { .. } | E::Reserved { .. } | E::Judged { .. } | E::Begun { .. } => {
            return None;
        }
    })
}

fn of(target: &Target, what: &str) -> String {
    format!("{} ({}): {what}", target.host, target.stage)
}

/// `nvm`, or `nvm, wave 2 of 3` where the stage has more than one.
pub(super) fn wave_name(waves: &Waves, at: usize) -> String {
    let Some(wave) = waves.waves.get(at) else { return format!("wave {at}") };
    match waves.waves.iter().filter(|other| other.stage == wave.stage).count() {
        1 => wave.stage.to_string(),
        many => format!("{}, wave {} of {many}", wave.stage, wave.number + 1),
    }
}
