//! The spanned tree that parameters stay in until a kind judges them.

use crate::{Span, StepId};
use serde::{Deserialize, Serialize};

/// What a step puts out for later steps: a JSON object.
pub type Outputs = serde_json::Map<String, serde_json::Value>;

/// A value with its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub value: Value,
}

/// A value of the plan language.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`; no other word is a boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text without any template left in it.
    String(String),
    /// Text that can only be rendered when a step ran or a secret is fetched.
    Later(Later),
    /// A list.
    List(Vec<Node>),
    /// A map in the order of the file; keys are unique.
    Map(Vec<Entry>),
}

/// One key of a map with its value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

/// A template that waits for something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Later {
    /// The scalar as written, with everything that waits for nothing already rendered when the text is rendered.
    pub template: String,
    /// What it waits for, in order of appearance, without repeats.
    pub waits_for: Vec<Reference>,
}

/// Something that a template waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reference {
    /// `steps.<step>.<output>`.
    Output {
        /// The step.
        step: StepId,
        /// The name of its output.
        output: String,
    },
    /// `vars.<name>` of a variable of type secret.
    Secret(String),
}

impl Node {
    /// A node without children.
    pub fn new(span: Span, value: Value) -> Self {
        Self { span, value }
    }

    /// What kind of value this is, in the plan language's words, for messages.
    pub fn type_name(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Int(_) | Value::Float(_) => "a number",
            Value::String(_) | Value::Later(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// The entry `key`, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The entries, if this is a map; empty otherwise.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Calls `visit` on this node and everything below it, parents first.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Node)) {
        visit(self);
        match &self.value {
            Value::List(items) => items.iter().for_each(|item| item.walk(visit)),
            Value::Map(entries) => entries.iter().for_each(|entry| entry.value.walk(visit)),
            _ => {}
        }
    }

    /// What the tree still waits for, in order of appearance, without repeats.
    pub fn waits_for(&self) -> Vec<&Reference> {
        let mut found: Vec<&Reference> = Vec::new();
        self.walk(&mut |node| {
            if let Value::Later(later) = &node.value {
                for reference in &later.waits_for {
                    if !found.contains(&reference) {
                        found.push(reference);
                    }
                }
            }
        });
        found
    }

    /// The tree as JSON; a template that waits stays as it is written.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Int(value) => Json::from(*value),
            Value::Float(value) => Json::from(*value),
            Value::String(value) => Json::String(value.clone()),
            Value::Later(later) => Json::String(later.template.clone()),
            Value::List(items) => Json::Array(items.iter().map(Node::to_json).collect()),
            Value::Map(entries) => {
                Json::Object(entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect())
            }
        }
    }

    /// The tree of a JSON value, every node of it at `span`: what a template rendered to stands where the template stood.
    pub fn from_json(span: Span, json: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        let value = match json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => match number.as_i64() {
                Some(value) => Value::Int(value),
                None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(value) => Value::String(value.clone()),
            Json::Array(items) => Value::List(items.iter().map(|item| Self::from_json(span, item)).collect()),
            Json::Object(map) => Value::Map(
                map.iter()
                    .map(|(key, value)| Entry { key: key.clone(), key_span: span, value: Self::from_json(span, value) })
                    .collect(),
            ),
        };
        Self { span, value }
    }
}
