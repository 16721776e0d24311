//! Edits inside of objects and arrays that stand on one line: they stay on one line.

use jsonc_parser::cst::{CstContainerNode, CstInputValue, CstNode, CstRootNode};
use serde_json::Value as Json;

/// The whole text with a new property or element at the end of `container`; `None` unless it stands on one line.
pub(super) fn add(root: &CstRootNode, container: &CstNode, name: &str, value: &CstInputValue) -> Option<String> {
    let text = container.to_string();
    let is_object = container.as_object().is_some();
    let items = match (container.as_object(), container.as_array()) {
        (Some(object), _) => {
            object.properties().into_iter().map(|item| CstNode::from(CstContainerNode::from(item))).collect()
        }
        (None, Some(array)) => array.elements(),
        (None, None) => return None,
    };
    if text.contains(['\n', '\r']) {
        return None;
    }
    let tight = !text.contains([' ', '\t']);
    let new = match is_object {
        true => format!("{}:{}{}", Json::from(name), if tight { "" } else { " " }, compact(value, tight)),
        false => compact(value, tight),
    };
    let start = offset(container);
    let Some(last) = items.last() else {
        // In a line an empty container stays in it; elsewhere the library opens it.
        let around = container.ancestors().find(|around| !around.is_object_prop() && !around.is_root())?.to_string();
        let tight = !around.contains([' ', '\t']);
        let filled = match is_object {
            true => CstInputValue::Object(vec![(name.to_owned(), value.clone())]),
            false => CstInputValue::Array(vec![value.clone()]),
        };
        let empty = text.len() == 2 && !around.contains(['\n', '\r']);
        return empty.then(|| splice(root, start, start + 2, &compact(&filled, tight)));
    };
    let end_of_last = offset(last) + last.to_string().len();
    let end_of_all = start + text.strip_suffix(['}', ']'])?.trim_end().len();
    let gap = if tight { "" } else { " " };
    if last.trailing_comma().is_some() {
        return Some(splice(root, end_of_all, end_of_all, &format!("{gap}{new},")));
    }
    let with_new = splice(root, end_of_all, end_of_all, &format!("{gap}{new}"));
    Some(format!("{},{}", with_new.get(..end_of_last)?, with_new.get(end_of_last..)?))
}

/// The whole text with `value` instead of `current`; `None` unless `parent` stands on one line.
pub(super) fn replace(
    root: &CstRootNode,
    parent: &CstNode,
    current: &CstNode,
    value: &CstInputValue,
) -> Option<String> {
    let around = parent.to_string();
    if around.contains(['\n', '\r']) {
        return None;
    }
    let start = offset(current);
    Some(splice(root, start, start + current.to_string().len(), &compact(value, !around.contains([' ', '\t']))))
}

/// Where `node` begins in the whole text, in bytes.
fn offset(node: &CstNode) -> usize {
    let before: usize = node.previous_siblings().map(|sibling| sibling.to_string().len()).sum();
    before + node.parent().map_or(0, |parent| offset(&CstNode::from(parent)))
}

fn splice(root: &CstRootNode, from: usize, to: usize, new: &str) -> String {
    let mut text = root.to_string();
    if text.is_char_boundary(from) && text.is_char_boundary(to) {
        text.replace_range(from..to, new);
    }
    text
}

/// A value on one line.
fn compact(value: &CstInputValue, tight: bool) -> String {
    let gap = if tight { "" } else { " " };
    let comma = format!(",{gap}");
    match value {
        CstInputValue::Null => "null".to_owned(),
        CstInputValue::Bool(value) => value.to_string(),
        CstInputValue::Number(number) => number.clone(),
        CstInputValue::String(text) => Json::from(text.as_str()).to_string(),
        CstInputValue::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| compact(item, tight)).collect();
            format!("[{}]", items.join(&comma))
        }
        CstInputValue::Object(entries) if entries.is_empty() => "{}".to_owned(),
        CstInputValue::Object(entries) => {
            let entry = |(key, value): &(String, CstInputValue)| {
                format!("{}:{gap}{}", Json::from(key.as_str()), compact(value, tight))
            };
            let entries: Vec<String> = entries.iter().map(entry).collect();
            format!("{{{gap}{}{gap}}}", entries.join(&comma))
        }
    }
}
