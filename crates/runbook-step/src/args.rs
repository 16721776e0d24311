//! Parameters of one step with their types. Kinds read them here and nowhere else.

use crate::from_arg::{ArgContext, FromArg, Mistake};
use crate::{KindDoc, Need, Param};
use runbook_model::{Code, Diagnostic, Diagnostics, Node, Resource, Span, Value};
use std::path::PathBuf;

/// The parameters of one step: the tree of the plan, seen through the kind's table.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    /// The kind's table.
    pub doc: &'a KindDoc,
    /// The tree under `with`.
    pub node: &'a Node,
    /// The surroundings.
    pub context: &'a ArgContext,
    /// Where the step's id stands, for faults that have no better place.
    pub step_span: Span,
}

/// A parameter as far as it is known before the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peek<T> {
    /// Not given and without a default, or wrong (which the table's check reports).
    Absent,
    /// Known now.
    Known(T),
    /// It waits for another step or a secret.
    Later,
}

impl<T> Peek<T> {
    /// The value, if it is known now.
    pub fn known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Absent | Self::Later => None,
        }
    }
}

impl<'a> Args<'a> {
    /// A parameter that the table requires or gives a default.
    pub fn need<T: FromArg>(&self, name: &str) -> Result<T, Diagnostic> {
        self.maybe(name)?.ok_or_else(|| {
            Diagnostic::error(
                Code::MISSING_PARAMETER,
                self.step_span,
                format!("`{}` needs the parameter `{name}`", self.doc.name),
            )
        })
    }

    /// A parameter that may be left out.
    pub fn maybe<T: FromArg>(&self, name: &str) -> Result<Option<T>, Diagnostic> {
        match self.read(name) {
            Ok(value) => Ok(value),
            Err(Mistake::Later) => Err(Diagnostic::error(
                Code::WRONG_PARAMETER,
                self.span(name),
                format!("`{name}` is not known yet: it waits for another step"),
            )),
            Err(Mistake::Wrong(span, wanted)) => Err(wrong(name, span, &wanted)),
        }
    }

    /// A parameter as far as it is known before the run.
    pub fn peek<T: FromArg>(&self, name: &str) -> Peek<T> {
        match self.read(name) {
            Ok(Some(value)) => Peek::Known(value),
            Ok(None) | Err(Mistake::Wrong(..)) => Peek::Absent,
            Err(Mistake::Later) => Peek::Later,
        }
    }

    /// A fault unless `fits` says that parameter `name` is `wanted`; what is not known yet, or absent, is let pass.
    pub fn expect<T: FromArg>(&self, name: &str, found: &mut Diagnostics, fits: impl FnOnce(&T) -> bool, wanted: &str) {
        if self.peek::<T>(name).known().is_some_and(|value| !fits(&value)) {
            found.push(wrong(name, self.span(name), wanted));
        }
    }

    /// The path parameter `name` as a resource: none if absent, an unknown path if it waits.
    pub fn path_resource(&self, name: &str) -> Option<Resource> {
        match self.peek::<PathBuf>(name) {
            Peek::Known(path) => Some(Resource::Path(path)),
            Peek::Later => Some(Resource::UnknownPath),
            Peek::Absent => None,
        }
    }

    /// The paths parameter `name` as resources; elements that wait are unknown paths.
    pub fn path_resources(&self, name: &str) -> Vec<Resource> {
        let Some(node) = self.given(name) else { return Vec::new() };
        let items = match &node.value {
            Value::List(items) => items.iter().collect(),
            _ => vec![node],
        };
        let resource = |item: &Node| match Vec::<PathBuf>::from_arg(item, self.context) {
            Ok(paths) => paths.into_iter().map(Resource::Path).collect(),
            Err(Mistake::Later) => vec![Resource::UnknownPath],
            Err(Mistake::Wrong(..)) => Vec::new(),
        };
        items.into_iter().flat_map(resource).collect()
    }

    /// The words of an argument vector that are known before the run; others are left out.
    pub fn known_words(&self, argv: Option<&Node>) -> Vec<String> {
        let Some(Node { value: Value::List(items), .. }) = argv else { return Vec::new() };
        items.iter().filter_map(|item| String::from_arg(item, self.context).ok()).collect()
    }

    /// The tree of parameter `name`, if it is given and not null.
    pub fn given(&self, name: &str) -> Option<&'a Node> {
        self.node.get(name).map(|entry| &entry.value).filter(|node| node.value != Value::Null)
    }

    /// Where parameter `name` stands; the step's id if it is not given.
    pub fn span(&self, name: &str) -> Span {
        self.node.get(name).map_or(self.step_span, |entry| entry.value.span)
    }

    fn read<T: FromArg>(&self, name: &str) -> Result<Option<T>, Mistake> {
        if let Some(node) = self.given(name) {
            return T::from_arg(node, self.context).map(Some);
        }
        match self.doc.params.iter().find(|param| param.name == name) {
            Some(Param { need: Need::Default(text), .. }) => {
                T::from_arg(&default_node(self.step_span, text), self.context).map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// The fault "parameter `name` is not what is wanted".
pub fn wrong(name: &str, span: Span, wanted: &str) -> Diagnostic {
    Diagnostic::error(Code::WRONG_PARAMETER, span, format!("`{name}` must be {wanted}"))
}

fn default_node(span: Span, text: &str) -> Node {
    let value = match (text, text.parse::<i64>()) {
        ("true", _) => Value::Bool(true),
        ("false", _) => Value::Bool(false),
        (_, Ok(number)) => Value::Int(number),
        _ => Value::String(text.to_owned()),
    };
    Node::new(span, value)
}
