//! What a plan would do: the output of `plan`, `diff` and `apply --dry-run`, and what `apply` asks consent for.

use crate::account::{Title, excerpt, run_title};
use crate::style::{Style, Tone};
use crate::text;
use runbook_model::{Allow, Excerpt, Plan, Prediction, Purpose, StepId};
use serde_json::{Value, json as object};
use std::fmt::Write as _;

/// A diff with more lines than this is cut; the JSON form has all of it.
const DIFF_LINES: usize = 200;
const DETAIL: usize = 6;

/// What one step would do.
#[derive(Clone, Debug)]
pub struct StepPreview<'a> {
    /// The step.
    pub id: &'a StepId,
    /// The name of its kind.
    pub uses: &'a str,
    /// What its probe said.
    pub prediction: &'a Prediction,
    /// Whether it has to run.
    pub needed: bool,
    /// Why it is in the plan.
    pub purpose: Purpose,
    /// Exceptions from refusals that it carries.
    pub allow: &'a [Allow],
    /// Why it runs, where that is not because of itself: "`install` has something to change".
    pub reasons: Vec<String>,
    /// What it read for people to judge before anything is changed.
    pub excerpt: Option<Excerpt>,
}

/// What a plan would do on this host, in the order in which it would be done.
#[derive(Clone, Debug)]
pub struct Preview<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Its steps in schedule order.
    pub steps: Vec<StepPreview<'a>>,
    /// What the preview is for.
    pub occasion: Occasion,
}

/// What a preview is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// Only reading: the closing line says that nothing was written.
    DryRun,
    /// A question to the operator follows.
    Consent,
}

/// What a step comes to; counts and glyphs follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Unchanged,
    Creates,
    Changes,
    Unknown,
    CannotPredict,
    Serves,
    NotNeeded,
}

impl Preview<'_> {
    /// Whether anything would be changed, as far as can be told.
    pub fn has_changes(&self) -> bool {
        self.steps.iter().any(|step| sort(step).is_change())
    }

    /// The preview as text: one line a step with its diff, exceptions, reviews, and a closing line with counts.
    pub fn text(&self, style: &Style) -> String {
        let style = *style;
        let mut out = run_title(&self.title(), style);
        let id_width = self.steps.iter().map(|step| step.id.as_str().len()).max().unwrap_or(0).min(24);
        let kind_width = self.steps.iter().map(|step| step.uses.len()).max().unwrap_or(0).min(20);
        for step in &self.steps {
            write_step(&mut out, step, id_width, kind_width, style);
        }
        self.write_reviews(&mut out, style);
        let _ = write!(out, "\n{}", self.closing(style));
        style.encode(out)
    }

    /// The preview as JSON; the names of the fields are stable (docs/output.md).
    pub fn json(&self) -> Value {
        let steps: Vec<Value> = self.steps.iter().map(step_json).collect();
        object!({
            "plan": self.plan.name,
            "summary": self.plan.summary,
            "digest": self.plan.digest,
            "environment": self.plan.environment,
            "host": self.plan.host.name,
            "changes": self.has_changes(),
            "steps": steps,
            "review": self.plan.review.iter().map(|review| object!({
                "what": review.what, "version": review.version, "by": review.by, "link": review.link,
            })).collect::<Vec<_>>(),
        })
    }

    /// One step a line.
    pub fn ndjson(&self) -> String {
        self.steps.iter().map(|step| text::safe_json(&step_json(step).to_string()) + "\n").collect()
    }

    fn title(&self) -> Title<'_> {
        Title {
            plan: &self.plan.name,
            summary: &self.plan.summary,
            host: &self.plan.host.name,
            digest: &self.plan.digest,
            environment: self.plan.environment.as_deref(),
        }
    }

    fn write_reviews(&self, out: &mut String, style: Style) {
        if self.plan.review.is_empty() {
            return;
        }
        out.push('\n');
        for review in &self.plan.review {
            let link = review.link.as_deref().map(|link| format!(", {}", text::clean(link))).unwrap_or_default();
            let [what, version, by] = [&review.what, &review.version, &review.by].map(|part| text::clean(part));
            let _ = writeln!(out, "  {} {what} for {version} read by {by}{link}", style.paint(Tone::Dim, "review"));
        }
    }

    fn closing(&self, style: Style) -> String {
        let count = |wanted: &[Sort]| self.steps.iter().filter(|step| wanted.contains(&sort(step))).count();
        let unknown = count(&[Sort::Unknown]);
        let parts: Vec<String> = [
            (count(&[Sort::Changes, Sort::Creates]), "to change"),
            (unknown, if unknown == 1 { "unknown until it runs" } else { "unknown until they run" }),
            (count(&[Sort::CannotPredict]), "that nothing can predict"),
            (count(&[Sort::Unchanged]), "unchanged"),
            (count(&[Sort::Serves]), "to run for them"),
            (count(&[Sort::NotNeeded]), "not needed"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
        let mut text = parts.join(", ");
        text.push('.');
        if !self.has_changes() {
            text = format!("Nothing to do: the host is already as the plan wants it. {text}");
        }
        if self.occasion == Occasion::DryRun {
            text.push_str(" Nothing was written.");
        }
        text::wrap(&text, style.columns()).join("\n") + "\n"
    }
}

impl Sort {
    fn is_change(self) -> bool {
        matches!(self, Self::Creates | Self::Changes | Self::Unknown | Self::CannotPredict)
    }

    fn sign(self) -> (&'static str, Tone) {
        match self {
            Self::Unchanged => ("=", Tone::Dim),
            Self::Creates => ("+", Tone::Good),
            Self::Changes => ("~", Tone::Warn),
            Self::Unknown => ("?", Tone::Frame),
            Self::CannotPredict => ("!", Tone::Bad),
            Self::Serves => (">", Tone::Frame),
            Self::NotNeeded => ("-", Tone::Dim),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Creates => "creates",
            Self::Changes => "changes",
            Self::Unknown => "unknown",
            Self::CannotPredict => "cannot-predict",
            Self::Serves => "serves",
            Self::NotNeeded => "not-needed",
        }
    }
}

fn sort(step: &StepPreview<'_>) -> Sort {
    match (step.purpose, step.needed, step.prediction) {
        (Purpose::Principal, _, Prediction::NoChange { .. }) => Sort::Unchanged,
        (_, false, _) => Sort::NotNeeded,
        (Purpose::Attendant | Purpose::Inspection, true, _) => Sort::Serves,
        (Purpose::Principal, true, Prediction::Change { diff, .. }) if only_adds(diff.as_deref()) => Sort::Creates,
        (Purpose::Principal, true, Prediction::Change { .. }) => Sort::Changes,
        (Purpose::Principal, true, Prediction::Unknown { .. }) => Sort::Unknown,
        (Purpose::Principal, true, Prediction::CannotPredict { .. }) => Sort::CannotPredict,
    }
}

fn only_adds(diff: Option<&str>) -> bool {
    let mut body = diff.unwrap_or_default().lines().filter(|line| !line.starts_with("---") && !line.starts_with("+++"));
    let mut added = false;
    body.all(|line| {
        added |= line.starts_with('+');
        line.starts_with('+') || line.starts_with("@@") || line.is_empty()
    }) && added
}

fn write_step(out: &mut String, step: &StepPreview<'_>, id_width: usize, kind_width: usize, style: Style) {
    let sort = sort(step);
    let (sign, tone) = sort.sign();
    let lead = 4 + id_width + 2 + kind_width + 2;
    let wrapped = text::wrap(&says(step, sort), style.columns().saturating_sub(lead).max(16));
    let id = text::pad(step.id.as_str(), id_width);
    let kind = style.paint(Tone::Dim, &text::pad(&text::clean(step.uses), kind_width));
    for (nth, part) in wrapped.iter().enumerate() {
        let _ = match nth {
            0 => writeln!(out, "  {} {id}  {kind}  {part}", style.paint(tone, sign)),
            _ => writeln!(out, "{:lead$}{part}", ""),
        };
    }
    if let Prediction::Change { diff: Some(diff), .. } = step.prediction {
        write_diff(out, diff, style);
    }
    if let Some(excerpt) = &step.excerpt {
        out.push_str(&excerpt::bounded(excerpt, DETAIL, "--format json has all", style));
    }
    for allow in step.allow {
        let head = style.paint(Tone::Warn, &format!("allows {}", allow.rule));
        let _ = writeln!(out, "{:DETAIL$}{head}, because {}", "", text::clean(&allow.because));
    }
}

/// What a step's line says.
fn says(step: &StepPreview<'_>, sort: Sort) -> String {
    let what = match step.prediction {
        Prediction::NoChange { summary } | Prediction::Change { summary, .. } => text::clean(summary),
        Prediction::Unknown { until } => format!("unknown until step `{until}` ran"),
        Prediction::CannotPredict { because } => format!("cannot be predicted: {}", text::clean(because)),
    };
    let reasons = text::clean(&step.reasons.join(", "));
    match (sort, reasons.is_empty()) {
        (Sort::NotNeeded, true) => "does not have to run: nothing that it serves has anything to change".to_owned(),
        (Sort::NotNeeded, false) => format!("does not have to run: {reasons}"),
        (_, true) => what,
        (_, false) => format!("{what} (runs because {reasons})"),
    }
}

fn write_diff(out: &mut String, diff: &str, style: Style) {
    let lines: Vec<&str> = diff.lines().collect();
    for line in lines.iter().take(DIFF_LINES) {
        let tone = match line.as_bytes().first() {
            Some(b'+') => Tone::Good,
            Some(b'-') => Tone::Bad,
            Some(b'@') => Tone::Frame,
            _ => Tone::Normal,
        };
        let shown = style.paint(tone, &text::cut(&text::clean(line), style.width.saturating_sub(DETAIL).max(40)));
        out.push_str(format!("{:DETAIL$}{shown}", "").trim_end());
        out.push('\n');
    }
    if lines.len() > DIFF_LINES {
        let text = format!("({} more lines: --format json has all)", lines.len() - DIFF_LINES);
        let _ = writeln!(out, "{:DETAIL$}{}", "", style.paint(Tone::Dim, &text));
    }
}

fn step_json(step: &StepPreview<'_>) -> Value {
    object!({
        "step": step.id,
        "uses": step.uses,
        "sort": sort(step).name(),
        "prediction": step.prediction,
        "needed": step.needed,
        "purpose": step.purpose,
        "reasons": step.reasons,
        "excerpt": step.excerpt,
        "allow": step.allow.iter().map(|allow| object!({ "rule": allow.rule, "because": allow.because })).collect::<Vec<_>>(),
    })
}
