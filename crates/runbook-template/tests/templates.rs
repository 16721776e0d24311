//! What templates read, what they come to, and what is refused.

use proptest::prelude::*;
use runbook_model::{HostFacts, Later, Node, Reference, Span, StepId, Value};
use runbook_template::{
    FILTERS, Renderer, Scope, TESTS, TemplateError, condition, expression_uses, is_expression, render_node,
    render_text, uses,
};
use serde_json::{Value as Json, json};

fn scope() -> Scope {
    let host = HostFacts {
        os: "linux".into(),
        arch: "x86_64".into(),
        libc: "gnu".into(),
        init: "systemd".into(),
        name: "alpha".into(),
        user: "ops".into(),
        home: "/home/ops".into(),
    };
    let mut scope = Scope::new(host, Some("prod".to_owned()));
    let vars = json!({ "target": "2026.4.15", "port": 80, "flag": true, "list": ["a", "b"], "map": { "k": 1 }, "none": null, "token": "hunter2" });
    scope.vars = vars.as_object().cloned().unwrap_or_default();
    let outputs = json!({ "pid": 41, "text": "x" });
    for id in ["verify-all", "a"].into_iter().filter_map(StepId::new) {
        scope.steps.insert(id, outputs.as_object().cloned().unwrap_or_default());
    }
    scope
}

fn value(text: &str) -> Result<Json, String> {
    let scope = scope();
    Renderer::new(&scope).value(text).map_err(|error| error.to_string())
}

#[test]
fn names_are_found_with_their_places() {
    let cases: &[(&str, &[&str])] = &[
        ("no template", &[]),
        ("{{ vars.a }}", &["vars.a"]),
        ("{{ vars.a ~ 'vars.b' ~ \"it's\" }} {# vars.c #}{% raw %}{{ vars.d }}{% endraw %}", &["vars.a"]),
        ("{{ vars['a'].b | default(vars.c, boolean=true) }}", &["vars['a'].b", "vars.c"]),
        ("{{ steps.a-b.c - vars.d }}", &["steps.a-b.c", "vars.d"]),
        ("{{ steps.a.n-1 }}", &["steps.a.n"]),
        (
            "{% if host.os == 'linux' %}{{ vars.x }}{% elif environment in vars.l %}{% endif %}",
            &["host.os", "vars.x", "environment", "vars.l"],
        ),
        ("{{ vars.a is older_than(vars.b) and not vars.c is defined }}", &["vars.a", "vars.b", "vars.c"]),
        ("{{ {'k': {'v': vars.a}} | tojson }}", &["vars.a"]),
        ("{{- vars.a -}}", &["vars.a"]),
        ("é {{ vars.a }}", &["vars.a"]),
        ("{{ vars.l[vars.i] }}", &["vars.l", "vars.i"]),
    ];
    for (text, expected) in cases {
        let found = uses(text).unwrap();
        let slices: Vec<&str> = found.iter().map(|name| &text[name.range.clone()]).collect();
        assert_eq!(&slices, expected, "{text}");
    }
    assert_eq!(expression_uses("vars.a == 1").unwrap()[0].range, 0..6);
    assert_eq!(expression_uses(" {{ vars.a }} ").unwrap()[0].range, 4..10);
}

#[test]
fn one_expression_keeps_its_type_and_text_is_text() {
    assert_eq!(value("{{ vars.port }}"), Ok(json!(80)));
    assert_eq!(value("{{ vars.list }}"), Ok(json!(["a", "b"])));
    assert_eq!(value("{{ vars.map }}"), Ok(json!({ "k": 1 })));
    assert_eq!(value("{{ vars.flag }}"), Ok(json!(true)));
    assert_eq!(value("{{ vars.port }} "), Ok(json!("80 ")));
    assert_eq!(value("a {{ vars.list | join(',') }}\n"), Ok(json!("a a,b\n")));
    assert_eq!(value("{{ steps.verify-all.pid }}"), Ok(json!(41)));
    assert_eq!(value("{{ steps.verify-all.pid - steps.a.pid }}"), Ok(json!(0)));
    assert_eq!(value("{% if vars.flag %}yes{% else %}no{% endif %}"), Ok(json!("yes")));
    assert_eq!(value("{% raw %}{{.Names}}{% endraw %}"), Ok(json!("{{.Names}}")));
    assert_eq!(value("{{ vars.port | times(2) }}"), Ok(json!(160)));
    assert_eq!(value("{{ '/a/b/c' | dirname }}:{{ '/a/b/c' | basename }}"), Ok(json!("/a/b:c")));
    assert!(is_expression("{{ a }}") && !is_expression("{{ a }}{{ b }}") && !is_expression("{{ a }} "));
}

#[test]
fn what_has_no_spelling_is_refused_in_text() {
    for text in [
        "x {{ vars.none }}",
        "x {{ vars.list }}",
        "x {{ vars.map }}",
        "{{ vars.nope }}",
        "{{ vars.nope.deep }}",
        "x{{ vars.nope }}",
    ] {
        assert!(value(text).is_err(), "{text}");
    }
}

#[test]
fn versions_have_an_order_and_unlike_ones_have_none() {
    assert_eq!(value("{{ '2026.3.23-2' is newer_than('2026.3.23') }}"), Ok(json!(true)));
    assert_eq!(value("{{ '0.8.3-beta' is older_than('0.8.3') }}"), Ok(json!(true)));
    assert_eq!(value("{{ vars.target is not older_than('2026.4.16') }}"), Ok(json!(false)));
    let error = value("{{ '2.0.1' is older_than(vars.target) }}").unwrap_err();
    assert_eq!(error, "`2.0.1` is semver and `2026.4.15` is a date version; neither is older than the other");
    assert!(value("{{ 'latest' is older_than('1.0.0') }}").unwrap_err().contains("not one exact version"));
}

#[test]
fn parts_of_jinja_that_plans_do_not_have_are_refused_before_they_run() {
    for text in [
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% extends 'x' %}",
        "{% for x in vars.list %}{% endfor %}",
        "{% set x = 1 %}",
        "{% macro x() %}{% endmacro %}",
        "{{ range(9) }}",
        "{{ debug() }}",
        "{{ vars.list.append(1) }}",
        "{{ 'a' * 99 }}",
        "{{ 2 ** 99 }}",
        "{{ vars.a | nope }}",
        "{{ vars.a is nope }}",
        "{{ }}",
        "{{ vars.a",
        "{% if vars.a %}",
        "{{ 'a }}",
        "{{ vars. }}",
        "{% raw %}",
        "{{ vars.a | indent }",
        "{# open",
    ] {
        let refused = uses(text);
        let only_text = refused.as_ref().is_ok_and(Vec::is_empty) && text.ends_with("indent }");
        assert!(refused.is_err() || only_text, "{text}: {refused:?}");
    }
    assert!(matches!(uses("{{ vars.a | uper }}"), Err(TemplateError::UnknownName { suggestion: Some("upper"), .. })));
}

#[test]
fn every_name_in_the_lists_exists() {
    for filter in FILTERS {
        let error = value(&format!("{{{{ vars.list | {filter} }}}}")).err().unwrap_or_default();
        assert!(!error.contains("unknown") && !error.contains("is unknown"), "{filter}: {error}");
    }
    for test in TESTS {
        let error = value(&format!("{{{{ vars.list is {test} }}}}")).err().unwrap_or_default();
        assert!(!error.contains("unknown"), "{test}: {error}");
    }
}

#[test]
fn conditions_are_true_or_false_and_nothing_else() {
    let scope = scope();
    let later = |template: &str| {
        let waits_for = vec![Reference::Output { step: StepId::new("a").unwrap(), output: "pid".to_owned() }];
        Node::new(Span::default(), Value::Later(Later { template: template.to_owned(), waits_for }))
    };
    assert_eq!(condition(&later("steps.a.pid > 40"), &scope), Ok(true));
    assert_eq!(condition(&later("{{ steps.a.pid > 41 }}"), &scope), Ok(false));
    assert_eq!(condition(&Node::new(Span::default(), Value::Bool(true)), &scope), Ok(true));
    assert!(condition(&later("steps.a.pid"), &scope).unwrap_err().message.contains("true or false"));
}

#[test]
fn a_rendered_node_waits_for_nothing_and_a_secret_is_never_in_a_message() {
    let scope = scope();
    let secret = |template: &str| {
        let later = Later { template: template.to_owned(), waits_for: vec![Reference::Secret("token".to_owned())] };
        Node::new(Span::default(), Value::List(vec![Node::new(Span::default(), Value::Later(later))]))
    };
    let rendered = render_node(&secret("t={{ vars.token }}"), &scope).unwrap();
    assert_eq!(rendered.to_json(), json!(["t=hunter2"]));
    assert!(rendered.waits_for().is_empty());
    let faults = render_node(&secret("{{ vars.token is older_than('1.0.0') }}"), &scope).unwrap_err();
    assert!(!format!("{faults:?}{scope:?}").contains("hunter2"));
}

#[test]
fn files_may_loop_and_their_loops_end() {
    let values = scope().vars;
    assert_eq!(render_text("{% for x in list %}{{ x }}\n{% endfor %}", &values).unwrap(), "a\nb\n");
    assert_eq!(render_text("plain {\n", &values).unwrap(), "plain {\n");
    assert!(render_text("{{ nope }}", &values).is_err());
    assert!(render_text("{% include 'x' %}", &values).is_err());
    let endless = "{% for a in range(9999) %}".repeat(3) + "x" + &"{% endfor %}".repeat(3);
    assert!(render_text(&endless, &values).unwrap_err().to_string().contains("too long"));
}

proptest! {
    #![proptest_config(test_rules::cases(256))]

    #[test]
    fn no_text_panics(text in "[ a-z.{}%#'\"|()\\[\\]\\-é]{0,40}") {
        let scope = scope();
        for text in [text.clone(), format!("{{{{ {text} }}}}"), format!("{{% if {text} %}}{{% endif %}}")] {
            let renderer = Renderer::new(&scope);
            let used = uses(&text);
            if let Ok(names) = &used {
                prop_assert!(names.iter().all(|name| text.get(name.range.clone()).is_some()));
            }
            drop((renderer.value(&text), renderer.truth(&text), expression_uses(&text)));
        }
    }
}
