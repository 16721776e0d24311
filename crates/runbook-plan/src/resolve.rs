//! Templates before the run: every name is judged, and what waits for nothing is rendered.

use crate::names::{Judgement, Names, RENDERED, Spent};
use runbook_model::{Code, Diagnostic, Diagnostics, Entry, Later, Node, Reference, SourceMap, Span, Value};
use runbook_template::{Renderer, TemplateError, Use, expression_uses, has_template, size, uses};
use serde_json::Value as Json;

/// What to do about a value that is too large.
const SMALLER: &str = "variables that use each other many times multiply; large content belongs into a file, see `file.copy` and `file.template`";

/// Resolves nodes of one plan.
pub(crate) struct Resolver<'a, 'n> {
    pub(crate) names: &'a Names<'n>,
    pub(crate) sources: &'a SourceMap,
    pub(crate) renderer: &'a Renderer<'a>,
}

/// What the names of one template come to.
enum Verdict {
    Static,
    Waits(Vec<Reference>),
    /// At least one fault has been reported.
    Faulty,
}

impl Resolver<'_, '_> {
    /// `node` with everything rendered that waits for nothing, for the step `own` or for no step.
    /// A scalar with a fault becomes a [`Later`] that waits for nothing, so that nothing else is said about it.
    pub(crate) fn node(&self, node: &Node, own: Option<&str>, faults: &mut Diagnostics) -> Node {
        let value = match &node.value {
            Value::String(text) if has_template(text) => return self.scalar(node, text, own, faults),
            Value::List(items) => Value::List(items.iter().map(|item| self.node(item, own, faults)).collect()),
            Value::Map(entries) => Value::Map(entries.iter().map(|entry| self.entry(entry, own, faults)).collect()),
            other => other.clone(),
        };
        Node::new(node.span, value)
    }

    fn entry(&self, entry: &Entry, own: Option<&str>, faults: &mut Diagnostics) -> Entry {
        if entry.key.contains("{{") {
            let message = "a template stands in a value, never in a key";
            let help = "write the key out, so that a reviewer reads what is set";
            faults.push(Diagnostic::error(Code::BAD_TEMPLATE, entry.key_span, message).help(help));
        }
        let value = self.node(&entry.value, own, faults);
        Entry { key: entry.key.clone(), key_span: entry.key_span, value }
    }

    fn scalar(&self, node: &Node, text: &str, own: Option<&str>, faults: &mut Diagnostics) -> Node {
        let verdict = self.verdict(node, text, uses(text), own, faults);
        match verdict {
            // What does not fit now fits no better when the step has run.
            Verdict::Waits(waits_for) => match self.renderer.affords(text) {
                Ok(()) => later(node, text, waits_for),
                Err(error) => self.unrendered(node, text, &error, faults),
            },
            Verdict::Faulty => later(node, text, Vec::new()),
            Verdict::Static => match self.renderer.value(text) {
                Ok(json) => self.taken(node, text, &json, faults),
                Err(error) => self.unrendered(node, text, &error, faults),
            },
        }
    }

    /// The rendered value, as long as all that was rendered so far is not too much; that is said once.
    fn taken(&self, node: &Node, text: &str, json: &Json, faults: &mut Diagnostics) -> Node {
        match self.names.spend(size(json)) {
            Spent::Within => rendered(node.span, json),
            Spent::JustOver => {
                let message =
                    format!("the values of this plan are rendered to more than {} MiB in all", RENDERED >> 20);
                faults.push(Diagnostic::error(Code::BUDGET, node.span, message).help(SMALLER));
                later(node, text, Vec::new())
            }
            Spent::Over => later(node, text, Vec::new()),
        }
    }

    fn unrendered(&self, node: &Node, text: &str, error: &TemplateError, faults: &mut Diagnostics) -> Node {
        faults.push(self.fault(node, text, error));
        later(node, text, Vec::new())
    }

    /// `if:` as a boolean, or as an expression that waits for a step.
    pub(crate) fn condition(&self, node: &Node, own: Option<&str>, faults: &mut Diagnostics) -> Option<Node> {
        let text = match &node.value {
            Value::Bool(_) => return Some(node.clone()),
            Value::String(text) => text,
            _ => {
                let message = format!("`if` has to be an expression, true or false, and this is {}", node.type_name());
                faults.push(Diagnostic::error(Code::WRONG_TYPE, node.span, message));
                return None;
            }
        };
        match self.verdict(node, text, expression_uses(text), own, faults) {
            Verdict::Faulty => None,
            Verdict::Waits(waits_for) => match waits_for.iter().find(|wait| matches!(wait, Reference::Secret(_))) {
                Some(Reference::Secret(name)) => {
                    let message = format!("`if` would show something of the secret `{name}`");
                    let help = "a condition is written to the journal; decide by another variable";
                    faults.push(Diagnostic::error(Code::SECRET_EXPOSED, node.span, message).help(help));
                    None
                }
                _ => Some(later(node, text, waits_for)),
            },
            Verdict::Static => match self.renderer.truth(text) {
                Ok(truth) => Some(Node::new(node.span, Value::Bool(truth))),
                Err(error) => {
                    faults.push(self.fault(node, text, &error));
                    None
                }
            },
        }
    }

    fn verdict(
        &self,
        node: &Node,
        text: &str,
        uses: Result<Vec<Use>, TemplateError>,
        own: Option<&str>,
        faults: &mut Diagnostics,
    ) -> Verdict {
        let uses = match uses {
            Ok(uses) => uses,
            Err(error) => {
                faults.push(self.fault(node, text, &error));
                return Verdict::Faulty;
            }
        };
        let (mut waits_for, mut faulty) = (Vec::new(), false);
        for name in &uses {
            let place = part_of(self.sources, node.span, text, &name.range);
            match self.names.judge(name, place, own) {
                Judgement::Known => {}
                Judgement::Waits(reference) if waits_for.contains(&reference) => {}
                Judgement::Waits(reference) => waits_for.push(reference),
                Judgement::Broken => faulty = true,
                Judgement::Fault(diagnostic) => {
                    faults.push(*diagnostic);
                    faulty = true;
                }
            }
        }
        match (faulty, waits_for.is_empty()) {
            (true, _) => Verdict::Faulty,
            (false, true) => Verdict::Static,
            (false, false) => Verdict::Waits(waits_for),
        }
    }

    fn fault(&self, node: &Node, text: &str, error: &TemplateError) -> Diagnostic {
        let place = error.range().map_or(node.span, |range| part_of(self.sources, node.span, text, &range));
        match error {
            TemplateError::Syntax { message, .. } => {
                Diagnostic::error(Code::BAD_TEMPLATE, place, format!("the template cannot be read: {message}"))
            }
            TemplateError::UnknownName { what, suggestion, .. } => {
                let help = match (suggestion, *what) {
                    (Some(near), _) => format!("did you mean `{near}`?"),
                    (None, "filter") => format!("the filters are {}", runbook_template::FILTERS.join(", ")),
                    (None, "test") => format!("the tests are {}", runbook_template::TESTS.join(", ")),
                    (None, _) => "expressions have filters and tests, and no functions".to_owned(),
                };
                Diagnostic::error(Code::UNKNOWN_NAME, place, error.to_string()).help(help)
            }
            TemplateError::TooLarge { .. } => {
                Diagnostic::error(Code::BUDGET, place, format!("the template is too large: {error}")).help(SMALLER)
            }
            TemplateError::Render { message } => {
                Diagnostic::error(Code::RENDER_FAILED, place, format!("the template cannot be rendered: {message}"))
            }
        }
    }
}

fn later(node: &Node, text: &str, waits_for: Vec<Reference>) -> Node {
    Node::new(node.span, Value::Later(Later { template: text.to_owned(), waits_for }))
}

fn rendered(span: Span, json: &Json) -> Node {
    Node::from_json(span, json)
}

/// The place of `text[range]`, where `text` is the value of the scalar at `span`. Escapes and folded lines make the
/// two differ; then it is the same occurrence of the same words, or else the whole scalar.
pub(crate) fn part_of(sources: &SourceMap, span: Span, text: &str, range: &std::ops::Range<usize>) -> Span {
    let source = sources.get(span.source);
    let written = source.and_then(|it| it.text.get(span.start as usize..span.end as usize)).unwrap_or_default();
    if written == text {
        return span.slice(range.start, range.end);
    }
    let quoted = written.len() >= 2 && written.get(1..written.len() - 1) == Some(text);
    if quoted {
        return span.slice(range.start + 1, range.end + 1);
    }
    let Some(words) = text.get(range.clone()).filter(|words| !words.is_empty()) else { return span };
    let before = text.get(..range.start).map_or(0, |before| before.matches(words).count());
    match written.match_indices(words).nth(before) {
        Some((at, _)) => span.slice(at, at + words.len()),
        None => span,
    }
}
