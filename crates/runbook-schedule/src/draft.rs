//! The edges while they are being collected: who yields to whom, and a deterministic order at the end.

use crate::edge::Reason;
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// One step before another for one reason; steps are positions in the file.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) before: usize,
    pub(crate) after: usize,
    pub(crate) reason: Reason,
}

/// The sets of steps that wait for one another. They are numbered against the direction of the links between them.
pub(crate) struct StronglyConnected {
    component: Vec<usize>,
    size: Vec<usize>,
}

impl StronglyConnected {
    /// The components of `count` steps under `links`.
    pub(crate) fn of<'a>(count: usize, links: impl IntoIterator<Item = &'a Link>) -> Self {
        let mut graph = DiGraph::<(), ()>::with_capacity(count, count);
        (0..count).for_each(|_| {
            graph.add_node(());
        });
        for link in links {
            graph.add_edge(NodeIndex::new(link.before), NodeIndex::new(link.after), ());
        }
        let mut components = Self { component: vec![0; count], size: Vec::new() };
        for (number, members) in kosaraju_scc(&graph).into_iter().enumerate() {
            components.size.push(members.len());
            for member in members {
                if let Some(component) = components.component.get_mut(member.index()) {
                    *component = number;
                }
            }
        }
        components
    }

    /// A position in an order of the components that respects the links between them.
    pub(crate) fn rank(&self, step: usize) -> usize {
        usize::MAX - self.of_step(step)
    }

    /// Whether there is any.
    pub(crate) fn any(&self) -> bool {
        self.size.iter().any(|size| *size > 1)
    }

    /// Whether the link lies inside a component.
    pub(crate) fn binds(&self, link: &Link) -> bool {
        link.before == link.after
            || (self.of_step(link.before) == self.of_step(link.after) && self.is_in_a_cycle(link.before))
    }

    /// Whether the step waits for itself through others.
    pub(crate) fn is_in_a_cycle(&self, step: usize) -> bool {
        self.size.get(self.of_step(step)).is_some_and(|size| *size > 1)
    }

    /// The number of the step's component.
    pub(crate) fn of_step(&self, step: usize) -> usize {
        self.component.get(step).copied().unwrap_or(usize::MAX)
    }
}

/// For each step the steps that `links` put directly before it, in the order of the file.
pub(crate) fn predecessors<'a>(count: usize, links: impl IntoIterator<Item = &'a Link>) -> Vec<Vec<usize>> {
    let mut before = vec![Vec::new(); count];
    for link in links {
        if let Some(list) = before.get_mut(link.after) {
            list.push(link.before);
        }
    }
    for list in &mut before {
        list.sort_unstable();
        list.dedup();
    }
    before
}

/// The order of the file with each step preceded by what must come before it: its position for each step. Steps move up as
/// little as possible. Cycles, if there are any, are cut where they close.
pub(crate) fn pulled_up(before: &[Vec<usize>]) -> Vec<usize> {
    let mut position = vec![usize::MAX; before.len()];
    let mut entered = vec![false; before.len()];
    let mut next = 0;
    for root in 0..before.len() {
        let mut stack = vec![(root, false)];
        while let Some((step, done)) = stack.pop() {
            let (Some(place), Some(was_entered)) = (position.get_mut(step), entered.get_mut(step)) else { continue };
            if done {
                *place = next;
                next += 1;
            } else if !*was_entered {
                *was_entered = true;
                stack.push((step, true));
                stack.extend(before.get(step).into_iter().flatten().rev().map(|earlier| (*earlier, false)));
            }
        }
    }
    position
}

/// A topological order; of the steps that could come next, the first in the file does. Steps in a cycle are left out.
pub(crate) fn file_first(before: &[Vec<usize>]) -> Vec<usize> {
    let mut missing: Vec<usize> = before.iter().map(Vec::len).collect();
    let mut after = vec![Vec::new(); before.len()];
    for (step, earlier) in before.iter().enumerate() {
        for earlier in earlier {
            if let Some(list) = after.get_mut(*earlier) {
                list.push(step);
            }
        }
    }
    let ready = missing.iter().enumerate().filter(|(_, missing)| **missing == 0);
    let mut ready: BinaryHeap<Reverse<usize>> = ready.map(|(step, _)| Reverse(step)).collect();
    let mut order = Vec::with_capacity(before.len());
    while let Some(Reverse(step)) = ready.pop() {
        order.push(step);
        for later in after.get(step).into_iter().flatten() {
            if let Some(missing) = missing.get_mut(*later) {
                *missing -= 1;
                if *missing == 0 {
                    ready.push(Reverse(*later));
                }
            }
        }
    }
    order
}
