//! `steps:`: every field of every step but the parameters, which stay a tree.

use crate::fields::{Fields, duration, items, number, one_of, some_text, text, wrong_type};
use crate::names::{Names, StepInfo};
use crate::resolve::Resolver;
use runbook_model::{
    Allow, Code, Diagnostic, Diagnostics, Later, Node, OnFailure, OrderingRule, Refusal, Retry, Span, StepDef, StepId,
    Value, did_you_mean,
};
use runbook_template::has_template;

const FIELDS: &[&str] = &["id", "uses", "with", "needs", "if", "timeout", "retry", "on_failure", "allow"];

/// A step of which the id and the kind have been read.
pub(crate) struct Outline<'n> {
    fields: Fields<'n>,
    id: Option<(StepId, Span)>,
    uses: Option<(&'n str, Span)>,
}

/// Reads the ids and kinds of all steps, so that the rest may name any of them.
pub(crate) fn outlines<'n>(node: &'n Node, names: &mut Names<'n>, faults: &mut Diagnostics) -> Vec<Outline<'n>> {
    let list = items(node, "steps", faults);
    if matches!(&node.value, Value::List(items) if items.is_empty()) {
        faults.push(Diagnostic::error(Code::EMPTY_PLAN, node.span, "the plan has no steps"));
    }
    let mut found = Vec::with_capacity(list.len());
    for item in list {
        let Some(fields) = Fields::open(item, "a step", FIELDS, faults) else { continue };
        let id_node = fields.required("id", faults);
        let id = id_node.and_then(|node| id(node, faults));
        let uses = fields.required("uses", faults).and_then(|node| kind(node, faults).map(|text| (text, node.span)));
        if let (Some(id), Some(Node { value: Value::String(text), .. })) = (&id, id_node) {
            register(id, text, uses.map(|(uses, _)| uses), names, faults);
        }
        found.push(Outline { fields, id, uses });
    }
    found
}

fn register<'n>(
    (id, span): &(StepId, Span),
    text: &'n str,
    uses: Option<&'n str>,
    names: &mut Names<'n>,
    faults: &mut Diagnostics,
) {
    match names.steps.get(text) {
        Some(first) => faults.push(
            Diagnostic::error(Code::DUPLICATE_ID, *span, format!("a second step has the id `{id}`"))
                .related(first.span, "the first one is here")
                .help("give each step an id of its own"),
        ),
        None => {
            names.steps.insert(text, StepInfo { id: id.clone(), span: *span, uses });
        }
    }
}

fn id(node: &Node, faults: &mut Diagnostics) -> Option<(StepId, Span)> {
    let word = some_text(node, "id", faults)?;
    let found = StepId::new(word);
    if found.is_none() {
        let (message, help) = if has_template(word) {
            ("an id cannot be a template".to_owned(), "`needs` and templates name it as it is written")
        } else {
            (format!("`{word}` cannot be an id"), "an id is a letter, then letters, digits, `-` and `_`")
        };
        faults.push(Diagnostic::error(Code::BAD_ID, node.span, message).help(help));
    }
    found.map(|id| (id, node.span))
}

fn kind<'n>(node: &'n Node, faults: &mut Diagnostics) -> Option<&'n str> {
    let word = some_text(node, "uses", faults)?;
    if has_template(word) {
        let message = "the kind of a step cannot be a template";
        let help = "what a step does has to be readable in the plan; use `if` on two steps";
        faults.push(Diagnostic::error(Code::NOT_ALLOWED, node.span, message).help(help));
        return None;
    }
    Some(word)
}

impl Outline<'_> {
    /// The whole step; `None` where its id or kind could not be read, after reporting everything else about it.
    pub(crate) fn step(&self, resolver: &Resolver<'_, '_>, faults: &mut Diagnostics) -> Option<StepDef> {
        let own = self.id.as_ref().map(|(id, _)| id.as_str());
        let resolved =
            |name: &str, faults: &mut Diagnostics| self.fields.get(name).map(|node| resolver.node(node, own, faults));
        let with = self.with(resolved("with", faults), faults);
        let needs = resolved("needs", faults).map_or(Vec::new(), |node| needs(&node, own, resolver.names, faults));
        let condition = self.fields.get("if").and_then(|node| resolver.condition(node, own, faults));
        let timeout = resolved("timeout", faults).and_then(|node| duration(&node, "timeout", faults));
        let retry = resolved("retry", faults).map_or_else(Retry::default, |node| retry(&node, faults));
        let on_failure = resolved("on_failure", faults).map_or(OnFailure::Rollback, |node| on_failure(&node, faults));
        let allow = resolved("allow", faults).map_or(Vec::new(), |node| allow(&node, faults));
        let (id, id_span) = self.id.clone()?;
        let (uses, uses_span) = self.uses?;
        Some(StepDef {
            id,
            id_span,
            uses: uses.to_owned(),
            uses_span,
            with,
            needs,
            condition,
            timeout,
            retry,
            on_failure,
            allow,
        })
    }

    fn with(&self, node: Option<Node>, faults: &mut Diagnostics) -> Node {
        let empty = |span: Span| Node::new(span, Value::Map(Vec::new()));
        let place = self.uses.map_or(self.fields.head(), |(_, span)| span);
        let Some(node) = node else { return empty(place) };
        if matches!(node.value, Value::Map(_)) {
            return node;
        }
        wrong_type(&node, "with", "a map of parameters", faults);
        // Waits for nothing: nothing else is said about it.
        Node::new(node.span, Value::Later(Later { template: String::new(), waits_for: Vec::new() }))
    }
}

fn needs(node: &Node, own: Option<&str>, names: &Names<'_>, faults: &mut Diagnostics) -> Vec<(StepId, Span)> {
    let list = match &node.value {
        Value::String(_) => std::slice::from_ref(node),
        _ => items(node, "needs", faults),
    };
    let mut found: Vec<(StepId, Span)> = Vec::with_capacity(list.len());
    for item in list {
        let Some(word) = text(item, "needs", faults) else { continue };
        let Some(step) = names.steps.get(word) else {
            let who = own.map_or_else(|| "this step".to_owned(), |own| format!("step `{own}`"));
            let message = format!("{who} needs `{word}`, which is not in this plan");
            faults.push(names.with_near_step(Diagnostic::error(Code::UNKNOWN_STEP, item.span, message), word));
            continue;
        };
        if own == Some(word) {
            let message = format!("step `{word}` needs itself");
            faults.push(Diagnostic::error(Code::NEEDS_ITSELF, item.span, message).help("remove the entry"));
        } else if !found.iter().any(|(id, _)| id == &step.id) {
            found.push((step.id.clone(), item.span));
        }
    }
    found
}

fn retry(node: &Node, faults: &mut Diagnostics) -> Retry {
    let default = Retry::default();
    let Some(fields) = Fields::open(node, "`retry`", &["attempts", "backoff"], faults) else { return default };
    let attempts = fields.required("attempts", faults).and_then(|node| number(node, "attempts", 1, 100, faults));
    let backoff = fields.get("backoff").and_then(|node| duration(node, "backoff", faults));
    Retry { attempts: attempts.unwrap_or(default.attempts), backoff: backoff.unwrap_or(default.backoff) }
}

fn on_failure(node: &Node, faults: &mut Diagnostics) -> OnFailure {
    let word = one_of(node, "on_failure", OnFailure::NAMES, Code::NOT_ALLOWED, faults);
    word.and_then(OnFailure::from_name).unwrap_or_default()
}

/// `allow:` of a step or a stage.
pub(crate) fn allow(node: &Node, faults: &mut Diagnostics) -> Vec<Allow> {
    if matches!(node.value, Value::String(_) | Value::Map(_)) {
        let message = format!("`allow` has to be a list, and this is {}", node.type_name());
        let help = "write `[{ rule: NAME, because: TEXT }]`";
        faults.push(Diagnostic::error(Code::WRONG_TYPE, node.span, message).help(help));
        return Vec::new();
    }
    items(node, "allow", faults).iter().filter_map(|item| exception(item, faults)).collect()
}

fn exception(node: &Node, faults: &mut Diagnostics) -> Option<Allow> {
    let fields = Fields::open(node, "an exception", &["rule", "because"], faults)?;
    let rule = fields.required("rule", faults).and_then(|node| refusal(node, faults));
    let because = fields.required("because", faults).and_then(|node| some_text(node, "because", faults));
    Some(Allow { rule: rule?, because: because?.to_owned(), span: node.span })
}

fn refusal(node: &Node, faults: &mut Diagnostics) -> Option<Refusal> {
    let word = text(node, "rule", faults)?;
    let found = Refusal::from_name(word);
    if found.is_none() {
        let names: Vec<&str> = Refusal::ALL.iter().map(|rule| rule.name()).collect();
        let help = match did_you_mean(word, names.iter().copied()) {
            _ if OrderingRule::from_name(word).is_some() => {
                "it is a rule of order, which has no exceptions; `needs` gives steps another order".to_owned()
            }
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the rules are {}", crate::fields::listed(&names)),
        };
        let message = format!("there is no rule `{word}`");
        faults.push(Diagnostic::error(Code::UNKNOWN_RULE, node.span, message).help(help));
    }
    found
}
