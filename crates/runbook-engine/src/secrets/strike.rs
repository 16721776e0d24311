//! Striking secrets out of values that are written down. Pure, and closed: what cannot be struck out is not written.

use super::marks::{ENCODED, Marks, Place};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};
use std::collections::BTreeSet;

/// Fields that the run goes by. They hold names that the plan may not take from a secret.
const STRUCTURE: &[&str] = &[
    "event",
    "prediction",
    "outcome",
    "cause",
    "verdict",
    "phase",
    "step",
    "secret",
    "until",
    "kind",
    "role",
    "signal",
    "lost",
    "answer",
    "what",
    // The kernel's name of a boot, which a run goes by; a short secret may stand in it by chance.
    "boot",
];

/// How many parts of one value are looked at one by one.
const PARTS: usize = 1000;

/// `value` without the secrets of `marks`. `Err` where it would still hold one: such a value must not be written.
pub(super) fn strike<T: Serialize + DeserializeOwned>(value: T, marks: &Marks, place: Place) -> Result<T, StillThere> {
    if marks.is_empty() {
        return Ok(value);
    }
    let tree = serde_json::to_value(&value).map_err(|_| StillThere)?;
    let all = Striker::strike(tree.clone(), marks, place, BTreeSet::new());
    if all.seen.is_empty() {
        return Ok(value);
    }
    if let Ok(struck) = serde_json::from_value(all.tree) {
        return Ok(struck);
    }
    by_part(&tree, marks, place, &all.seen)
}

/// A value of which a part must be what it is: the words of a closed set, which any secret may happen to be.
fn by_part<T: DeserializeOwned>(tree: &Json, marks: &Marks, place: Place, parts: &[Json]) -> Result<T, StillThere> {
    if parts.len() > PARTS {
        return Err(StillThere);
    }
    let decoded = |left: &BTreeSet<usize>| {
        serde_json::from_value::<T>(Striker::strike(tree.clone(), marks, place, left.clone()).tree).ok()
    };
    let mut left: BTreeSet<usize> = (0..parts.len()).collect();
    for part in 0..parts.len() {
        left.remove(&part);
        if decoded(&left).is_none() {
            left.insert(part);
        }
    }
    let is_word = |part: &usize| parts.get(*part).and_then(Json::as_str).is_some_and(is_word_of_ours);
    if left.iter().all(is_word) { decoded(&left).ok_or(StillThere) } else { Err(StillThere) }
}

/// The value would still hold a secret.
#[derive(Debug, PartialEq)]
pub(super) struct StillThere;

/// Whether a text that the type of a value prescribes can be one of its words.
fn is_word_of_ours(text: &str) -> bool {
    text.len() < 24 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

struct Striker<'a> {
    marks: &'a Marks,
    /// The numbers of the parts that stay as they are.
    left: BTreeSet<usize>,
    /// What would change, in the order in which it is come by.
    seen: Vec<Json>,
    tree: Json,
}

impl<'a> Striker<'a> {
    fn strike(tree: Json, marks: &'a Marks, place: Place, left: BTreeSet<usize>) -> Self {
        let mut striker = Self { marks, left, seen: Vec::new(), tree: Json::Null };
        striker.tree = striker.walk(tree, place, 0);
        striker
    }

    fn walk(&mut self, tree: Json, place: Place, depth: usize) -> Json {
        match tree {
            Json::String(text) => match self.marks.strike(&text, place) {
                Some(struck) => self.change(Json::String(text), struck),
                None => Json::String(text),
            },
            Json::Number(number) => match self.marks.strike_number(&number, place).map(str::to_owned) {
                Some(shown) => self.change(Json::Number(number), shown),
                None => Json::Number(number),
            },
            Json::Bool(value) => match self.marks.strike_bool(value, place).map(str::to_owned) {
                Some(shown) => self.change(Json::Bool(value), shown),
                None => Json::Bool(value),
            },
            Json::Array(items) => {
                Json::Array(items.into_iter().map(|item| self.walk(item, place, depth + 1)).collect())
            }
            Json::Object(map) => self.map(map, place, depth),
            Json::Null => Json::Null,
        }
    }

    fn map(&mut self, map: Map<String, Json>, place: Place, depth: usize) -> Json {
        let mut struck = Map::new();
        for (key, item) in map {
            if place == Place::Told {
                let item = if STRUCTURE.contains(&key.as_str()) && !item.is_object() {
                    item
                } else {
                    match below(&key) {
                        Place::Told => self.walk(item, Place::Told, depth + 1),
                        data => self.walk(item, data, 0),
                    }
                };
                struck.insert(key, item);
                continue;
            }
            let item = self.walk(item, place, depth + 1);
            let name = self.key(key, place, depth);
            let mut free = name.clone();
            for nth in 2.. {
                if !struck.contains_key(&free) {
                    break;
                }
                free = format!("{name} {nth}");
            }
            struck.insert(free, item);
        }
        Json::Object(struck)
    }

    /// A key that holds a secret. The names that steps themselves give may be a short secret by chance.
    fn key(&mut self, key: String, place: Place, depth: usize) -> String {
        let is_name = place == Place::Undo || depth == 0;
        let sure = !is_name || self.marks.surely_in(&key).is_some();
        match self.marks.strike(&key, place).filter(|_| sure && key.len() >= if is_name { ENCODED } else { 1 }) {
            Some(struck) => match self.change(Json::String(key), struck) {
                Json::String(text) => text,
                _ => String::new(),
            },
            None => key,
        }
    }

    fn change(&mut self, from: Json, to: String) -> Json {
        let part = self.seen.len();
        let stays = self.left.contains(&part);
        self.seen.push(from.clone());
        if stays { from } else { Json::String(to) }
    }
}

/// Data that steps hand from one phase to the next; any name may stand in it.
fn below(key: &str) -> Place {
    match key {
        "undo" | "marks" | "restore_points" | "absent" => Place::Undo,
        "outputs" | "backup" | "installation" => Place::Output,
        _ => Place::Told,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runbook_model::{Event, Outputs, Prediction, Remains, RemainsKind, Results, StepId};
    use serde_json::json;

    fn marks(secrets: &[(&str, &str)]) -> Marks {
        let mut marks = Marks::default();
        secrets.iter().for_each(|(name, secret)| marks.add(name, secret));
        marks
    }

    #[track_caller]
    fn check(secret: &str, told: &str, wanted: &str) {
        let struck = strike(told.to_owned(), &marks(&[("x", secret)]), Place::Told).unwrap();
        assert_eq!(struck, wanted);
    }

    #[test]
    fn a_secret_is_recognised_in_every_form() {
        for (told, wanted) in [
            ("key=pa ss/W+rd\"1;", "key=(secret x);"),
            ("PA SS/W+RD\"1", "(secret x)"),
            (r#"{"a":"pa ss/W+rd\"1"}"#, r#"{"a":"(secret x)"}"#),
            ("u=pa%20ss%2FW%2Brd%221&", "u=(secret x)&"),
            ("u=pa+ss%2fw%2brd%221&", "u=(secret x)&"),
            ("7061 2073 732f 572b 7264 2231\n", "(secret x)\n"),
            ("\u{1b}[31mpa s\u{1b}[0ms/W+rd\"1\u{1b}[0m", "\u{1b}[31m(secret x)\u{1b}[0m"),
            ("\u{1b}P1\u{1b}\\pa ss\u{9b}0m/W+rd\"1", "\u{1b}P1\u{1b}\\(secret x)"),
            ("\u{1b}]left open: pa\tss/W+r\td\"1\nnext", "\u{1b}]left open: (secret x)\nnext"),
            ("pa\n  ss/W+\n  rd\"1.", "(secret x)."),
            ("Basic dTpwYSBzcy9XK3JkIjE=", "Basic (secret x)"),
            ("begins with pa ss/W", "begins with (secret x)"),
            ("\"begins with pa ss/W…\"", "\"begins with (secret x)…\""),
            ("…W+rd\"1 and more", "…(secret x) and more"),
        ] {
            check("pa ss/W+rd\"1\n", told, wanted);
        }
    }

    const HORSE: &str = "correct-horse-battery";
    const HORSE_IN_BASE64: &str = "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5";

    #[test]
    fn a_secret_in_an_escape_sequence_is_struck_and_the_sequence_stays() {
        for (before, after) in [
            ("\u{1b}P", "\u{1b}\\"),
            ("\u{1b}_Gf=100;", "\u{1b}\\nothing"),
            ("\u{1b}^", "\u{1b}\\"),
            ("\u{1b}X", "\u{1b}\\"),
            ("\u{1b}]52;c;", "\u{7}"),
            ("\u{9d}52;c;", "\u{9c}"),
            ("\u{1b}Ptmux;\u{1b}\u{1b}]52;c;", "\u{7}\u{1b}\\"),
            ("\u{1b}", ""),
            ("\u{1b}[31m", "\u{1b}[0m"),
            ("\u{1b}]", "\u{85}"),
            ("\u{1b}P", "\u{1b}[1"),
            ("\u{1b}[1\u{1b}]0;\u{1b}_", "\u{1b}[1\u{9b}2"),
        ] {
            for told in [HORSE_IN_BASE64, HORSE, "COR re\tct-horse-battery"] {
                check(HORSE, &format!("{before}{told}{after}"), &format!("{before}(secret x){after}"));
            }
        }
    }

    #[test]
    fn a_secret_that_a_colour_breaks_is_struck_in_a_string_too() {
        for (before, after) in [("\u{1b}]0;", "\u{7}"), ("\u{1b}P", "\u{1b}\\"), ("\u{9e}", "")] {
            for told in ["correct-\u{1b}[1mhorse-battery", "Y29ycmVj\u{9b}7mdC1ob3JzZS1iYXR0ZXJ5"] {
                check(HORSE, &format!("{before}{told}{after}"), &format!("{before}(secret x){after}"));
            }
        }
    }

    proptest::proptest! {
        #![proptest_config(test_rules::cases(256))]

        #[test]
        fn no_sequence_hides_a_secret(
            before in "[\u{1b}\u{90}\u{9b}\u{9c}\u{9d}\u{85}\\[\\]\\\\;P_^Xm17\n\u{7}]{0,12}",
            after in "[\u{1b}\u{90}\u{9b}\u{9c}\u{9d}\u{85}\\[\\]\\\\;P_^Xm17\n\u{7}]{0,12}",
        ) {
            let told = format!("{before}{HORSE_IN_BASE64}{after}");
            let struck = strike(told, &marks(&[("x", HORSE)]), Place::Told).unwrap();
            proptest::prop_assert!(!struck.contains("cmVjdC1ob3Jz"), "{struck:?}");
        }
    }

    #[test]
    fn secrets_in_each_other_and_in_placeholders_are_struck_once() {
        let marks = marks(&[("a", "hunter"), ("b", "hunter22"), ("c", "e")]);
        let struck = |told: &str| strike(told.to_owned(), &marks, Place::Told).unwrap();
        assert_eq!(struck("hunter22"), "(secret b)");
        assert_eq!(struck("(secret a) is told"), "(secret a) is told");
        assert_eq!(struck("the"), "th(secret c)");
    }

    #[test]
    fn numbers_keys_and_booleans_of_outputs_are_struck() {
        let marks = marks(&[("pin", "12345678"), ("key", "tok-9f8e7d"), ("flag", "true")]);
        let outputs = json!({
            "code": 0,
            "json": { "pin": 12_345_678, "more": [{ "n": 9_123_456_780_u64 }, 12_345_678.0], "tok-9f8e7d": 1, "on": true },
        });
        let outputs: Outputs = serde_json::from_value(outputs).unwrap();
        let struck = Json::Object(strike(outputs, &marks, Place::Output).unwrap());
        let wanted = json!({
            "code": 0,
            "json": {
                "pin": "(secret pin)", "more": [{ "n": "(secret pin)" }, "(secret pin)"], "(secret key)": 1,
                "on": "(secret flag)",
            },
        });
        assert_eq!(struck, wanted);
    }

    #[test]
    fn what_a_type_prescribes_stays_and_nothing_else() {
        let event = Event::Predicted {
            step: StepId::new("change").unwrap(),
            prediction: Prediction::change("change made"),
            needed: true,
            results: Results::default(),
        };
        let Ok(Event::Predicted { step, prediction, .. }) = strike(event, &marks(&[("x", "change")]), Place::Told)
        else {
            panic!("the event is another one");
        };
        assert_eq!((step.as_str(), prediction), ("change", Prediction::change("(secret x) made")));
        let remains = Remains::new(RemainsKind::Kept, "/srv/kept", "it is kept");
        let struck = strike(remains, &marks(&[("x", "kept")]), Place::Told).unwrap();
        assert_eq!(struck.what, RemainsKind::Kept);
        assert_eq!(struck.detail, "it is (secret x)");
    }

    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    struct Typed {
        number: char,
        told: String,
    }

    #[test]
    fn what_cannot_be_struck_is_not_written() {
        let typed = Typed { number: 'Q', told: "Q".to_owned() };
        assert_eq!(strike(typed, &marks(&[("x", "Q")]), Place::Told), Err(StillThere));
    }
}
