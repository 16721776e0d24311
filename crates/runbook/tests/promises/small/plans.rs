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
