//! The second report's checklist for the estate: each line from the runs of all hosts, but for the two that only the rollout knows.

use super::estate::Estate;
use super::words::verdict_word;
use crate::document::{CANARY, PROMOTED, Sign};
use crate::text;
use runbook_model::StepId;
use runbook_rollout::{RolloutEvent, Target, TargetVerdict, Wave};

/// A line with its answers.
pub(super) struct Line {
    pub(super) says: &'static str,
    /// The worst of its answers.
    pub(super) sign: Sign,
    /// Evidence, each with the hosts that it is of.
    pub(super) evidence: Vec<(Vec<String>, String)>,
}

/// The lines; none where no run was read.
pub(super) fn lines(estate: &Estate<'_>) -> Vec<Line> {
    let Some((_, first)) = estate.runs.first() else { return Vec::new() };
    let [_, list] = &first.checklists;
    list.lines.iter().enumerate().map(|(at, (says, _))| line(estate, at, says)).collect()
}

fn line(estate: &Estate<'_>, at: usize, says: &'static str) -> Line {
    if says == CANARY {
        return canary(estate);
    }
    if says == PROMOTED {
        return promoted(estate);
    }
    let mut line = Line { says, sign: Sign::NotApplicable, evidence: Vec::new() };
    for (target, run) in estate.runs {
        let Some((_, answer)) = run.checklists.get(1).and_then(|list| list.lines.get(at)) else { continue };
        line.sign = line.sign.worse(answer.sign);
        line.add(target, &answer.evidence);
    }
    line
}

impl Line {
    /// What is said of many hosts alike is said once.
    fn add(&mut self, target: &Target, said: &str) {
        let host = target.host.to_string();
        match self.evidence.iter_mut().find(|(_, other)| other == said) {
            Some((hosts, _)) => hosts.push(host),
            None => self.evidence.push((vec![host], said.to_owned())),
        }
    }
}

/// Checked where every canary is good; the order is that of the waves.
fn canary(estate: &Estate<'_>) -> Line {
    let mut line = Line { says: CANARY, sign: Sign::Missing, evidence: Vec::new() };
    let canaries = estate.waves.waves.iter().filter(|wave| wave.canary);
    for target in canaries.flat_map(Wave::targets) {
        let verdict = estate.state.verdict(&target);
        let (sign, said) = match verdict {
            None => (Sign::Missing, "not over".to_owned()),
            Some(verdict) if verdict.is_good() => (Sign::Checked, verdict_word(verdict).1.to_owned()),
            Some(verdict @ (TargetVerdict::LeftAlone | TargetVerdict::TakenBack | TargetVerdict::BackOwed)) => {
                (Sign::Missing, verdict_word(verdict).1.to_owned())
            }
            Some(verdict) => (Sign::Red, verdict_word(verdict).1.to_owned()),
        };
        line.sign = if line.evidence.is_empty() { sign } else { line.sign.worse(sign) };
        line.add(&target, &format!("canary of stage {}: {said}", target.stage));
    }
    line
}

/// Checked where every host that takes an artifact has it from the run that proved it.
fn promoted(estate: &Estate<'_>) -> Line {
    let takers: Vec<Target> =
        estate.waves.waves.iter().filter(|wave| !wave.takes.is_empty()).flat_map(Wave::targets).collect();
    let mut line = Line { says: PROMOTED, sign: Sign::NotApplicable, evidence: Vec::new() };
    for target in takers {
        let verdict = estate.state.verdict(&target);
        let given = given(estate, &target);
        let (sign, said) = match verdict {
            Some(TargetVerdict::NothingToDo) => (Sign::NotApplicable, "had nothing to do".to_owned()),
            _ if given.is_empty() => (Sign::Missing, "was given nothing".to_owned()),
            Some(verdict) if verdict.is_good() => (Sign::Checked, given.join(", ")),
            _ => (Sign::Missing, given.join(", ")),
        };
        line.sign = line.sign.worse(sign);
        line.add(&target, &said);
    }
    line
}

/// What `of` was given; with its digest where that record is told of.
fn given(estate: &Estate<'_>, of: &Target) -> Vec<String> {
    let digest = |id: &StepId| {
        estate.records.iter().find_map(|record| match &record.event {
            RolloutEvent::Given { target, artifact, digest } if target == of && artifact == id => Some(digest),
            _ => None,
        })
    };
    let told = |id: &StepId| match digest(id) {
        Some(digest) => format!("{id} {}", text::short(digest)),
        None => id.to_string(),
    };
    estate.state.target(of).given.iter().map(told).collect()
}
