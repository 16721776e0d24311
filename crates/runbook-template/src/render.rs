//! Rendering: values in, values out. A failure names the template's own names, never the value of a secret.

use crate::budget::{Limited, MOST, MOST_OF_A_FILE, TOO_LARGE, affordable};
use crate::engine::{self, describe};
use crate::error::TemplateError;
use crate::names::Use;
use crate::rules::Dialect;
use crate::scan::{Checked, has_template};
use crate::scope::Scope;
use minijinja::value::{Serde, Value as Jinja};
use runbook_model::{Code, Diagnostic, Entry, Node, Reference, Value};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// A scope made ready for many templates.
pub struct Renderer<'s> {
    scope: &'s Scope,
    vars: Jinja,
    host: Jinja,
    environment: Jinja,
}

impl<'s> Renderer<'s> {
    /// Makes `scope` ready.
    pub fn new(scope: &'s Scope) -> Self {
        Self {
            scope,
            vars: Jinja::from(Serde(&scope.vars)),
            host: Jinja::from(Serde(&scope.host)),
            environment: Jinja::from(scope.environment.as_deref().unwrap_or("")),
        }
    }

    /// The value of the template `text`: of its own type where it is exactly one `{{ expression }}`, else text.
    ///
    /// # Errors
    /// As [`crate::uses`], or the values do not fit.
    pub fn value(&self, text: &str) -> Result<Json, TemplateError> {
        let checked = Checked::text(text, Dialect::Scalar)?;
        affordable(&checked.names.uses, self.scope)?;
        let context = self.context(&checked);
        match checked.whole.clone() {
            Some(inner) => evaluate(&checked.rewritten_part(inner), context),
            None => render(&checked.rewritten(), context, MOST + text.len(), &failed).map(Json::String),
        }
    }

    /// Whether the template is small enough, as far as the values that are known tell.
    ///
    /// # Errors
    /// The text is not well-formed, or it is not.
    pub fn affords(&self, text: &str) -> Result<(), TemplateError> {
        affordable(&Checked::text(text, Dialect::Scalar)?.names.uses, self.scope)
    }

    /// The truth of the expression `text`, which may be written inside `{{ }}`.
    ///
    /// # Errors
    /// As [`Renderer::value`], or the result is neither `true` nor `false`.
    pub fn truth(&self, text: &str) -> Result<bool, TemplateError> {
        let checked = Checked::expression(text)?;
        let inner = checked.whole.clone().unwrap_or(0..text.len());
        affordable(&checked.names.uses, self.scope)?;
        let context = self.context(&checked);
        match evaluate(&checked.rewritten_part(inner), context)? {
            Json::Bool(truth) => Ok(truth),
            other => Err(TemplateError::render(format!(
                "a condition has to be true or false, and this is {}; compare it with something",
                kind_of(&other)
            ))),
        }
    }

    /// What `checked` may read; of the steps' outputs only those that it names.
    fn context(&self, checked: &Checked<'_>) -> Jinja {
        let mut steps: BTreeMap<&str, Jinja> = BTreeMap::new();
        for name in &checked.names.uses {
            if let [root, id, ..] = name.path.as_slice()
                && root == "steps"
                && !steps.contains_key(id.as_str())
                && let Some((id, outputs)) =
                    runbook_model::StepId::new(id).and_then(|id| self.scope.steps.get_key_value(&id))
            {
                steps.insert(id.as_str(), Jinja::from(Serde(outputs)));
            }
        }
        Jinja::from_pairs([
            ("vars", self.vars.clone()),
            ("host", self.host.clone()),
            ("environment", self.environment.clone()),
            ("steps", Jinja::from_pairs(steps)),
        ])
    }
}

fn evaluate(expression: &str, context: Jinja) -> Result<Json, TemplateError> {
    let value = engine::expression(expression)?.eval(context).map_err(|error| failed(&error))?;
    if value.is_undefined() {
        return Err(TemplateError::render("it has no value"));
    }
    serde_json::to_value(&value).map_err(|error| TemplateError::render(error.to_string()))
}

fn render(
    text: &str,
    context: Jinja,
    most: usize,
    told: &dyn Fn(&minijinja::Error) -> TemplateError,
) -> Result<String, TemplateError> {
    let mut out = Limited { text: Vec::new(), most, is_full: false };
    let rendered = engine::template(text)?.render_captured_to(context, &mut out).map(drop);
    match rendered {
        Err(_) if out.is_full => Err(TemplateError::TooLarge { most }),
        Err(error) => Err(told(&error)),
        Ok(()) => String::from_utf8(out.text).map_err(|error| TemplateError::render(error.to_string())),
    }
}

fn failed(error: &minijinja::Error) -> TemplateError {
    if error.detail() == Some(TOO_LARGE) {
        return TemplateError::TooLarge { most: MOST };
    }
    TemplateError::render(describe(error))
}

fn kind_of(json: &Json) -> &'static str {
    match json {
        Json::Null => "nothing",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "text",
        Json::Array(_) => "a list",
        Json::Object(_) => "a map",
    }
}

/// `node` with every template in it rendered; nothing in the result waits for anything. Keys are never templates.
///
/// # Errors
/// One diagnostic for each scalar that cannot be rendered.
pub fn render_node(node: &Node, scope: &Scope) -> Result<Node, Vec<Diagnostic>> {
    let renderer = Renderer::new(scope);
    let mut faults = Vec::new();
    let rendered = rendered(node, &renderer, &mut faults);
    if faults.is_empty() { Ok(rendered) } else { Err(faults) }
}

fn rendered(node: &Node, renderer: &Renderer<'_>, faults: &mut Vec<Diagnostic>) -> Node {
    let text = match &node.value {
        Value::List(items) => {
            let items = items.iter().map(|item| rendered(item, renderer, faults)).collect();
            return Node::new(node.span, Value::List(items));
        }
        Value::Map(entries) => {
            let entries = entries.iter().map(|entry| Entry {
                key: entry.key.clone(),
                key_span: entry.key_span,
                value: rendered(&entry.value, renderer, faults),
            });
            return Node::new(node.span, Value::Map(entries.collect()));
        }
        Value::Later(later) => &later.template,
        _ => return node.clone(),
    };
    match renderer.value(text) {
        Ok(json) => Node::from_json(node.span, &json),
        Err(error) => {
            faults.push(fault(node, text, &error));
            Node::new(node.span, Value::Null)
        }
    }
}

/// The truth of a condition: a boolean, or an expression that waited for a step.
///
/// # Errors
/// The expression cannot be evaluated, or is neither `true` nor `false`.
pub fn condition(node: &Node, scope: &Scope) -> Result<bool, Diagnostic> {
    match &node.value {
        Value::Bool(truth) => Ok(*truth),
        Value::Later(later) => {
            Renderer::new(scope).truth(&later.template).map_err(|error| fault(node, &later.template, &error))
        }
        _ => Err(Diagnostic::error(
            Code::WRONG_TYPE,
            node.span,
            format!("a condition has to be true, false or an expression, and this is {}", node.type_name()),
        )),
    }
}

fn fault(node: &Node, text: &str, error: &TemplateError) -> Diagnostic {
    let secret = matches!(&node.value, Value::Later(later)
        if later.waits_for.iter().any(|reference| matches!(reference, Reference::Secret(_))));
    let reason = match error {
        TemplateError::Render { .. } if secret => "its value is kept back because a secret takes part".to_owned(),
        error => error.to_string(),
    };
    let shown = if secret || text.len() > 80 { String::new() } else { format!(" `{}`", text.trim()) };
    Diagnostic::error(Code::RENDER_FAILED, node.span, format!("the template{shown} cannot be rendered: {reason}"))
}

/// A whole file `text` rendered with `values`: strict, with loops that end, and without any way to read other files.
/// A text without a template mark comes back as it is.
///
/// # Errors
/// The template is not well-formed, names something that is not in `values`, or does not end.
pub fn render_text(text: &str, values: &Map<String, Json>) -> Result<String, TemplateError> {
    if !has_template(text) {
        return Ok(text.to_owned());
    }
    let checked = Checked::text(text, Dialect::File)?;
    render(&checked.rewritten(), Jinja::from(Serde(values)), MOST_OF_A_FILE, &|error| {
        let line = error.line();
        let missing = (error.kind() == minijinja::ErrorKind::UndefinedError)
            .then(|| checked.names.uses.iter().find(|one| is_on(text, one, line) && !is_given(values, &one.path)));
        let at = line.map_or_else(String::new, |line| format!("line {line}: "));
        match missing.flatten() {
            Some(one) => TemplateError::render(format!("{at}`{}` has no value", one.path.join("."))),
            None => failed(error),
        }
    })
}

fn is_on(text: &str, one: &Use, line: Option<usize>) -> bool {
    let before = text.get(..one.range.start).unwrap_or_default();
    line.is_none_or(|line| before.bytes().filter(|byte| *byte == b'\n').count() + 1 == line)
}

/// Whether `values` has something at the path.
fn is_given(values: &Map<String, Json>, path: &[String]) -> bool {
    let Some((first, rest)) = path.split_first() else { return true };
    rest.iter().try_fold(values.get(first), |found, part| found.map(|found| found.get(part))).flatten().is_some()
}
