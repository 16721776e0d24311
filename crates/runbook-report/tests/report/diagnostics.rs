//! What diagnostics look like, and that no span and no text breaks them.

use proptest::prelude::*;
use runbook_model::{Code, Diagnostic, SourceId, SourceMap, Span};
use runbook_report::Style;
use runbook_report::diagnostics::{explain, json, ndjson, render};

const PLAN: &str = "\
kind: Plan
steps:
  - id: backup
    uses: backup.create
  - id: restart
    needs: [backupp]
";

/// The span of `word` in `text`.
fn at(source: SourceId, text: &str, word: &str) -> Span {
    let start = text.find(word).unwrap();
    Span::new(source, start, start + word.len())
}

fn one(text: &str, span: (usize, usize)) -> String {
    let mut sources = SourceMap::default();
    let source = sources.add("plan.yaml", text);
    let diagnostic = Diagnostic::error(Code::UNKNOWN_STEP, Span::new(source, span.0, span.1), "something is wrong");
    render(&[diagnostic], &sources, &Style::plain(60))
}

fn unknown_step() -> (Vec<Diagnostic>, SourceMap) {
    let mut sources = SourceMap::default();
    let source = sources.add("plan.yaml", PLAN);
    let message = "step `restart` needs `backupp`, which is not in this plan";
    let diagnostic = Diagnostic::error(Code::UNKNOWN_STEP, at(source, PLAN, "backupp"), message)
        .help("did you mean `backup`, line 3?");
    (vec![diagnostic], sources)
}

#[test]
fn the_sketch() {
    let (diagnostics, sources) = unknown_step();
    insta::assert_snapshot!(render(&diagnostics, &sources, &Style::plain(80)), @r#"
    error[RB0112]: step `restart` needs `backupp`, which is not in this plan
      ╭─ plan.yaml:6:13
     6│     needs: [backupp]
      │             ^^^^^^^
      ╰ help: did you mean `backup`, line 3?

    1 error; `runbook explain RB0112` tells more
    "#);
    insta::assert_snapshot!(render(&diagnostics, &sources, &Style { color: false, unicode: false, width: 80 }), @r#"
    error[RB0112]: step `restart` needs `backupp`, which is not in this plan
      ,- plan.yaml:6:13
     6|     needs: [backupp]
      |             ^^^^^^^
      '- help: did you mean `backup`, line 3?

    1 error; `runbook explain RB0112` tells more
    "#);
}

#[test]
fn colours() {
    let (diagnostics, sources) = unknown_step();
    let text = render(&diagnostics, &sources, &Style { color: true, unicode: true, width: 80 });
    insta::assert_snapshot!(text.replace('\u{1b}', "^["), @r#"
    ^[[1m^[[31merror[RB0112]^[[0m: ^[[1mstep `restart` needs `backupp`, which is not in this plan^[[0m
      ^[[34m╭─^[[0m plan.yaml:6:13
    ^[[34m 6^[[0m^[[34m│^[[0m     needs: [backupp]
      ^[[34m│^[[0m             ^[[1m^[[31m^^^^^^^^[[0m
      ^[[34m╰^[[0m ^[[32mhelp:^[[0m did you mean `backup`, line 3?

    1 error; `runbook explain RB0112` tells more
    "#);
}

#[test]
fn two_places_in_one_file_and_one_in_another() {
    let mut sources = SourceMap::default();
    let text = "vars:\n  target: { type: version }\nsteps:\n  - id: a\n  - id: b\n  - id: a\n";
    let plan = sources.add("plan.yaml", text);
    let overlay_text = "vars:\n  target: latest\n";
    let overlay = sources.add("environments/prod.yaml", overlay_text);
    let (first, second) = (text.find("id: a").unwrap() + 4, text.rfind("id: a").unwrap() + 4);
    let diagnostics = vec![
        Diagnostic::error(Code::DUPLICATE_ID, Span::new(plan, second, second + 1), "two steps are called `a`")
            .label("again here")
            .related(Span::new(plan, first, first + 1), "first here"),
        Diagnostic::warning(Code::BAD_VERSION, at(overlay, overlay_text, "latest"), "`latest` is not one exact version")
            .related(at(plan, text, "version"), "declared here")
            .help("write the version that was reviewed, for instance 1.4.2; a tag means something else tomorrow than it means today"),
    ];
    insta::assert_snapshot!(render(&diagnostics, &sources, &Style::plain(80)), @r#"
    error[RB0110]: two steps are called `a`
      ╭─ plan.yaml:6:9
     4│   - id: a
      │         - first here
      ┆
     6│   - id: a
      │         ^ again here
      ╵

    warning[RB0204]: `latest` is not one exact version
      ╭─ environments/prod.yaml:2:11
     2│   target: latest
      │           ^^^^^^
      ╭─ plan.yaml:2:19
     2│   target: { type: version }
      │                   ------- declared here
      ╰ help: write the version that was reviewed, for instance 1.4.2; a tag means
              something else tomorrow than it means today

    1 error, 1 warning; `runbook explain RB0110` tells more
    "#);
    insta::assert_snapshot!(serde_json::to_string_pretty(&json(&diagnostics[..1], &sources)).unwrap(), @r#"
    {
      "diagnostics": [
        {
          "code": "RB0110",
          "help": null,
          "message": "two steps are called `a`",
          "primary": {
            "end": {
              "column": 10,
              "line": 6
            },
            "file": "plan.yaml",
            "start": {
              "column": 9,
              "line": 6
            },
            "text": "again here"
          },
          "related": [
            {
              "end": {
                "column": 10,
                "line": 4
              },
              "file": "plan.yaml",
              "start": {
                "column": 9,
                "line": 4
              },
              "text": "first here"
            }
          ],
          "severity": "error"
        }
      ],
      "errors": 1,
      "warnings": 0
    }
    "#);
    assert_eq!(ndjson(&diagnostics, &sources).lines().count(), 2);
}

#[test]
fn tabs_wide_and_combining_characters() {
    insta::assert_snapshot!(one("\trun:\t[x]\n", (6, 9)), @r#"
    error[RB0112]: something is wrong
      ╭─ plan.yaml:1:7
     1│     run:    [x]
      │             ^^^
      ╵

    1 error; `runbook explain RB0112` tells more
    "#);
    insta::assert_snapshot!(one("name: 日本語 x\n", (6, 15)), @r#"
    error[RB0112]: something is wrong
      ╭─ plan.yaml:1:7
     1│ name: 日本語 x
      │       ^^^^^^
      ╵

    1 error; `runbook explain RB0112` tells more
    "#);
    insta::assert_snapshot!(one("cafe\u{301}: bad\n", (8, 11)), @r#"
    error[RB0112]: something is wrong
      ╭─ plan.yaml:1:8
     1│ café: bad
      │       ^^^
      ╵

    1 error; `runbook explain RB0112` tells more
    "#);
    insta::assert_snapshot!(one("a\u{1b}[31mb: bad\u{202e}\n", (9, 12)), @r#"
    error[RB0112]: something is wrong
      ╭─ plan.yaml:1:10
     1│ a\x1b[31mb: bad\u{202e}
      │             ^^^
      ╵

    1 error; `runbook explain RB0112` tells more
    "#);
}

#[test]
fn ends_and_nothing() {
    insta::assert_snapshot!(one("", (0, 0)), @r#"
    error[RB0112]: something is wrong
      ╭─ plan.yaml:1:1
     1│
      │ ^
      ╵

    1 error; `runbook explain RB0112` tells more
    "#);
    insta::assert_snapshot!(one("a: 1\n", (5, 5)), @r#"
    error[RB0112]: something is wrong
      ╭─ plan.yaml:2:1
     2│
      │ ^
      ╵

    1 error; `runbook explain RB0112` tells more
    "#);
    insta::assert_snapshot!(one("a: 1", (4, 4)), @r#"
    error[RB0112]: something is wrong
      ╭─ plan.yaml:1:5
     1│ a: 1
      │     ^
      ╵

    1 error; `runbook explain RB0112` tells more
    "#);
    insta::assert_snapshot!(one("a: 1", (4000, 5000)), @r#"
    error[RB0112]: something is wrong
      ╭─ plan.yaml:1:5
     1│ a: 1
      │     ^
      ╵

    1 error; `runbook explain RB0112` tells more
    "#);
    insta::assert_snapshot!(one("a: 1\r\nb: 2\r\n", (6, 7)), @r#"
    error[RB0112]: something is wrong
      ╭─ plan.yaml:2:1
     2│ b: 2
      │ ^
      ╵

    1 error; `runbook explain RB0112` tells more
    "#);
}

#[test]
fn several_lines_and_long_ones() {
    insta::assert_snapshot!(one("a:\n  - x\n  - y\n  - z\nb: 1\n", (5, 20)), @r#"
    error[RB0112]: something is wrong
      ╭─ plan.yaml:2:3
     2│   - x
      │   ^^^
      ┆
     4│   - z
      │   ^^^
      ╵

    1 error; `runbook explain RB0112` tells more
    "#);
    insta::assert_snapshot!(one("a: |\n  x\n", (0, 9)), @r#"
    error[RB0112]: something is wrong
      ╭─ plan.yaml:1:1
     1│ a: |
      │ ^^^^
     2│   x
      │   ^
      ╵

    1 error; `runbook explain RB0112` tells more
    "#);
    let long = format!("run: [{}HERE{}]\n", "word, ".repeat(40), ", word".repeat(40));
    let start = long.find("HERE").unwrap();
    insta::assert_snapshot!(one(&long, (start, start + 4)), @r#"
    error[RB0112]: something is wrong
      ╭─ plan.yaml:1:247
     1│ … word, word, word, word, HERE, word, word, word, word,…
      │                           ^^^^
      ╵

    1 error; `runbook explain RB0112` tells more
    "#);
    insta::assert_snapshot!(one(&long, (2, 400)), @r#"
    error[RB0112]: something is wrong
      ╭─ plan.yaml:1:3
     1│ run: [word, word, word, word, word, word, word, word, w…
      │   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      ╵

    1 error; `runbook explain RB0112` tells more
    "#);
}

#[test]
fn without_a_text_the_message_remains() {
    let span = Span::new(SourceId(9), 3, 4);
    let diagnostic =
        Diagnostic::error(Code::BAD_VAR_FLAG, span, "`--var x` has no value").label("given here").help("write x=1");
    insta::assert_snapshot!(render(std::slice::from_ref(&diagnostic), &SourceMap::default(), &Style::plain(80)), @r#"
    error[RB0212]: `--var x` has no value
      = given here
      ╰ help: write x=1

    1 error; `runbook explain RB0212` tells more
    "#);
    assert_eq!(
        json(&[diagnostic], &SourceMap::default())["diagnostics"][0]["primary"]["file"],
        serde_json::Value::Null
    );
    assert_eq!(render(&[], &SourceMap::default(), &Style::plain(80)), "");
}

#[test]
fn explaining_codes() {
    let text = explain("rb0112").unwrap();
    assert!(text.starts_with("RB0112: a step is named that is not in the plan\n\n"));
    assert_eq!(explain("RB9999"), None);
}

#[test]
fn many_faults_in_a_large_file_stay_cheap() {
    let text = "  - id: step\n".repeat(10_000);
    let mut sources = SourceMap::default();
    let source = sources.add("plan.yaml", text);
    let fault =
        |nth: usize| Diagnostic::error(Code::DUPLICATE_ID, Span::new(source, nth * 13 + 8, nth * 13 + 12), "again");
    let diagnostics: Vec<Diagnostic> = (0..10_000).map(fault).collect();
    let began = std::time::Instant::now();
    let text = render(&diagnostics, &sources, &Style::plain(80));
    assert!(text.ends_with("10000 errors; `runbook explain RB0110` tells more\n"));
    // Quadratic work would take minutes.
    assert!(began.elapsed() < std::time::Duration::from_secs(20));
}

proptest! {
    #![proptest_config(test_rules::cases(256))]

    #[test]
    fn nothing_panics_and_nothing_raw_passes(
        text in any::<String>(),
        start in any::<u32>(),
        spans in prop::collection::vec((0u32..200, 0u32..200, 0u16..3), 1..5),
        words in any::<String>(),
        width in 0usize..200,
        unicode in any::<bool>(),
    ) {
        let mut sources = SourceMap::default();
        sources.add(words.clone(), text);
        sources.add("b.yaml", "a: 1\n\tb: 日本\n");
        let span = |(start, end, source): (u32, u32, u16)| Span { source: SourceId(source), start, end };
        let mut diagnostic = Diagnostic::error(Code::SYNTAX, span((start, start, 0)), words.clone()).help(words.clone());
        for place in spans {
            diagnostic = diagnostic.related(span(place), words.clone());
        }
        let shown = render(std::slice::from_ref(&diagnostic), &sources, &Style { color: false, unicode, width });
        prop_assert!(shown.chars().all(|c| c == '\n' || !c.is_control()));
        prop_assert!(unicode || shown.is_ascii());
        let lines = ndjson(&[diagnostic], &sources);
        prop_assert!(serde_json::from_str::<serde_json::Value>(lines.trim_end()).is_ok());
    }
}
