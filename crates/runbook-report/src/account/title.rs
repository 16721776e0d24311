//! The first line of a run or a preview.

use crate::style::{Glyph, Style, Tone};
use crate::text;
use runbook_model::RunHeader;

/// What it says.
pub(crate) struct Title<'a> {
    pub(crate) plan: &'a str,
    pub(crate) summary: &'a str,
    pub(crate) host: &'a str,
    pub(crate) digest: &'a str,
    pub(crate) environment: Option<&'a str>,
}

impl<'a> Title<'a> {
    pub(super) fn of(header: &'a RunHeader) -> Self {
        Self {
            plan: &header.plan,
            summary: &header.summary,
            host: &header.host,
            digest: &header.digest,
            environment: header.environment.as_deref(),
        }
    }
}

/// What is done on the left, where and by which plan on the right.
pub(crate) fn run_title(title: &Title<'_>, style: Style) -> String {
    let what = match text::clean(title.summary) {
        summary if summary.is_empty() => text::clean(title.plan),
        summary => summary.trim_end_matches('.').to_owned(),
    };
    let dot = style.glyph(Glyph::Dot);
    let mut facts = vec![text::clean(title.host), format!("plan {}", text::clean(text::short(title.digest)))];
    facts.extend(title.environment.map(|name| format!("env {}", text::clean(name))));
    facts.retain(|fact| !fact.is_empty());
    let facts = facts.join(&format!(" {dot} "));
    let free = style.columns().saturating_sub(text::width(&what) + text::width(&facts));
    let (left, right) = (style.paint(Tone::Strong, &what), style.paint(Tone::Dim, &facts));
    match free {
        0 | 1 => format!("{left}\n{right}\n\n"),
        free => format!("{left}{}{right}\n\n", " ".repeat(free)),
    }
}
