//! `graph` of a rollout: its stages with their waves, and why each comes after others.

use crate::cli::{Drawing, Format};
use crate::screen::Screen;
use runbook_model::{HostName, Rollout, SourceMap, Span, Stage, StepId};
use runbook_session::{CommandError, Exit, PlanText};
use serde_json::{Value, json};

/// One reason why a stage comes after another.
struct Edge<'r> {
    before: &'r StepId,
    after: &'r StepId,
    reason: String,
    span: Span,
}

pub(in crate::commands) fn graph(screen: &Screen, text: &PlanText, drawing: Drawing) -> Result<Exit, CommandError> {
    let Some(files) = super::sound(screen, text)? else { return Ok(Exit::Refused) };
    let (rollout, sources) = (&files.rollout, &files.sources);
    match (screen.format, drawing) {
        (Format::Json | Format::Ndjson, _) => screen.json(&document(rollout, sources))?,
        (Format::Text, Drawing::Text) => {
            screen.text(&in_words(rollout, sources))?;
        }
        (Format::Text, Drawing::Mermaid) => screen.text(&mermaid(rollout))?,
        (Format::Text, Drawing::Dot) => screen.text(&dot(rollout))?,
    }
    Ok(Exit::Done)
}

/// The stages with their waves and reasons.
pub(super) fn in_words(rollout: &Rollout, sources: &SourceMap) -> String {
    in_order(rollout).into_iter().map(|stage| told(rollout, stage, sources)).collect()
}

/// Each stage after those that it needs, else as in the file.
fn in_order(rollout: &Rollout) -> Vec<&Stage> {
    let mut stages: Vec<&Stage> = rollout.stages.iter().collect();
    stages.sort_by_key(|stage| rollout.above(stage).len());
    stages
}

/// Why `stage` comes after others: what it needs, and what it takes from stages that are further above as well.
fn edges<'r>(rollout: &'r Rollout, stage: &'r Stage) -> Vec<Edge<'r>> {
    let needs = stage.needs.iter().map(|(before, span)| {
        let reason = format!("`{}` needs it", stage.id);
        Edge { before, after: &stage.id, reason, span: *span }
    });
    let above = rollout.above(stage);
    let takes = stage.promote.iter().flat_map(|promotion| {
        let givers = above.iter().filter(|above| above.artifacts.iter().any(|(id, _)| *id == promotion.artifact));
        let edge = |giver: &&'r Stage| {
            let reason = format!("`{}` takes its artifact `{}`", stage.id, promotion.artifact);
            Edge { before: &giver.id, after: &stage.id, reason, span: promotion.span }
        };
        givers.map(edge).collect::<Vec<_>>()
    });
    needs.chain(takes).collect()
}

fn names(wave: &[HostName]) -> String {
    wave.iter().map(HostName::as_str).collect::<Vec<_>>().join(", ")
}

fn told(rollout: &Rollout, stage: &Stage, sources: &SourceMap) -> String {
    let canary = if stage.canary { ", canary" } else { "" };
    let mut text = format!("{}  ({}{canary})\n", stage.id, stage.plan);
    for edge in edges(rollout, stage) {
        let place = sources.place(edge.span).map_or(String::new(), |place| format!(" ({place})"));
        text.push_str(&format!("    after `{}`: {}{place}\n", edge.before, edge.reason));
    }
    for (nth, wave) in stage.waves().into_iter().enumerate() {
        text.push_str(&format!("    wave {}: {}\n", nth + 1, names(wave)));
    }
    text
}

fn document(rollout: &Rollout, sources: &SourceMap) -> Value {
    let stages = in_order(rollout)
        .into_iter()
        .map(|stage| json!({ "id": stage.id, "plan": stage.plan, "canary": stage.canary, "waves": stage.waves() }));
    let edges = rollout.stages.iter().flat_map(|stage| edges(rollout, stage)).map(|edge| {
        json!({ "before": edge.before, "after": edge.after, "reason": edge.reason, "place": sources.place(edge.span) })
    });
    json!({ "name": rollout.name, "stages": stages.collect::<Vec<_>>(), "edges": edges.collect::<Vec<_>>() })
}

/// The lines of a drawing: one a stage with its label, one a pair of stages.
fn drawn(
    rollout: &Rollout,
    node: impl Fn(&Stage, String) -> String,
    arrow: impl Fn(&StepId, &StepId) -> String,
) -> String {
    let nodes = rollout.stages.iter().map(|stage| node(stage, format!("{}: {}", stage.id, names(&stage.hosts.names))));
    let arrows = rollout.stages.iter().flat_map(|stage| stage.needs.iter().map(|(before, _)| arrow(before, &stage.id)));
    nodes.chain(arrows).collect()
}

fn mermaid(rollout: &Rollout) -> String {
    // `end` alone is a word of Mermaid's own.
    let node = |stage: &Stage, label: String| format!("  s_{}[\"{label}\"]\n", stage.id);
    let arrow = |before: &StepId, after: &StepId| format!("  s_{before} --> s_{after}\n");
    format!("flowchart TD\n{}", drawn(rollout, node, arrow))
}

fn dot(rollout: &Rollout) -> String {
    let node = |stage: &Stage, label: String| format!("  \"{}\" [label=\"{label}\"];\n", stage.id);
    let arrow = |before: &StepId, after: &StepId| format!("  \"{before}\" -> \"{after}\";\n");
    format!("digraph rollout {{\n{}}}\n", drawn(rollout, node, arrow))
}
