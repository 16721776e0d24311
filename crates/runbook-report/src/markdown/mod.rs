//! `runbook report RUN`: one run as Markdown, with the checklists of the two field reports filled from its evidence.

mod checklist;
mod facts;
mod render;

pub use render::markdown;
