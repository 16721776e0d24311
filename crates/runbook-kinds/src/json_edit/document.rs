//! Edits of a JSON5 text that leave every other byte as it is.

use super::edit::{Edit, Fault};
use super::pointer::{Pointer, index};
use super::{inline, model};
use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstArray, CstInputValue, CstLeafNode, CstNode, CstObject, CstObjectProp, CstRootNode};
use runbook_model::{Node, Value};
use serde_json::Value as Json;

/// What JSON5 allows. A missing comma is not among it.
const JSON5: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_loose_object_property_names: true,
    allow_trailing_commas: true,
    allow_missing_commas: false,
    allow_single_quoted_strings: true,
    allow_hexadecimal_numbers: true,
    allow_unary_plus_numbers: true,
    allow_bare_decimal_point_numbers: true,
    allow_non_finite_numbers: true,
    allow_extended_string_escapes: true,
};

/// Some editors begin a file with this mark.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// `text` after `edits`, in their order; the same text if all of them are there already.
///
/// The result is read again and compared with what the edits mean on plain values; if the two differ, it is refused.
pub(super) fn edited(text: &str, edits: &[Edit]) -> Result<String, Fault> {
    let (mark, body) = without_mark(text);
    let root = parse(body)?;
    if root.to_string() != body {
        return Err(Fault::new("it would not come back as it is").hint("edit it by hand"));
    }
    let mut wanted = value_of(text)?;
    let mut new = body.to_owned();
    for edit in edits {
        model::apply(&mut wanted, edit)?;
        new = match edit {
            Edit::Set(pointer, value) => set(parse(&new)?, pointer, value)?,
            Edit::Remove(pointer) => remove(parse(&new)?, pointer)?,
        };
    }
    let is = parse(&new).ok().and_then(|root| root.to_serde_value());
    if is.as_ref() != Some(&wanted) {
        return Err(Fault::new("the edited text would not hold the wanted values").hint("edit it by hand"));
    }
    Ok(format!("{mark}{new}"))
}

/// The value that a text holds.
pub(super) fn value_of(text: &str) -> Result<Json, Fault> {
    let value = parse(without_mark(text).1)?.to_serde_value();
    value.ok_or_else(|| Fault::new("it holds no value").hint("start it with {}"))
}

fn without_mark(text: &str) -> (&'static str, &str) {
    text.strip_prefix(BYTE_ORDER_MARK).map_or(("", text), |body| (BYTE_ORDER_MARK, body))
}

fn parse(body: &str) -> Result<CstRootNode, Fault> {
    CstRootNode::parse(body, &JSON5)
        .map_err(|error| Fault::new(format!("it is not JSON or JSON5: {error}")).hint("correct it there first"))
}

fn set(root: CstRootNode, pointer: &Pointer, value: &Node) -> Result<String, Fault> {
    let wanted = Some(value.to_json());
    let Some((last, parents)) = pointer.parts().split_last() else {
        if root.to_serde_value() != wanted {
            root.set_value(input(value));
        }
        return Ok(root.to_string());
    };
    let Some(mut here) = root.value() else { return Ok(root.to_string()) };
    for (depth, part) in parents.iter().enumerate() {
        here = match child(&here, part, pointer)? {
            Some(next) => next,
            None => {
                let rest = pointer.parts().get(depth + 1..).unwrap_or_default();
                return Ok(add(&root, &here, part, nested(rest, value, &pointer.first(depth + 1))?));
            }
        };
    }
    if last == "-" && here.as_array().is_some() {
        let is_wanted = |element: CstNode| element.to_serde_value() == wanted;
        return match here.as_array().is_some_and(|array| array.elements().into_iter().any(is_wanted)) {
            true => Ok(root.to_string()),
            false => Ok(add(&root, &here, last, input(value))),
        };
    }
    match child(&here, last, pointer)? {
        Some(current) if current.to_serde_value() == wanted => Ok(root.to_string()),
        Some(current) => replace(&root, &here, last, current, input(value), pointer),
        None => Ok(add(&root, &here, last, input(value))),
    }
}

fn remove(root: CstRootNode, pointer: &Pointer) -> Result<String, Fault> {
    let Some((last, parents)) = pointer.parts().split_last() else { return Ok(root.to_string()) };
    let Some(mut here) = root.value() else { return Ok(root.to_string()) };
    for part in parents {
        match child(&here, part, pointer)? {
            Some(next) => here = next,
            None => return Ok(root.to_string()),
        }
    }
    if let Some(object) = here.as_object() {
        if let Some(property) = property(&object, last, pointer)? {
            property.remove();
        }
    } else if let Some(element) = child(&here, last, pointer)? {
        element.remove();
    }
    Ok(root.to_string())
}

/// The value at `part` of an object or array.
fn child(node: &CstNode, part: &str, pointer: &Pointer) -> Result<Option<CstNode>, Fault> {
    if let Some(object) = node.as_object() {
        return Ok(property(&object, part, pointer)?.and_then(|property| property.value()));
    }
    let elements = node.as_array().map(|array| array.elements()).unwrap_or_default();
    Ok(index(part).and_then(|at| elements.into_iter().nth(at)))
}

/// The property `name`; a fault if the object has it twice, for readers differ in which of them counts.
fn property(object: &CstObject, name: &str, pointer: &Pointer) -> Result<Option<CstObjectProp>, Fault> {
    let mut named = object.properties().into_iter().filter(|property| property.decoded_name().as_deref() == Some(name));
    let first = named.next();
    match named.next() {
        Some(_) => Err(Fault::new(format!("the key `{name}` on the way to `{pointer}` stands twice"))
            .hint("remove one of the two by hand")),
        None => Ok(first),
    }
}

/// Puts a value where none is: a new property, or an element at the end.
fn add(root: &CstRootNode, node: &CstNode, part: &str, value: CstInputValue) -> String {
    if let Some(text) = inline::add(root, node, part, &value) {
        return text;
    }
    if let Some(object) = node.as_object() {
        object.append(part, value);
    } else if let Some(array) = node.as_array() {
        array.append(value);
    }
    root.to_string()
}

fn replace(
    root: &CstRootNode,
    parent: &CstNode,
    part: &str,
    current: CstNode,
    value: CstInputValue,
    pointer: &Pointer,
) -> Result<String, Fault> {
    if let Some(text) = inline::replace(root, parent, &current, &value) {
        return Ok(text);
    }
    if let Some(object) = parent.as_object() {
        if let Some(property) = property(&object, part, pointer)? {
            property.set_value(value);
        }
        return Ok(root.to_string());
    }
    match current {
        CstNode::Container(container) => {
            container.as_object().and_then(|node: CstObject| node.replace_with(value.clone()));
            container.as_array().and_then(|node: CstArray| node.replace_with(value));
        }
        CstNode::Leaf(CstLeafNode::BooleanLit(node)) => drop(node.replace_with(value)),
        CstNode::Leaf(CstLeafNode::NullKeyword(node)) => drop(node.replace_with(value)),
        CstNode::Leaf(CstLeafNode::NumberLit(node)) => drop(node.replace_with(value)),
        CstNode::Leaf(CstLeafNode::StringLit(node)) => drop(node.replace_with(value)),
        CstNode::Leaf(CstLeafNode::WordLit(node)) => drop(node.replace_with(value)),
        CstNode::Leaf(_) => {}
    }
    Ok(root.to_string())
}

/// `value` inside of what `rest` names and is not there yet: objects, or an array before `-`.
fn nested(rest: &[String], value: &Node, place: &Pointer) -> Result<CstInputValue, Fault> {
    let Some((part, deeper)) = rest.split_first() else { return Ok(input(value)) };
    let inner = nested(deeper, value, place)?;
    match index(part) {
        _ if part == "-" => Ok(CstInputValue::Array(vec![inner])),
        None => Ok(CstInputValue::Object(vec![(part.clone(), inner)])),
        Some(_) => Err(Fault::new(format!("`{place}` is not there, and `{part}` could be a key or an index"))
            .hint(format!("set `{place}` as a whole"))),
    }
}

/// A value of the plan as the library takes it; maps keep their order.
fn input(node: &Node) -> CstInputValue {
    match &node.value {
        Value::Null => CstInputValue::Null,
        Value::Bool(value) => CstInputValue::Bool(*value),
        Value::List(items) => CstInputValue::Array(items.iter().map(input).collect()),
        Value::Map(entries) => {
            CstInputValue::Object(entries.iter().map(|entry| (entry.key.clone(), input(&entry.value))).collect())
        }
        Value::Int(_) | Value::Float(_) | Value::String(_) | Value::Later(_) => match node.to_json() {
            Json::Number(number) => CstInputValue::Number(number.to_string()),
            Json::String(text) => CstInputValue::String(text),
            _ => CstInputValue::Null,
        },
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
