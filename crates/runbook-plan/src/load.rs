//! The way from texts to a plan. Every stage reports all that it finds; a later stage runs on what the earlier left.

use crate::declare::{Declared, declarations};
use crate::digest::digest;
use crate::fields::{Fields, text};
use crate::header::{document_kind, is_another_document, name, retention, reviews, window};
use crate::layers::{Given, Variables, given, of_entries, typed_flags};
use crate::names::Names;
use crate::reader::read;
use crate::request::{LayerNames, LayerVars, Loaded, Request};
use crate::resolve::Resolver;
use crate::steps::outlines;
use crate::values::Places;
use runbook_model::{
    Code, Diagnostic, Diagnostics, Entry, Layer, Node, Plan, Resolved, Retention, SourceId, SourceMap, Span, StepDef,
    Value,
};
use runbook_template::{Renderer, Scope};
use std::borrow::Cow;
use std::cell::Cell;
use std::path::Path;

/// Where a plan with relative paths in its variables lies as far as its digest goes: it is the same in each checkout. No path of
/// a host begins so, and it is deep enough for what is named above the plan's directory.
const ANYWHERE: &str = "/\u{1}/\u{1}/\u{1}/\u{1}/\u{1}/\u{1}/\u{1}/\u{1}";

const FIELDS: &[&str] = &["kind", "version", "name", "summary", "vars", "window", "retention", "review", "steps"];

/// Reads, checks and resolves a plan. Everything that is wrong with it is reported at once.
pub fn load(request: Request<'_>) -> Loaded {
    let mut request = request;
    let mut sources = std::mem::take(&mut request.sources);
    let mut faults = Diagnostics::default();
    let plan_id = sources.add(request.plan.name, request.plan.text);
    let root = document(plan_id, request.plan.text, &mut faults);
    let overlay = request.overlay.and_then(|overlay| {
        let id = sources.add(overlay.name, overlay.text);
        document(id, overlay.text, &mut faults)
    });
    let flags = flags(request.vars, root.as_ref(), &mut sources, &mut faults);
    let (base, overlay, relative) = (request.base, overlay.as_ref(), &Cell::new(false));
    let loader = Loader { request: &request, base, relative, sources: &sources, overlay, flags: &flags };
    let partial = root.as_ref().and_then(|root| loader.plan(root, &mut faults));
    let failed = faults.has_errors();
    let diagnostics = faults.into_sorted();
    match partial {
        Some(mut plan) if !failed => {
            let anywhere = Loader { base: Path::new(ANYWHERE), ..loader };
            let root = root.as_ref().filter(|_| relative.get());
            let same = root.and_then(|root| anywhere.plan(root, &mut Diagnostics::default()));
            plan.digest = digest(same.as_ref().unwrap_or(&plan));
            Loaded { plan: Some(plan), partial: None, sources, diagnostics }
        }
        partial => Loaded { plan: None, partial, sources, diagnostics },
    }
}

fn document(source: SourceId, text: &str, faults: &mut Diagnostics) -> Option<Node> {
    let (node, found) = read(source, text);
    faults.extend(found);
    node
}

/// One `--var`.
struct Flag {
    name: String,
    name_span: Span,
    value: Node,
}

/// The flags, each with a source of its own. What is given to a secret is not kept: sources are shown and saved.
fn flags(vars: &[String], root: Option<&Node>, sources: &mut SourceMap, faults: &mut Diagnostics) -> Vec<Flag> {
    let mut found: Vec<Flag> = Vec::with_capacity(vars.len());
    for flag in vars {
        let (name, value) = flag.split_once('=').unwrap_or((flag, ""));
        let value = if is_secret(root, name) { "…" } else { value };
        let shown = if flag.contains('=') { format!("{name}={value}") } else { name.to_owned() };
        let length = shown.len();
        let source = sources.add(format!("--var {name}"), shown);
        let name_span = Span::new(source, 0, name.len());
        if name.is_empty() || !flag.contains('=') {
            let message = format!("`--var {flag}` cannot be read");
            faults.push(Diagnostic::error(Code::BAD_VAR_FLAG, name_span, message).help("write `--var name=value`"));
            continue;
        }
        if let Some(first) = found.iter().find(|other| other.name == name) {
            let message = format!("`--var {name}` is given twice");
            faults.push(
                Diagnostic::error(Code::BAD_VAR_FLAG, name_span, message)
                    .related(first.name_span, "it is given here first"),
            );
            continue;
        }
        let span = Span::new(source, name.len() + 1, length);
        let value = Node::new(span, Value::String(value.to_owned()));
        found.push(Flag { name: name.to_owned(), name_span, value });
    }
    found
}

fn is_secret(root: Option<&Node>, name: &str) -> bool {
    let declared = root.and_then(|root| root.get("vars")).and_then(|vars| vars.value.get(name));
    declared
        .and_then(|declared| declared.value.get("type"))
        .is_some_and(|ty| ty.value.value == Value::String("secret".to_owned()))
}

#[derive(Clone, Copy)]
struct Loader<'a> {
    request: &'a Request<'a>,
    base: &'a Path,
    relative: &'a Cell<bool>,
    sources: &'a SourceMap,
    overlay: Option<&'a Node>,
    flags: &'a [Flag],
}

impl<'a> Loader<'a> {
    fn plan(&self, root: &'a Node, faults: &mut Diagnostics) -> Option<Plan> {
        if is_another_document(root, "Plan", "a plan", faults) {
            return None;
        }
        let fields = Fields::open(root, "a plan", FIELDS, faults)?;
        document_kind(&fields, "Plan", faults);
        let mut names = Names::new(self.request.outputs);
        let mut scope = Scope::new(self.request.host.clone(), self.request.environment.map(str::to_owned));
        let outlines = fields.required("steps", faults).map_or(Vec::new(), |node| outlines(node, &mut names, faults));
        let vars = self.variables(&fields, &mut names, &mut scope, faults);
        let renderer = Renderer::new(&scope);
        let resolver = Resolver { names: &names, sources: self.sources, renderer: &renderer };
        let mut plan = self.header(&fields, &resolver, vars, faults);
        plan.steps = outlines.iter().filter_map(|outline| outline.step(&resolver, faults)).collect::<Vec<StepDef>>();
        Some(plan)
    }

    fn header(
        &self,
        fields: &Fields<'a>,
        resolver: &Resolver<'_, '_>,
        vars: Vec<Resolved>,
        faults: &mut Diagnostics,
    ) -> Plan {
        let resolved =
            |name: &str, faults: &mut Diagnostics| fields.get(name).map(|node| resolver.node(node, None, faults));
        let name = fields.required("name", faults).and_then(|node| name(node, faults));
        let summary = resolved("summary", faults)
            .and_then(|node| text(&node, "summary", faults).map(|text| text.trim_end().to_owned()));
        let window = resolved("window", faults).and_then(|node| window(&node, faults));
        let retention = resolved("retention", faults).map_or_else(Retention::default, |node| retention(&node, faults));
        let review = resolved("review", faults).map_or(Vec::new(), |node| reviews(&node, faults));
        Plan {
            name: name.unwrap_or_default(),
            summary: summary.unwrap_or_default(),
            digest: String::new(),
            environment: self.request.environment.map(str::to_owned),
            base: self.base.to_string_lossy().into_owned(),
            host: self.request.host.clone(),
            vars,
            window,
            retention,
            review,
            steps: Vec::new(),
        }
    }

    fn variables(
        &self,
        fields: &Fields<'a>,
        names: &mut Names<'a>,
        scope: &mut Scope,
        faults: &mut Diagnostics,
    ) -> Vec<Resolved> {
        let declared = fields.get("vars").map_or(Vec::new(), |node| declarations(node, faults));
        let shared: Vec<Cow<'_, [Entry]>> =
            self.request.layers.iter().map(|one| read_as_declared(one, &declared)).collect();
        let typed = typed_flags(&declared, self.flags.iter().map(|flag| (flag.name.as_str(), &flag.value)));
        let mut layers: Vec<Given<'_>> = Vec::new();
        let environment = self.overlay.and_then(|node| environment(node, faults));
        if let Some(overlay) = environment.as_ref().and_then(|fields| fields.get("vars")) {
            layers.extend(given(Layer::Environment, overlay, faults));
        }
        for (entries, one) in shared.iter().zip(&self.request.layers) {
            layers.extend(of_entries(one.layer, entries));
        }
        for (flag, node) in self.flags.iter().zip(&typed) {
            layers.push(Given { layer: Layer::CommandLine, name: &flag.name, name_span: flag.name_span, node });
        }
        layers.sort_by_key(|given| given.layer);
        let places = Places { base: self.base, home: &self.request.host.home, relative: self.relative };
        let complete = self.request.overlay.is_none() || environment.is_some();
        Variables { sources: self.sources, places: &places, complete, names, scope }.resolve(&declared, &layers, faults)
    }
}

/// The entries of a layer that are meant for the plan; those of a foreign one as the declared type.
fn read_as_declared<'l>(layer: &'l LayerVars, declared: &[Declared<'_>]) -> Cow<'l, [Entry]> {
    if layer.names == LayerNames::Declared {
        return Cow::Borrowed(&layer.vars);
    }
    let known = layer.vars.iter().filter(|entry| declared.iter().any(|variable| variable.name == entry.key));
    if layer.names == LayerNames::Common {
        return Cow::Owned(known.cloned().collect());
    }
    let known: Vec<&Entry> = known.collect();
    let values = typed_flags(declared, known.iter().map(|entry| (entry.key.as_str(), &entry.value)));
    Cow::Owned(known.into_iter().zip(values).map(|(entry, value)| Entry { value, ..entry.clone() }).collect())
}

/// The fields of an environment's file, if it is one.
fn environment<'n>(root: &'n Node, faults: &mut Diagnostics) -> Option<Fields<'n>> {
    if is_another_document(root, "Environment", "an environment", faults) {
        return None;
    }
    let fields = Fields::open(root, "an environment", &["kind", "version", "help", "vars"], faults)?;
    document_kind(&fields, "Environment", faults);
    if let Some(help) = fields.get("help") {
        text(help, "help", faults);
    }
    Some(fields)
}
