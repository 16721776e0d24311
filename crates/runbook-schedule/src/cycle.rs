//! Cycles: steps that wait for one another. Each is told whole, every edge with its reason and place.

use crate::draft::{Link, StronglyConnected};
use crate::edge::Reason;
use crate::steps::Steps;
use runbook_model::{Code, Diagnostic, Span};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// One error for each component of `links`: a shortest cycle through the first of its edges that the author wrote down.
pub(crate) fn diagnose(steps: &Steps<'_>, links: &[Link]) -> Vec<Diagnostic> {
    let components = StronglyConnected::of(steps.count(), links);
    let mut bound: BTreeMap<usize, Vec<&Link>> = BTreeMap::new();
    for link in links.iter().filter(|link| components.binds(link)) {
        bound.entry(components.of_step(link.before)).or_default().push(link);
    }
    bound.into_values().filter_map(|links| Some(describe(steps, &shortest(&links)?))).collect()
}

/// A shortest cycle through the strongest and first of `links`, beginning with it.
fn shortest<'a>(links: &[&'a Link]) -> Option<Vec<&'a Link>> {
    let first = *links.iter().min_by_key(|link| (&link.reason, link.before, link.after))?;
    let mut out: HashMap<usize, Vec<&Link>> = HashMap::new();
    for link in links {
        out.entry(link.before).or_default().push(link);
    }
    out.values_mut().for_each(|list| list.sort_by_key(|link| (link.after, &link.reason)));
    let mut reached: HashMap<usize, &Link> = HashMap::from([(first.after, first)]);
    let mut queue = VecDeque::from([first.after]);
    while let Some(step) = queue.pop_front() {
        if step == first.before {
            break;
        }
        for link in out.get(&step).into_iter().flatten() {
            reached.entry(link.after).or_insert_with(|| {
                queue.push_back(link.after);
                link
            });
        }
    }
    let mut cycle = Vec::new();
    let mut at = first.before;
    loop {
        let link = *reached.get(&at)?;
        cycle.push(link);
        if std::ptr::eq(link, first) {
            break;
        }
        at = link.before;
    }
    cycle.reverse();
    Some(cycle)
}

fn describe(steps: &Steps<'_>, cycle: &[&Link]) -> Diagnostic {
    let name = |at: usize| steps.defs.get(at).map_or("?", |def| def.id.as_str());
    let id_span = |at: usize| steps.defs.get(at).map_or(Span::default(), |def| def.id_span);
    let place = |link: &Link| link.reason.span().unwrap_or_else(|| id_span(link.after));
    let path: Vec<String> = cycle.iter().map(|link| format!("`{}`", name(link.before))).collect();
    let closing = path.first().cloned().unwrap_or_default();
    let message = format!("the steps wait for one another in a cycle: {} → {closing}", path.join(" → "));
    let primary = cycle.first().map_or(Span::default(), |link| place(link));
    let mut diagnostic = Diagnostic::error(Code::CYCLE, primary, message);
    for link in cycle {
        let (before, after) = (name(link.before), name(link.after));
        let text = match &link.reason {
            Reason::Needs { .. } => format!("`{after}` waits for `{before}`: it needs it"),
            Reason::Data { output, .. } => format!("`{after}` waits for `{before}`: it uses its output `{output}`"),
            Reason::Rule(rule) => format!("`{after}` waits for `{before}`: rule {rule}"),
            Reason::FileOrder { resource, .. } => format!("`{after}` waits for `{before}`: both use {resource}"),
        };
        diagnostic = diagnostic.related(place(link), text);
    }
    diagnostic.help("take out one of the `needs` or one use of an output that is named here")
}
