//! What stands in the way of a run, as it is told before anything is changed.

use crate::error::CommandError;
use crate::screen::Screen;
use runbook_engine::Obstacle;

/// Tells what is doubtful; returns what no run can succeed with.
pub(crate) fn certain(screen: &Screen, obstacles: Vec<Obstacle>) -> Vec<Obstacle> {
    let (certain, possible): (Vec<_>, Vec<_>) = obstacles.into_iter().partition(|one| one.certain);
    possible.iter().for_each(|one| screen.note(&format!("warning: {}", one.failure.message)));
    certain
}

/// All of them in one refusal: each may need somebody else to mend it. `so` says what that leaves.
pub(crate) fn refuse(certain: &[Obstacle], so: &str) -> Result<(), CommandError> {
    let Some(first) = certain.first() else { return Ok(()) };
    let hint = first.failure.hint.as_deref().map_or_else(String::new, |hint| format!("{hint}; "));
    Err(CommandError::refused(told(certain)).hint(format!("{hint}{so}")))
}

/// One after another, each with its details.
pub(crate) fn told(obstacles: &[Obstacle]) -> String {
    let message = |one: &Obstacle| {
        let detail = one.failure.detail.lines().map(|line| format!("\n    {line}"));
        format!("{}{}", one.failure.message, detail.collect::<String>())
    };
    obstacles.iter().map(message).collect::<Vec<_>>().join("\n  and ")
}
