//! What a rule may look at and what it may ask for.

use crate::draft::Link;
use crate::edge::Reason;
use crate::services::{Services, Stand};
use crate::steps::Steps;
use runbook_model::OrderingRule;

/// What rules look at.
pub(super) struct Scene<'a> {
    pub(super) steps: &'a Steps<'a>,
    pub(super) services: &'a Services,
    /// Whether `needs` or data put a change before the step.
    pub(super) follows_change: Vec<bool>,
}

/// An edge that a rule asks for; steps are positions in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub(super) before: usize,
    pub(super) after: usize,
    /// Whether it is an error when `needs` or data contradict. Otherwise the wish is dropped.
    pub(super) holds: bool,
}

impl Wish {
    pub(super) fn link(self, rule: OrderingRule) -> Link {
        Link { before: self.before, after: self.after, reason: Reason::Rule(rule) }
    }
}

/// Puts `step` inside the window: after the opening and before the closing. Where there is no opening (a restart), a step
/// that stands behind it in the file only moves if `moves_up` says so, and only then contradiction is an error.
pub(super) fn inside(stand: &Stand, step: usize, moves_up: bool) -> impl Iterator<Item = Wish> + use<> {
    let window = stand.window;
    let holds = stand.sure && (moves_up || window.open.is_some());
    let concerned = !stand.late || moves_up || window.open.is_some();
    let open = window.open.map(|open| Wish { before: open, after: step, holds });
    let close = window.close.map(|close| Wish { before: step, after: close, holds });
    open.into_iter().chain(close).filter(move |_| concerned)
}
