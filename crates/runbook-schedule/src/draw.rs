//! Drawings of a schedule for `runbook graph`: Mermaid and Graphviz.

use crate::edge::Edge;
use crate::schedule::Schedule;
use std::fmt::Write;

impl Schedule {
    /// The graph as a Mermaid flowchart; each edge carries its strongest reason.
    pub fn mermaid(&self) -> String {
        let mut text = String::from("flowchart TD\n");
        for step in self.order() {
            // An id such as `end` is a word of Mermaid; with a prefix none is.
            let _ = writeln!(text, "    s_{step}[\"{step}\"]");
        }
        for edge in self.edges() {
            let reason = reason(edge).replace('#', "#35;").replace('"', "#quot;");
            let _ = writeln!(text, "    s_{} -->|\"{reason}\"| s_{}", edge.before, edge.after);
        }
        text
    }

    /// The graph in Graphviz' language; each edge carries its strongest reason.
    pub fn dot(&self) -> String {
        let mut text = String::from("digraph plan {\n    node [shape=box];\n");
        for step in self.order() {
            let _ = writeln!(text, "    \"{step}\";");
        }
        for edge in self.edges() {
            let reason = reason(edge).replace('\\', "\\\\").replace('"', "\\\"");
            let _ = writeln!(text, "    \"{}\" -> \"{}\" [label=\"{reason}\"];", edge.before, edge.after);
        }
        text.push_str("}\n");
        text
    }
}

/// The strongest reason on one line, whatever a path has in it.
fn reason(edge: &Edge) -> String {
    let text = edge.reasons.first().map(ToString::to_string).unwrap_or_default();
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
