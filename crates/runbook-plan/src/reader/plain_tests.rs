//! The short way and the general way give the same tree, or the short way gives none.

use super::super::document::with_care;
use super::read;
use proptest::prelude::*;
use runbook_model::SourceId;

/// Whether the short way read it. Fails where the two differ.
fn agree(text: &str) -> Result<bool, TestCaseError> {
    let short = read(SourceId(0), text);
    let Some(short) = short else { return Ok(false) };
    let (tree, faults) = with_care(SourceId(0), text);
    prop_assert!(faults.is_empty(), "{text:?}: {faults:?}");
    prop_assert_eq!(Some(short), tree, "{:?}", text);
    Ok(true)
}

fn short_way(text: &str) -> bool {
    agree(text).unwrap()
}

#[test]
fn the_fixtures_read_the_same() {
    let mut quick = 0;
    for directory in ["tests/valid", "tests/broken"] {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
        for entry in std::fs::read_dir(root).unwrap() {
            quick += usize::from(short_way(&std::fs::read_to_string(entry.unwrap().path()).unwrap()));
        }
    }
    assert!(quick > 3, "the short way read {quick} fixtures");
}

#[test]
fn every_way_to_write_a_scalar_reads_the_same() {
    let words = "0 -0 +0 7 -7 +7 007 -012 1_000 0x1F 0o17 0b11 -0x1 0X1f 9223372036854775807 9223372036854775808 \
                 -9223372036854775808 -9223372036854775809 18446744073709551615 18446744073709551616 99999999999999999999 \
                 1.5 -1.5 +1.5 1. .5 -.5 +.5 . .. ./x ../x 1e3 1E3 1e 1e999 -1e999 1.2.3 2026.3.13 2026.3.23-2 0.8.3-beta .inf -.inf \
                 +.inf .INF .nan .NaN .hidden inf nan infinity +inf -nan - + 1- 12h 1m30s true True TRUE false yes no on y \
                 null Null NULL ~ nul 0644 0_1 _1 1_ 00 -00 +00 0.0 -0.0 1,000 02:00 1:30 a b/c é 0é +a -a =";
    for word in words.split_whitespace() {
        for text in
            [format!("k: {word}"), format!("- {word}"), format!("[{word}]"), format!("k: \"{word}\""), word.into()]
        {
            short_way(&text);
        }
    }
}

#[test]
fn what_is_unusual_is_left_to_the_general_way() {
    for text in [
        "",
        "# only\n",
        "a: &x 1\nb: *x",
        "a: !t 1",
        "a: !!str 1",
        "%YAML 1.2\n---\na: 1",
        "a: 1\n---\nb: 2",
        "a: 1\na: 2",
        "<<: {a: 1}",
        "\"<<\": 1",
        "? [a]\n: b",
        "1: a",
        "true: a",
        ": a",
        "a: [",
        "a: \"",
        "a: b: c",
        "a: 1\n b: 2",
        "\u{feff}<<: 1",
    ] {
        assert!(!short_way(text), "{text:?}");
    }
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for depth in [1, 40, 46, 47, 48, 49, 60, 300] {
        assert_eq!(short_way(&nested(depth)), depth < 48, "{depth}");
    }
}

#[test]
fn what_is_usual_is_read_by_the_short_way() {
    for text in [
        "a: 1",
        "---\na: 1\n...\n",
        "a:\n  - b\n  - c: d\n    e: [f, {g: h}]\n",
        "a: |\n  text\n  more\n\nb: >-\n  x\n  y\n",
        "a:\nb: ~\n",
        "# c\na: 1 # d\n\n# e\n",
        "a: 'it''s'\nb: \"x\\ny\"\n",
        "a: {}\nb: []\n",
        "é: ü\n",
        "a: {b: 1, # c\n  d: 2\n}\n",
        "a: 1\r\nb: 2\r\n",
    ] {
        assert!(short_way(text), "{text:?}");
    }
}

proptest! {
    #![proptest_config(test_rules::cases(2_000))]

    #[test]
    fn any_text_reads_the_same(text in "[-a-c0-9.+_:{}\\[\\],#&*!|>'\"?%~ \\n]{0,40}", lines in plan_like()) {
        agree(&text)?;
        agree(&lines)?;
    }
}

fn plan_like() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "a: ",
        "b: ",
        "  ",
        "- ",
        "\n",
        "\n  ",
        "\n    ",
        "1",
        "-2.5",
        "x",
        "\"q\"",
        "'s'",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "|\n   t\n",
        ">\n   f\n",
        " # c\n",
        "null",
        "true",
        "~",
        "\r\n",
        "é",
        "{{ x }}",
        "\"{{ x }}\"",
        "<<: ",
        "---\n",
        "? ",
        ": ",
    ]);
    prop::collection::vec(word, 0..30).prop_map(|words| words.concat())
}
