//! The five layers of variables: each value judged against its declaration, the last one wins.

use crate::declare::Declared;
use crate::fields::{Fields, items, one_of, some_text, text};
use crate::names::{Names, VarInfo, VarState};
use crate::reader::read;
use crate::resolve::Resolver;
use crate::values::{Misfit, Places, fit, path};
use runbook_model::{
    Code, Diagnostic, Diagnostics, Entry, Layer, Node, Resolved, SecretFrom, SecretSide, SecretSource, SourceMap, Span,
    Value, VarType,
};
use runbook_template::{Renderer, Scope, has_template, uses};
use std::collections::HashMap;

/// A value that a layer gives to a variable.
pub(crate) struct Given<'n> {
    pub(crate) layer: Layer,
    pub(crate) name: &'n str,
    pub(crate) name_span: Span,
    pub(crate) node: &'n Node,
}

/// The words for a layer in messages.
pub(crate) fn layer_word(layer: Layer) -> &'static str {
    match layer {
        Layer::PlanDefault => "the default",
        Layer::Environment => "the environment",
        Layer::Stage => "the stage",
        Layer::Inventory => "the inventory",
        Layer::CommandLine => "--var",
    }
}

/// The entries of the map of variables at `node`.
pub(crate) fn given<'n>(layer: Layer, node: &'n Node, faults: &mut Diagnostics) -> Vec<Given<'n>> {
    if !matches!(node.value, Value::Map(_) | Value::Null) {
        let message = format!("`vars` has to be a map of names and values, and this is {}", node.type_name());
        faults.push(Diagnostic::error(Code::WRONG_TYPE, node.span, message));
    }
    of_entries(layer, node.entries()).collect()
}

/// The variables of `entries`.
pub(crate) fn of_entries(layer: Layer, entries: &[Entry]) -> impl Iterator<Item = Given<'_>> {
    entries.iter().map(move |entry| Given { layer, name: &entry.key, name_span: entry.key_span, node: &entry.value })
}

/// The values of `--var` flags as their declared types; one that cannot be read as such stays text.
pub(crate) fn typed_flags<'f>(
    declared: &[Declared<'_>],
    flags: impl Iterator<Item = (&'f str, &'f Node)>,
) -> Vec<Node> {
    let types: HashMap<&str, VarType> =
        declared.iter().filter_map(|variable| Some((variable.name, variable.ty?))).collect();
    flags.map(|(name, node)| types.get(name).map_or_else(|| node.clone(), |ty| typed(*ty, node))).collect()
}

fn typed(ty: VarType, node: &Node) -> Node {
    let Value::String(text) = &node.value else { return node.clone() };
    let value = match ty {
        VarType::Int => text.parse().ok().map(Value::Int),
        VarType::Bool => text.parse().ok().map(Value::Bool),
        VarType::List => match read(node.span.source, text) {
            (Some(list @ Node { value: Value::List(_), .. }), faults) if faults.is_empty() => {
                Some(Node::from_json(node.span, &list.to_json()).value)
            }
            _ => None,
        },
        _ => None,
    };
    Node::new(node.span, value.unwrap_or_else(|| node.value.clone()))
}

/// Resolves the variables one by one, in the order of their declarations.
pub(crate) struct Variables<'a, 'n> {
    pub(crate) sources: &'a SourceMap,
    pub(crate) places: &'a Places<'a>,
    /// Whether every layer could be read; a value may stand in one that could not.
    pub(crate) complete: bool,
    pub(crate) names: &'a mut Names<'n>,
    pub(crate) scope: &'a mut Scope,
}

impl<'n> Variables<'_, 'n> {
    /// Every variable that has a value or lacks one, and the scope filled with the values that are not secret.
    pub(crate) fn resolve(
        &mut self,
        declared: &[Declared<'n>],
        given: &[Given<'_>],
        faults: &mut Diagnostics,
    ) -> Vec<Resolved> {
        for variable in declared {
            self.names.vars.insert(variable.name, VarInfo { span: variable.span, state: VarState::NotYet });
        }
        let mut by_name: HashMap<&str, Vec<&Given<'_>>> = HashMap::new();
        for value in given {
            if self.names.vars.contains_key(value.name) {
                by_name.entry(value.name).or_default().push(value);
            } else {
                faults.push(self.names.unknown_variable(value.name, value.name_span));
            }
        }
        let mut resolved = Vec::with_capacity(declared.len());
        for variable in declared {
            let given = by_name.get(variable.name).map_or(&[][..], Vec::as_slice);
            let found = match variable.ty {
                None => None,
                Some(VarType::Secret) => self.secret(variable, given, faults),
                Some(ty) => self.value(variable, ty, given, faults),
            };
            let state = match (&found, variable.ty) {
                (_, Some(VarType::Secret)) => VarState::Secret,
                (Some(Resolved { value: Some(_), .. }), _) => VarState::Ready,
                _ => VarState::Broken,
            };
            self.names.vars.insert(variable.name, VarInfo { span: variable.span, state });
            if let Some(Resolved { value: Some(node), .. }) = &found {
                self.scope.vars.insert(variable.name.to_owned(), node.to_json());
            }
            resolved.extend(found);
        }
        resolved
    }

    fn value(
        &mut self,
        variable: &Declared<'n>,
        ty: VarType,
        given: &[&Given<'_>],
        faults: &mut Diagnostics,
    ) -> Option<Resolved> {
        let default = variable.default.map(|node| (Layer::PlanDefault, node));
        let layers: Vec<(Layer, &Node)> =
            default.into_iter().chain(given.iter().map(|given| (given.layer, given.node))).collect();
        if layers.is_empty() && self.complete && !variable.mistyped {
            let message = format!("the variable `{}` has no value", variable.name);
            let help = format!("set it in the environment's file or with `--var {}=…`", variable.name);
            faults.push(Diagnostic::error(Code::UNSET_VARIABLE, variable.span, message).help(help));
        }
        let mut winner = layers.is_empty().then(|| Resolved {
            name: variable.name.to_owned(),
            ty,
            value: None,
            secret: None,
            layer: Layer::PlanDefault,
            span: variable.span,
        });
        for (layer, node) in layers {
            let value = self.judged(variable, ty, layer, node, faults);
            winner = value.map(|value| Resolved {
                name: variable.name.to_owned(),
                ty,
                value: Some(Node::new(node.span, value)),
                secret: None,
                layer,
                span: node.span,
            });
        }
        winner
    }

    fn judged(
        &self,
        variable: &Declared<'n>,
        ty: VarType,
        layer: Layer,
        node: &Node,
        faults: &mut Diagnostics,
    ) -> Option<Value> {
        let node = match layer {
            Layer::CommandLine => node.clone(),
            _ => self.rendered(node, faults),
        };
        if self.waits(variable.name, &node, faults) {
            return None;
        }
        match fit(ty, &node, self.places) {
            Ok(value) => Some(value),
            Err(Misfit { code, reason, help }) => {
                let message = format!("`{}` {reason}", variable.name);
                let mut diagnostic = Diagnostic::error(code, node.span, message).maybe_help(help);
                if layer != Layer::PlanDefault {
                    diagnostic = diagnostic
                        .label(format!("set by {}", layer_word(layer)))
                        .related(variable.span, format!("declared here as {}", ty.name()));
                }
                faults.push(diagnostic);
                None
            }
        }
    }

    /// `node` rendered with the variables that are declared above; only those that it names are made ready for it.
    fn rendered(&self, node: &Node, faults: &mut Diagnostics) -> Node {
        let mut scope = Scope::new(self.scope.host.clone(), self.scope.environment.clone());
        node.walk(&mut |node| {
            if let Value::String(text) = &node.value
                && has_template(text)
            {
                for name in uses(text).unwrap_or_default() {
                    if let [_, variable, ..] = name.path.as_slice()
                        && let Some((name, value)) = self.scope.vars.get_key_value(variable)
                    {
                        scope.vars.insert(name.clone(), value.clone());
                    }
                }
            }
        });
        let renderer = Renderer::new(&scope);
        Resolver { names: self.names, sources: self.sources, renderer: &renderer }.node(node, None, faults)
    }

    /// Whether the value cannot be known before the run; says so.
    fn waits(&self, name: &str, node: &Node, faults: &mut Diagnostics) -> bool {
        let mut waits = false;
        node.walk(&mut |node| {
            if let Value::Later(_) = &node.value {
                waits = true;
                crate::fields::wrong_type(node, name, "a value", faults);
            }
        });
        waits
    }

    fn secret(&mut self, variable: &Declared<'n>, given: &[&Given<'_>], faults: &mut Diagnostics) -> Option<Resolved> {
        for value in given {
            let message = format!("the secret `{}` is given a value by {}", variable.name, layer_word(value.layer));
            faults.push(
                Diagnostic::error(Code::BAD_SECRET, value.node.span, message)
                    .related(variable.span, "declared here as secret")
                    .help("a secret comes from its source alone: change `from` in the plan"),
            );
        }
        let from = self.rendered(variable.from?, faults);
        let source = self.source(&from, faults)?;
        Some(Resolved {
            name: variable.name.to_owned(),
            ty: VarType::Secret,
            value: None,
            secret: Some(source),
            layer: Layer::PlanDefault,
            span: from.span,
        })
    }

    fn source(&self, node: &Node, faults: &mut Diagnostics) -> Option<SecretSource> {
        let fields = Fields::open(node, "the source of a secret", &["env", "file", "command", "on"], faults)?;
        let on = fields.get("on").map(|on| one_of(on, "on", SecretSide::NAMES, Code::BAD_SECRET, faults));
        let from = self.held_by(node, &fields, faults)?;
        let on = on.map_or(Some(SecretSide::Host), |on| SecretSide::from_name(on?))?;
        Some(SecretSource { from, on })
    }

    fn held_by(&self, node: &Node, fields: &Fields<'_>, faults: &mut Diagnostics) -> Option<SecretFrom> {
        let sources = (fields.get("env"), fields.get("file"), fields.get("command"));
        match sources {
            (Some(node), None, None) => some_text(node, "env", faults).map(|name| SecretFrom::Env(name.to_owned())),
            (None, Some(node), None) => {
                let text = some_text(node, "file", faults)?;
                match path(text, self.places) {
                    Ok(path) => Some(SecretFrom::File(path)),
                    Err(misfit) => {
                        let message = format!("`file` {}", misfit.reason);
                        faults.push(Diagnostic::error(Code::BAD_SECRET, node.span, message).maybe_help(misfit.help));
                        None
                    }
                }
            }
            (None, None, Some(node)) => {
                let words = items(node, "command", faults);
                let argv: Vec<String> =
                    words.iter().filter_map(|word| text(word, "command", faults)).map(str::to_owned).collect();
                if argv.is_empty() || argv.len() < words.len() {
                    if matches!(&node.value, Value::List(items) if items.is_empty()) {
                        let message = "`command` names no program";
                        faults.push(Diagnostic::error(Code::BAD_SECRET, node.span, message));
                    }
                    return None;
                }
                Some(SecretFrom::Command(argv))
            }
            (None, None, None) if node.entries().iter().any(|entry| entry.key != "on") => None,
            _ => {
                let message = "a secret has one source: `env`, `file` or `command`";
                faults.push(Diagnostic::error(Code::BAD_SECRET, node.span, message));
                None
            }
        }
    }
}
