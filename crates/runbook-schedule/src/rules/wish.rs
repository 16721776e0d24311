//! What a rule may look at and what it may ask for.

use super::{RULES, stop_before_replace};
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

/// What all rules ask for, by its force.
pub(crate) struct Wishes {
    /// Must hold.
    pub(crate) firm: Vec<Link>,
    /// Yields to those, to `needs` and to data.
    pub(crate) soft: Vec<Link>,
    /// Yields to all others: it only keeps steps where they are written.
    pub(crate) as_written: Vec<Link>,
}

/// What all rules ask for.
pub(crate) fn wishes(steps: &Steps<'_>, services: &Services, written: &[Link]) -> Wishes {
    let scene = Scene { steps, services, follows_change: follows_change(steps, written) };
    let (mut firm, mut soft) = (Vec::new(), Vec::new());
    for rule in RULES {
        for wish in (rule.wishes)(&scene) {
            let link = wish.link(rule.name);
            match (wish.before == wish.after, wish.holds) {
                (true, _) => {}
                (false, true) => firm.push(link),
                (false, false) => soft.push(link),
            }
        }
    }
    let as_written = stop_before_replace::as_written(&scene);
    let as_written = as_written.into_iter().map(|wish| wish.link(stop_before_replace::RULE.name)).collect();
    Wishes { firm, soft, as_written }
}

impl Wish {
    fn link(self, rule: OrderingRule) -> Link {
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

fn follows_change(steps: &Steps<'_>, written: &[Link]) -> Vec<bool> {
    let before = crate::draft::predecessors(steps.count(), written);
    let mut follows = vec![false; steps.count()];
    for at in crate::draft::file_first(&before) {
        let earlier = before.get(at).into_iter().flatten();
        let found = earlier.into_iter().any(|at| steps.is_change(*at) || follows.get(*at).copied().unwrap_or(false));
        if let Some(entry) = follows.get_mut(at) {
            *entry = found;
        }
    }
    follows
}
