//! Tables of texts before and after, and the laws that hold for every text and every edit.

use super::*;
use proptest::prelude::*;
use runbook_model::Span;

fn set_to(pointer: &str, value: &Json) -> Edit {
    Edit::Set(Pointer::parse(pointer).unwrap(), Node::from_json(Span::default(), value))
}

fn removal(pointer: &str) -> Edit {
    Edit::Remove(Pointer::parse(pointer).unwrap())
}

/// Every case in `cases.txt`: the text, `--- set POINTER JSON` or `--- remove POINTER` lines, `===`, and the exact result.
#[test]
fn exact_results() {
    let mut wrong = Vec::new();
    for case in include_str!("cases.txt").trim_end().split("\n######## ").skip(1) {
        let (name, rest) = case.split_once('\n').unwrap();
        let (before, rest) = rest.split_once("\n--- ").unwrap();
        let (edits, after) = rest.split_once("\n===\n").unwrap();
        let edits: Vec<Edit> = edits.split("\n--- ").map(read_edit).collect();
        let result = edited(before, &edits).unwrap_or_else(|fault| panic!("{name}: {fault:?}"));
        let again = edited(&result, &edits).unwrap();
        assert_eq!(again, result, "{name}: a second time");
        if result != after {
            wrong.push(format!("######## {name}\n{result}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn read_edit(line: &str) -> Edit {
    match line.split(' ').collect::<Vec<_>>().as_slice() {
        ["remove", pointer] => removal(pointer),
        ["set", pointer, value @ ..] => set_to(pointer, &serde_json::from_str(&value.join(" ")).unwrap()),
        _ => panic!("{line}"),
    }
}

#[test]
fn line_ends_and_the_mark_stay() {
    let text = "\u{feff}{\r\n  \"a\": 1\r\n}\r\n";
    let new = edited(text, &[set_to("/b", &Json::from(2))]).unwrap();
    assert_eq!(new, "\u{feff}{\r\n  \"a\": 1,\r\n  \"b\": 2\r\n}\r\n");
    assert_eq!(edited(text, &[set_to("/a", &Json::from(1))]).unwrap(), text);
}

/// Each row: the text, an edit, and what the refusal says.
#[test]
fn what_cannot_be_edited_says_why() {
    let rows = [
        ("", "set /a 1", "it holds no value"),
        ("// nothing", "set /a 1", "it holds no value"),
        ("{", "set /a 1", "it is not JSON or JSON5"),
        ("{\"a\": 1 \"b\": 2}", "set /a 1", "it is not JSON or JSON5"),
        ("{} {}", "set /a 1", "it is not JSON or JSON5"),
        ("{\"a\": [1, 2]}", "set /a/3 1", "is an array of 2 elements and has no `3`"),
        ("{\"a\": [1, 2]}", "set /a/x 1", "is an array of 2 elements and has no `x`"),
        ("{\"a\": [1, 2]}", "set /a/01 1", "has no `01`"),
        ("{\"a\": [1, 2]}", "remove /a/0", "twice would remove two elements"),
        ("{\"a\": [1, 2]}", "remove /a/-", "has no `-`"),
        ("{\"a\": \"text\"}", "set /a/b 1", "`/a` is text and has no `b`"),
        ("{\"a\": null}", "set /a/b 1", "`/a` is null and has no `b`"),
        ("{\"a\": 1}", "remove /a/b", "`/a` is a number and has no `b`"),
        ("{\"a\": [1]}", "set /a/-/b 1", "would append another element"),
        ("{}", "set /a/-/b 1", "would append another element"),
        ("{}", "set /a/0 1", "could be a key or an index"),
        ("{\"a\": 1, a: 2}", "set /a 3", "stands twice"),
        ("{}", "remove ", "cannot be removed"),
    ];
    for (text, edit, wanted) in rows {
        let fault = edited(text, &[read_edit(edit)]).expect_err(edit);
        assert!(fault.message.contains(wanted), "{text} {edit}: {fault:?}");
    }
}

/// A document with its layout: every choice of it comes from `choices`.
fn written(value: &Json, depth: usize, choices: &mut dyn Iterator<Item = u8>) -> String {
    let (items, open, close): (Vec<String>, _, _) = match value {
        Json::Object(map) if !map.is_empty() => {
            let entry = |(key, value): (&String, &Json)| {
                let key = match choices.next().unwrap() % 3 {
                    0 => format!("'{key}'"),
                    1 => key.clone(),
                    _ => format!("\"{key}\""),
                };
                let between = [":", ": ", " : ", ": /* of it */ "][usize::from(choices.next().unwrap() % 4)];
                format!("{key}{between}{}", written(value, depth + 1, choices))
            };
            (map.iter().map(entry).collect(), '{', '}')
        }
        Json::Array(items) if !items.is_empty() => {
            (items.iter().map(|item| written(item, depth + 1, choices)).collect(), '[', ']')
        }
        other => return other.to_string(),
    };
    let last = items.len() - 1;
    let trailing = choices.next().unwrap().is_multiple_of(2);
    let lines = choices.next().unwrap().is_multiple_of(2) || items.iter().any(|item| item.contains('\n'));
    let mut text = open.to_string();
    for (at, item) in items.iter().enumerate() {
        let indent = if lines { format!("\n{}", "  ".repeat(depth + 1)) } else { " ".to_owned() };
        if choices.next().unwrap().is_multiple_of(4) {
            text.push_str(&indent);
            text.push_str(if lines { "// above" } else { "/* before */" });
        }
        text.push_str(&indent);
        text.push_str(item);
        if at != last || trailing {
            text.push(',');
        }
        match choices.next().unwrap() % 5 {
            0 if lines => text.push_str(" // beside"),
            1 => text.push_str(" /* beside */"),
            _ => {}
        }
    }
    if lines {
        text.push_str(&format!("\n{}{close}", "  ".repeat(depth)));
    } else {
        text.push_str(&format!(" {close}"));
    }
    text
}

fn document() -> impl Strategy<Value = (Json, String)> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        (-9i64..1000).prop_map(Json::from),
        "[a-z \"\\\\é]{0,6}".prop_map(Json::from),
        Just(Json::Array(Vec::new())),
        Just(Json::Object(serde_json::Map::new())),
    ];
    let tree = leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Json::from),
            proptest::collection::btree_map("[a-d]", inner, 1..4).prop_map(|map| map.into_iter().collect()),
        ]
    });
    let object =
        proptest::collection::btree_map("[a-d]", tree, 0..4).prop_map(|map| Json::Object(map.into_iter().collect()));
    (object, proptest::collection::vec(any::<u8>(), 64))
        .prop_map(|(value, choices)| (value.clone(), written(&value, 0, &mut choices.into_iter().cycle())))
}

/// Every place of a document.
fn places(value: &Json, here: &str, found: &mut Vec<String>) {
    found.push(here.to_owned());
    match value {
        Json::Object(map) => map.iter().for_each(|(key, value)| places(value, &format!("{here}/{key}"), found)),
        Json::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| places(value, &format!("{here}/{at}"), found));
        }
        _ => {}
    }
}

fn is_subsequence(short: &str, long: &str) -> bool {
    let mut rest = long.chars();
    short.chars().all(|wanted| rest.any(|found| found == wanted))
}

proptest! {
    #![proptest_config(test_rules::cases(512))]

    /// Replacing one plain value by another touches the bytes of that value and no others, and no other value.
    #[test]
    fn replacing_touches_one_value((value, text) in document(), pick in any::<prop::sample::Index>()) {
        let mut all = Vec::new();
        places(&value, "", &mut all);
        all.retain(|place| !place.is_empty() && !value.pointer(place).unwrap().is_object() && !value.pointer(place).unwrap().is_array());
        prop_assume!(!all.is_empty());
        let place = pick.get(&all);
        let new = edited(&text, &[set_to(place, &Json::from("NEW"))]).unwrap();
        let old_value = value.pointer(place).unwrap().to_string();
        let same_start = text.bytes().zip(new.bytes()).take_while(|(a, b)| a == b).count();
        let same_end = text.bytes().rev().zip(new.bytes().rev()).take_while(|(a, b)| a == b).count();
        prop_assert!(text.len().saturating_sub(same_start + same_end) <= old_value.len(), "{}\n{}", text, new);
        prop_assert!(new.contains("\"NEW\""));
        let mut wanted = value.clone();
        *wanted.pointer_mut(place).unwrap() = Json::from("NEW");
        prop_assert_eq!(parse(&new).unwrap().to_serde_value().unwrap(), wanted);
    }

    /// Adding keeps every character of the text in its order, and every other value.
    #[test]
    fn adding_keeps_every_character((value, text) in document(), pick in any::<prop::sample::Index>(), deep in any::<bool>()) {
        let mut all = Vec::new();
        places(&value, "", &mut all);
        all.retain(|place| value.pointer(place).unwrap().is_object() || value.pointer(place).unwrap().is_array());
        let place = pick.get(&all);
        let part = if value.pointer(place).unwrap().is_object() { "new" } else { "-" };
        let pointer = format!("{place}/{part}{}", if deep && part == "new" { "/deeper" } else { "" });
        let edits = [set_to(&pointer, &Json::from("NEW"))];
        let new = edited(&text, &edits).unwrap();
        prop_assert!(is_subsequence(&text, &new), "{}\n{}", text, new);
        prop_assert_eq!(&edited(&new, &edits).unwrap(), &new, "a second time");
    }

    /// Removing keeps what is left in its order, and every other value; a second time there is nothing to do.
    #[test]
    fn removing_keeps_the_rest((value, text) in document(), pick in any::<prop::sample::Index>()) {
        let Json::Object(map) = &value else { return Ok(()) };
        let keys: Vec<&String> = map.keys().collect();
        prop_assume!(!keys.is_empty());
        let key = pick.get(&keys);
        let edits = [removal(&format!("/{key}"))];
        let new = edited(&text, &edits).unwrap();
        prop_assert!(is_subsequence(&new, &text), "{}\n{}", text, new);
        prop_assert_eq!(&edited(&new, &edits).unwrap(), &new, "a second time");
        let mut wanted = value.clone();
        wanted.as_object_mut().unwrap().remove(*key);
        prop_assert_eq!(parse(&new).unwrap().to_serde_value().unwrap(), wanted);
    }

    /// Whatever the text is, an edit that is there already changes nothing.
    #[test]
    fn what_is_there_is_not_touched((value, text) in document()) {
        let mut all = Vec::new();
        places(&value, "", &mut all);
        let edits: Vec<Edit> = all.iter().map(|place| set_to(place, value.pointer(place).unwrap())).collect();
        prop_assert_eq!(edited(&text, &edits).unwrap(), text);
    }
}
