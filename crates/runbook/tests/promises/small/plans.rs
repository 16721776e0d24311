//! What is said of a plan that cannot be read as it was meant.

use crate::bench::Bench;
use serde_json::json;

const VARS: &str = "\
vars:
  port: { type: int }
  app: { type: path }
  words: { type: list, default: [a, 1] }
  on: { type: bool, default: true }
  token: { type: secret, from: { env: TOKEN } }
steps:
  - { id: write, uses: file.write, with: { path: \"{{ vars.app }}/x\", content: \"{{ vars.port }}\" } }
";

#[test]
fn variables_keep_their_types_for_programs() {
    let bench = Bench::new();
    let plan = bench.plan("typed", VARS);
    let args = ["vars", &plan, "--var", "port=8080", "--var", "app=/srv/app", "--format"];
    let rows = bench.expect(0, &[&args[..], &["json"]].concat()).json();
    let value = |name: &str| rows.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone();
    assert_eq!(value("port")["value"], json!(8080));
    assert_eq!(value("port")["type"], json!("int"));
    assert_eq!(value("app")["value"], json!("/srv/app"));
    assert_eq!(value("words")["value"], json!(["a", 1]));
    assert_eq!(value("on")["value"], json!(true));
    assert_eq!((&value("token")["value"], &value("token")["secret"]), (&json!(null), &json!("env TOKEN")));
    let lines = bench.expect(0, &[&args[..], &["ndjson"]].concat()).out;
    let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, *rows.as_array().unwrap(), "one variable a line");
}

#[test]
fn a_forgotten_environment_is_one_error_that_names_those_there_are() {
    let bench = Bench::new();
    let plan = bench.plan("typed", VARS);
    let told = bench.expect(1, &["check", &plan]).says(&["`port`", "`app`", "--var"]).err;
    assert_eq!(told.matches("error[RB0202]").count(), 2, "{told}");
    assert!(!told.contains("--env "), "there is none: {told}");
    bench.write("environments/prod.yaml", "kind: Environment\nversion: 1\nvars: { port: 1, app: /srv }\n");
    bench.write("environments/canary.yaml", "kind: Environment\nversion: 1\nvars: { port: 1, app: /srv }\n");
    for command in ["check", "plan", "apply", "graph"] {
        let told = bench.expect(1, &[command, &plan]).says(&["`port`", "`app`", "--env canary", "--env prod"]).err;
        assert_eq!(told.matches("error[RB0202]").count(), 1, "{told}");
    }
    let told = bench.expect(1, &["check", &plan, "--format", "json"]).json();
    assert_eq!(told["errors"], 1, "{told}");
    bench.expect(0, &["check", &plan, "--env", "prod"]);
    // One that was chosen and lacks a value is told as such.
    bench.write("environments/prod.yaml", "kind: Environment\nversion: 1\nvars: { port: 1 }\n");
    bench.expect(1, &["check", &plan, "--env", "prod"]).says(&["`app` has no value", "environments/prod.yaml"]);
}

#[test]
fn a_plan_that_is_no_text_says_what_it_is() {
    let bench = Bench::new();
    let utf16: Vec<u8> = "kind: Plan\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf16_be: Vec<u8> = "kind: Plan\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
    for (content, words) in [
        ([&b"\xff\xfe"[..], &utf16].concat(), &["UTF-16", "iconv"][..]),
        (utf16, &["UTF-16", "iconv"]),
        (utf16_be, &["UTF-16", "iconv"]),
        (b"\x7fELF\x02\x01\x01\0\0\0\xff".to_vec(), &["not a text file"]),
        (b"\x28\xb5\x2f\xfd\0\0\xff\xff".to_vec(), &["not a text file"]),
        (b"kind: Plan\nname: caf\xe9\n".to_vec(), &["line 2", "UTF-8"]),
    ] {
        let plan = bench.write("odd.yaml", content);
        bench.expect(1, &["check", &plan]).says(words).never_says(&["os error"]);
    }
    bench.expect(1, &["check", bench.path("host").to_str().unwrap()]).says(&["it is a directory"]);
    bench.expect(1, &["check", "nowhere.yaml"]).says(&["there is no such file"]);
    bench.expect(1, &["check", "host/x/y.yaml"]).says(&["there is no such file"]);
    let long = "x".repeat(300);
    bench.expect(1, &["check", &long]).says(&["the name is too long"]).never_says(&["os error"]);
}

/// The binary with a gigabyte of memory, so that a machine survives what the test is about.
fn with_little_memory(bench: &Bench, args: &[&str]) -> crate::bench::Said {
    let line = format!("ulimit -v 1000000; exec {} {}", crate::bench::RUNBOOK, args.join(" "));
    crate::bench::said(bench.command_of("sh", &["-c", &line]))
}

#[test]
fn variables_that_multiply_are_refused_at_their_place() {
    let bench = Bench::new();
    let mut vars = "vars:\n  v0: { type: string, default: \"0123456789\" }\n".to_owned();
    for level in 1..10 {
        let ten = format!("{{{{ vars.v{} }}}}", level - 1).repeat(10);
        vars.push_str(&format!("  v{level}: {{ type: string, default: \"{ten}\" }}\n"));
    }
    let steps = "steps:\n  - { id: w, uses: file.write, with: { path: /tmp/x, content: \"{{ vars.v9 }}\" } }\n";
    let plan = bench.plan("chain", &format!("{vars}{steps}"));
    let told = with_little_memory(&bench, &["check", &plan]).expect(1).says(&["RB0103", "4 MiB"]).err;
    assert_eq!(told.matches("error[").count(), 1, "what builds on it is not told again: {told}");
    assert!(told.contains("chain.yaml:11:"), "the first that is too large: {told}");

    // The same by operators, by a filter, in a list, and by many steps that each are small enough.
    let half = "0".repeat(1 << 20);
    let lists = "  l0: { type: list, default: [0123456789, 0123456789, 0123456789, 0123456789] }\n".to_owned()
        + &(1..12)
            .map(|level| {
                let ten = vec![format!("vars.l{}", level - 1); 10].join(" + ");
                format!("  l{level}: {{ type: list, default: \"{{{{ {ten} }}}}\" }}\n")
            })
            .collect::<String>();
    for vars in [
        format!(
            "  a: {{ type: string, default: \"{half}\" }}\n  b: {{ type: string, default: \"{{{{ {} }}}}\" }}\n",
            ["vars.a"; 90].join(" ~ ")
        ),
        format!(
            "  a: {{ type: string, default: \"{half}\" }}\n  b: {{ type: string, default: \"{{{{ vars.a | replace('0', vars.a) }}}}\" }}\n"
        ),
        format!(
            "  a: {{ type: string, default: \"{half}\" }}\n  b: {{ type: string, default: \"{{{{ vars.a | join(vars.a) }}}}\" }}\n"
        ),
        lists,
    ] {
        let plan = bench.plan("more", &format!("vars:\n{vars}{}", steps.replace("vars.v9", "host.os")));
        with_little_memory(&bench, &["check", &plan]).expect(1).says(&["RB0103"]);
    }
    let many: String = (0..3000)
        .map(|nth| {
            format!(
                "  - {{ id: w{nth}, uses: file.write, with: {{ path: /tmp/{nth}, content: \"{{{{ vars.a }}}}\" }} }}\n"
            )
        })
        .collect();
    let plan = bench.plan("many", &format!("vars:\n  a: {{ type: string, default: \"{half}\" }}\nsteps:\n{many}"));
    let told = with_little_memory(&bench, &["check", &plan]).expect(1).says(&["RB0103"]).err;
    assert_eq!(told.matches("error[").count(), 1, "once, not for each step");
    // What a plan needs is far below.
    let plan = bench.plan(
        "fair",
        &format!("vars:\n  a: {{ type: string, default: \"{half}\" }}\n{}", steps.replace("vars.v9", "vars.a")),
    );
    with_little_memory(&bench, &["check", &plan]).expect(0);
}

const STEP: &str = "steps:\n  - id: w\n    uses: file.write\n    with:\n      path: /tmp/x\n      content: x\n";

#[test]
fn white_space_that_is_no_space_is_named_at_its_place() {
    let bench = Bench::new();
    let sound = format!("kind: Plan\nversion: 1\nname: odd\n{STEP}");
    for (line, column, from, to, name) in [
        // In an indentation, of a key, a list, a whole map; behind a dash or a colon; at both ends of words.
        (7, 1, "    with:", "\u{a0}   with:", "no-break space (U+00A0)"),
        (5, 1, "  - id: w", "\u{a0} - id: w", "no-break space (U+00A0)"),
        (9, 1, "      content: x", "\u{a0}     content: x", "no-break space (U+00A0)"),
        (9, 3, "      content: x", "  \u{3000}   content: x", "ideographic space (U+3000)"),
        (6, 10, "uses: file", "uses:\u{a0}file", "no-break space (U+00A0)"),
        (5, 4, "- id", "-\u{a0}id", "no-break space (U+00A0)"),
        (9, 1, "      content", "\u{200b}      content", "zero width space (U+200B)"),
        (6, 9, "    uses:", "    uses\u{200b}:", "zero width space (U+200B)"),
        (9, 1, "      content", "\u{feff}      content", "byte order mark (U+FEFF)"),
        (7, 5, "    with:", "    \u{a0}with:", "no-break space (U+00A0)"),
        (6, 11, "file.write", "\u{202f}file.write", "narrow no-break space (U+202F)"),
        (6, 21, "file.write", "file.write\u{a0}", "no-break space (U+00A0)"),
        (8, 1, "      path", "\u{2003}\u{2003}\u{2003}\u{2003}\u{2003}\u{2003}path", "em space (U+2003)"),
        (3, 5, "name: odd", "name\u{2060}: odd", "word joiner (U+2060)"),
    ] {
        let text = sound.replacen(from, to, 1);
        assert_ne!(text, sound, "{from}");
        let plan = bench.write("odd.yaml", text);
        let told = bench.expect(1, &["check", &plan]).says(&[name]);
        assert!(told.err.contains(&format!("odd.yaml:{line}:{column}\n")), "{line}:{column} {to:?}: {}", told.err);
        assert_eq!(told.err.matches("error[").count(), 1, "nothing that follows from it: {}", told.err);
    }
    // All of them at once, as a page that was copied has them.
    let copied = sound.replace("  ", "\u{a0}\u{a0}");
    let plan = bench.write("odd.yaml", copied);
    bench.expect(1, &["check", &plan]).says(&["odd.yaml:5:1", "no-break space (U+00A0)", "more"]);
    // Where it is meant, it stands: inside of text, in quotes, in a block.
    for (from, to) in [
        ("content: x", "content: a\u{a0}b"),
        ("content: x", "content: \"\u{a0}x\u{200b}\""),
        ("content: x", "content: |\n        \u{a0}x\n        y\u{a0}\n"),
        ("content: x", "content: |-\n        \u{a0}x\n"),
        ("content: x", "content: x # a\u{a0}note\u{a0}"),
        ("name: odd", "summary: caf\u{e9}\nname: odd"),
    ] {
        let plan = bench.write("fine.yaml", sound.replacen(from, to, 1));
        bench.expect(0, &["check", &plan]);
    }
    // A true fault elsewhere is not blamed on it.
    let plan = bench.write("odd.yaml", sound.replacen("content: x", "content: \"\u{a0}x\"\n      oops: [", 1));
    bench.expect(1, &["check", &plan]).says(&["odd.yaml:10"]).never_says(&["no-break"]);
}

#[test]
fn lines_that_end_with_a_carriage_return_alone_are_refused() {
    let bench = Bench::new();
    let sound = format!("kind: Plan\nversion: 1\nname: odd\n{STEP}");
    let plan = bench.write("mac.yaml", sound.replace('\n', "\r"));
    bench.expect(1, &["check", &plan]).says(&["mac.yaml:1:11", "carriage return"]);
    // YAML ends the comment there, and an editor does not show it.
    let plan = bench.write("hidden.yaml", sound.replace("name: odd", "name: odd # note\rsummary: hidden"));
    bench.expect(1, &["check", &plan]).says(&["hidden.yaml:3:17", "carriage return"]);
    let plan = bench.write("windows.yaml", sound.replace('\n', "\r\n"));
    bench.expect(0, &["check", &plan]);
}
