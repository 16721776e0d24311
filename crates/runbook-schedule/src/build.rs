//! From a plan and its declarations to a schedule. Edges are added in the order of their force, and what is weaker
//! yields: an ordering rule may move a step against the order of the file, never against `needs` and data.

use crate::coverage;
use crate::cycle;
use crate::draft::{Link, StronglyConnected, file_first, predecessors, pulled_up};
use crate::edge::Reason;
use crate::hazards::Hazards;
use crate::refusals::{self, Scene};
use crate::reviews;
use crate::rules::{self, Wishes};
use crate::schedule::Schedule;
use crate::services::Services;
use crate::steps::Steps;
use runbook_model::{
    Code, Declaration, Diagnostic, Diagnostics, Plan, Reference, Resource, StepDef, StepId, UndoSource, Value,
};
use std::borrow::Cow;
use std::collections::HashMap;

/// The schedule of `plan`, whose steps declare `declarations` (in the order of the file), and everything that is wrong
/// with the plan in the order of its places.
///
/// There is no schedule exactly when the steps wait for one another in a cycle or name steps that do not exist. A plan
/// that is refused for other reasons still has a schedule, so that it can be drawn; it must not be run while any of the
/// diagnostics is an error. A step without a declaration counts as a command that declares nothing.
pub fn build(plan: &Plan, declarations: &[Declaration]) -> (Option<Schedule>, Vec<Diagnostic>) {
    let declarations = complete(plan, declarations);
    let steps = Steps::new(plan, &declarations);
    let mut found = Diagnostics::default();
    let mut links = written(&steps, &mut found);
    let services = Services::of(&steps);
    let Wishes { mut firm, mut soft, mut as_written } = rules::wishes(&steps, &services, &links);
    keep_to_file(&steps, &[], &mut firm);
    links.extend(firm);
    found.extend(cycle::diagnose(&steps, &links));
    if found.has_errors() {
        return (None, found.into_sorted());
    }
    keep_to_file(&steps, &links, &mut soft);
    drop_knotted(&steps, &links, &mut soft);
    links.extend(soft);
    // They come last: all of them go with the file, so `keep_to_file` would always drop the other rule's wish.
    drop_knotted(&steps, &links, &mut as_written);
    links.extend(as_written);
    links.extend(file_order(&steps, &links));
    let order = file_first(&predecessors(steps.count(), &links));
    let mut position = vec![0; steps.count()];
    for (place, step) in order.iter().enumerate() {
        if let Some(entry) = position.get_mut(*step) {
            *entry = place;
        }
    }
    let covers = coverage::covers(&steps, &position);
    found.extend(refusals::check(&Scene { steps: &steps, covers: &covers, position: &position }));
    found.extend(reviews::stale(plan, &steps));
    let schedule = Schedule::new(&steps, &order, links);
    (Some(schedule), found.into_sorted())
}

/// A declaration for each step. One that has none is taken for a command that declares nothing.
fn complete<'d>(plan: &Plan, declarations: &'d [Declaration]) -> Cow<'d, [Declaration]> {
    if let Some(enough) = declarations.get(..plan.steps.len()) {
        return Cow::Borrowed(enough);
    }
    let undeclared = Declaration::principal(UndoSource::None).writes(Resource::Everything);
    let mut all = declarations.to_vec();
    all.resize(plan.steps.len(), undeclared);
    Cow::Owned(all)
}

/// What the author wrote down: `needs` and data.
fn written(steps: &Steps<'_>, found: &mut Diagnostics) -> Vec<Link> {
    let index: HashMap<&StepId, usize> = steps.each().map(|(at, def, _)| (&def.id, at)).collect();
    let mut links = Vec::new();
    for (after, def, _) in steps.each() {
        for (id, reason) in references(def) {
            match index.get(id) {
                Some(before) => links.push(Link { before: *before, after, reason }),
                None => {
                    let span = reason.span().unwrap_or(def.id_span);
                    let message = format!("step `{}` needs `{id}`, which is not in this plan", def.id);
                    let known = index.keys().map(|id| id.as_str());
                    let help = runbook_model::did_you_mean(id.as_str(), known);
                    let help = help.map(|id| format!("did you mean `{id}`?"));
                    found.push(Diagnostic::error(Code::UNKNOWN_STEP, span, message).maybe_help(help));
                }
            }
        }
    }
    links
}

/// The steps that `def` names, each with the reason that it gives.
fn references(def: &StepDef) -> Vec<(&StepId, Reason)> {
    let mut found: Vec<(&StepId, Reason)> =
        def.needs.iter().map(|(id, span)| (id, Reason::Needs { span: *span })).collect();
    for tree in std::iter::once(&def.with).chain(&def.condition) {
        tree.walk(&mut |node| {
            if let Value::Later(later) = &node.value {
                found.extend(later.waits_for.iter().filter_map(|reference| match reference {
                    Reference::Output { step, output } => {
                        Some((step, Reason::Data { output: output.clone(), span: node.span }))
                    }
                    Reference::Secret(_) => None,
                }));
            }
        });
    }
    found
}

/// Where `wishes` and `given` make a cycle, drops the wishes of it that move a step against the order of the file.
fn keep_to_file(steps: &Steps<'_>, given: &[Link], wishes: &mut Vec<Link>) {
    let components = StronglyConnected::of(steps.count(), given.iter().chain(&*wishes));
    wishes.retain(|link| link.before < link.after || !components.binds(link));
}

/// Where `wishes` and `given` make a cycle, drops all wishes of it.
fn drop_knotted(steps: &Steps<'_>, given: &[Link], wishes: &mut Vec<Link>) {
    let components = StronglyConnected::of(steps.count(), given.iter().chain(&*wishes));
    wishes.retain(|link| !components.binds(link));
}

/// Edges between steps that conflict: in the order of the file, except for steps that `links` force around.
fn file_order(steps: &Steps<'_>, links: &[Link]) -> Vec<Link> {
    let mut sequence: Vec<usize> = (0..steps.count()).collect();
    let as_written = conflicts(steps, &sequence);
    let components = StronglyConnected::of(steps.count(), links.iter().chain(&as_written));
    if !components.any() {
        return as_written;
    }
    let position = pulled_up(&predecessors(steps.count(), links));
    sequence.sort_by_key(|step| (components.rank(*step), position.get(*step).copied()));
    conflicts(steps, &sequence)
}

fn conflicts(steps: &Steps<'_>, sequence: &[usize]) -> Vec<Link> {
    let mut hazards = Hazards::new(&steps.space);
    let mut links = Vec::new();
    for &after in sequence {
        let effects = steps.effects.get(after).map_or(&[][..], Vec::as_slice);
        let conflicts = hazards.enter(after, effects);
        links.extend(conflicts.into_iter().map(|hit| Link { before: hit.before, after, reason: hit.reason }));
    }
    links
}
