//! What edits mean, on plain values: the judge of what was done to the text.

use super::edit::{Edit, Fault};
use super::pointer::{Pointer, index};
use serde_json::Value as Json;

/// `value` after `edit`. Refuses what has no meaning or would mean something else a second time.
pub(super) fn apply(value: &mut Json, edit: &Edit) -> Result<(), Fault> {
    match edit {
        Edit::Set(pointer, wanted) => set(value, pointer, wanted.to_json()),
        Edit::Remove(pointer) => remove(value, pointer),
    }
}

fn set(value: &mut Json, pointer: &Pointer, wanted: Json) -> Result<(), Fault> {
    let mut here = value;
    for (depth, part) in pointer.parts().iter().enumerate() {
        let place = pointer.first(depth);
        here = match here {
            Json::Object(map) => map.entry(part.as_str()).or_insert_with(|| container(pointer, depth + 1)),
            Json::Array(items) => {
                let at = match index(part) {
                    Some(at) if at <= items.len() => at,
                    None if part == "-" && depth + 1 < pointer.parts().len() => {
                        let whole = pointer.first(depth + 1);
                        return Err(Fault::new(format!("a second time, `{pointer}` would append another element"))
                            .hint(format!("append the element as a whole with `{whole}`")));
                    }
                    None if part == "-" && items.contains(&wanted) => return Ok(()),
                    None if part == "-" => items.len(),
                    _ => return Err(no_such_element(&place, part, items.len())),
                };
                if at == items.len() {
                    items.push(container(pointer, depth + 1));
                }
                match items.get_mut(at) {
                    Some(item) => item,
                    None => return Ok(()),
                }
            }
            other => return Err(no_parts(&place, other, part)),
        };
    }
    *here = wanted;
    Ok(())
}

/// What is made where nothing is: an array before `-`, else an object.
fn container(pointer: &Pointer, depth: usize) -> Json {
    match pointer.parts().get(depth) {
        Some(part) if part == "-" => Json::Array(Vec::new()),
        _ => Json::Object(serde_json::Map::new()),
    }
}

fn remove(value: &mut Json, pointer: &Pointer) -> Result<(), Fault> {
    let Some((last, parents)) = pointer.parts().split_last() else {
        return Err(Fault::new("the whole document cannot be removed").hint("remove the file with `file.remove`"));
    };
    let mut here = value;
    for (depth, part) in parents.iter().enumerate() {
        let next = match here {
            Json::Object(map) => map.get_mut(part),
            Json::Array(items) => index(part).and_then(|at| items.get_mut(at)),
            other => return Err(no_parts(&pointer.first(depth), other, part)),
        };
        match next {
            Some(next) => here = next,
            None => return Ok(()),
        }
    }
    let place = pointer.first(parents.len());
    match here {
        Json::Object(map) => {
            map.remove(last);
            Ok(())
        }
        Json::Array(items) => match index(last) {
            Some(at) if at >= items.len() => Ok(()),
            Some(at) if at + 1 == items.len() => {
                items.truncate(at);
                Ok(())
            }
            Some(_) => {
                Err(Fault::new(format!("removing `{pointer}` twice would remove two elements, for others follow it"))
                    .hint(format!("set `{place}` as a whole")))
            }
            None => Err(no_such_element(&place, last, items.len())),
        },
        other => Err(no_parts(&place, other, last)),
    }
}

fn no_such_element(place: &Pointer, part: &str, count: usize) -> Fault {
    Fault::new(format!("`{place}` is an array of {count} elements and has no `{part}`"))
        .hint("elements are numbered from 0; `-` appends")
}

fn no_parts(place: &Pointer, value: &Json, part: &str) -> Fault {
    let what = match value {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) | Json::Array(_) | Json::Object(_) => "text",
    };
    Fault::new(format!("`{place}` is {what} and has no `{part}`")).hint(format!("set `{place}` as a whole"))
}
