//! What all rules ask for together.

use super::wish::Scene;
use super::{RULES, stop_before_replace};
use crate::draft::Link;
use crate::services::Services;
use crate::steps::Steps;

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
