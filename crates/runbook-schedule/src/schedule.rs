//! The finished schedule and the questions that it answers. How it comes about is in `build`.

use crate::draft::Link;
use crate::edge::{Edge, Reason};
use crate::steps::Steps;
use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{Dfs, EdgeRef, Reversed, Walker};
use runbook_model::{Declaration, Role, StepId};
use std::collections::{BTreeSet, HashMap};

/// The steps of a plan in a graph without cycles, in which every edge has its reasons. Only [`crate::build`] makes one.
#[derive(Clone, Debug)]
pub struct Schedule {
    graph: DiGraph<StepId, Edge>,
    index: HashMap<StepId, NodeIndex>,
    order: Vec<StepId>,
    declarations: Vec<Declaration>,
}

impl Schedule {
    /// The schedule of `steps` under `links`, which have no cycle.
    pub(crate) fn new(steps: &Steps<'_>, order: &[usize], mut links: Vec<Link>) -> Self {
        let ids: Vec<&StepId> = steps.defs.iter().map(|def| &def.id).collect();
        links.sort_by(|a, b| (a.before, a.after, &a.reason).cmp(&(b.before, b.after, &b.reason)));
        let mut graph = DiGraph::with_capacity(ids.len(), links.len());
        let index = ids.iter().map(|id| ((*id).clone(), graph.add_node((*id).clone()))).collect();
        for group in links.chunk_by(|a, b| (a.before, a.after) == (b.before, b.after)) {
            let Some(Link { before, after, .. }) = group.first() else { continue };
            let (Some(first), Some(second)) = (ids.get(*before), ids.get(*after)) else { continue };
            let mut reasons: Vec<Reason> = group.iter().map(|link| link.reason.clone()).collect();
            reasons.dedup();
            let edge = Edge { before: (*first).clone(), after: (*second).clone(), reasons };
            graph.add_edge(NodeIndex::new(*before), NodeIndex::new(*after), edge);
        }
        let order = order.iter().filter_map(|at| ids.get(*at)).map(|id| (*id).clone()).collect();
        Self { graph, index, order, declarations: steps.declarations.to_vec() }
    }

    /// All steps, each after everything that it waits for; of those that could come next, the first in the file does.
    pub fn order(&self) -> &[StepId] {
        &self.order
    }

    /// The steps that `step` waits for directly.
    pub fn before(&self, step: &StepId) -> impl Iterator<Item = &StepId> {
        self.neighbours(step, Direction::Incoming)
    }

    /// The steps that wait for `step` directly.
    pub fn after(&self, step: &StepId) -> impl Iterator<Item = &StepId> {
        self.neighbours(step, Direction::Outgoing)
    }

    /// All edges, sorted by the places of their steps in the file.
    pub fn edges(&self) -> impl Iterator<Item = &Edge> {
        self.graph.edge_weights()
    }

    /// The edges that make `step` wait, in the order of the file.
    pub fn explain(&self, step: &StepId) -> Vec<&Edge> {
        let node = self.index.get(step);
        let mut edges: Vec<_> =
            node.into_iter().flat_map(|node| self.graph.edges_directed(*node, Direction::Incoming)).collect();
        edges.sort_by_key(EdgeRef::source);
        edges.into_iter().map(|edge| edge.weight()).collect()
    }

    /// What `step` declared; `None` for a step that is not in the plan.
    pub fn declaration(&self, step: &StepId) -> Option<&Declaration> {
        self.declarations.get(self.index.get(step)?.index())
    }

    /// Whether `step` is in the plan and plays such a part.
    pub fn plays(&self, step: &StepId, part: impl Fn(&Role) -> bool) -> bool {
        self.declaration(step).is_some_and(|declaration| declaration.plays(part))
    }

    /// Everything that must be over before `step` begins, without `step`.
    pub fn ancestors(&self, step: &StepId) -> BTreeSet<&StepId> {
        let Some(node) = self.index.get(step) else { return BTreeSet::new() };
        let graph = Reversed(&self.graph);
        let reached = Dfs::new(graph, *node).iter(graph).filter(|found| found != node);
        reached.filter_map(|found| self.graph.node_weight(found)).collect()
    }

    /// Everything that waits for `step`, directly or not, without `step`.
    pub fn descendants(&self, step: &StepId) -> BTreeSet<&StepId> {
        let Some(node) = self.index.get(step) else { return BTreeSet::new() };
        let reached = Dfs::new(&self.graph, *node).iter(&self.graph).filter(|found| found != node);
        reached.filter_map(|found| self.graph.node_weight(found)).collect()
    }

    fn neighbours(&self, step: &StepId, direction: Direction) -> impl Iterator<Item = &StepId> {
        let nodes = self.index.get(step).into_iter();
        let mut found: Vec<NodeIndex> =
            nodes.flat_map(|node| self.graph.neighbors_directed(*node, direction)).collect();
        found.sort_unstable();
        found.into_iter().filter_map(|node| self.graph.node_weight(node))
    }
}
