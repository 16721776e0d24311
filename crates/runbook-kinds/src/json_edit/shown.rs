//! What edits change, for the preview: the edited values and nothing that stands beside them.

use super::document::value_of;
use super::edit::{Edit, Fault};
use super::model;
use super::pointer::{Pointer, index};
use serde_json::Value as Json;
use std::path::Path;

/// Below the lines that name the file, as in a diff, one for each value that goes and for each that comes. Of a private file, no text that goes is shown, nor a list or
/// an object, which may hold one.
pub(super) fn changes(path: &Path, text: &str, edits: &[Edit], private: bool) -> Result<String, Fault> {
    let mut value = value_of(text)?;
    let mut lines = format!("--- {0}\n+++ {0}\n", path.display());
    for edit in edits {
        let before = value.clone();
        model::apply(&mut value, edit)?;
        if before == value {
            continue;
        }
        let pointer = match edit {
            Edit::Set(pointer, _) | Edit::Remove(pointer) => pointer,
        };
        if let Some(old) = at(&before, pointer) {
            lines.push_str(&format!("-{pointer}: {}\n", old_value(old, private)));
        }
        if let Edit::Set(pointer, new) = edit {
            lines.push_str(&format!("+{pointer}: {}\n", new.to_json()));
        }
    }
    Ok(lines)
}

fn at<'a>(value: &'a Json, pointer: &Pointer) -> Option<&'a Json> {
    pointer.parts().iter().try_fold(value, |here, part| match here {
        Json::Object(map) => map.get(part),
        Json::Array(items) => index(part).and_then(|at| items.get(at)),
        _ => None,
    })
}

fn old_value(value: &Json, private: bool) -> String {
    let what = match value {
        _ if !private => return value.to_string(),
        Json::Null | Json::Bool(_) | Json::Number(_) => return value.to_string(),
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    };
    format!("({what} that not everybody may read)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use runbook_model::{Node, Span};
    use serde_json::json;

    #[test]
    fn the_edited_values_and_nothing_else_are_shown() {
        let text = "{ port: 1, token: 'n3ighbour', list: ['n3ighbour'], on: true }";
        let set = |pointer: &str, value: Json| {
            Edit::Set(Pointer::parse(pointer).unwrap(), Node::from_json(Span::default(), &value))
        };
        let edits = [
            set("/port", json!(2)),
            set("/on", json!(true)),
            set("/list/-", json!("new")),
            set("/made/deep", json!({})),
            Edit::Remove(Pointer::parse("/token").unwrap()),
        ];
        let shown = |private| changes(Path::new("/a"), text, &edits, private).unwrap();
        let added = "--- /a\n+++ /a\n-/port: 1\n+/port: 2\n+/list/-: \"new\"\n+/made/deep: {}\n";
        assert_eq!(shown(true), format!("{added}-/token: (a text that not everybody may read)\n"));
        assert_eq!(shown(false), format!("{added}-/token: \"n3ighbour\"\n"));
    }
}
