//! What the catalogue says about itself: every kind has a scenario, and its example is a step that its table accepts.

use crate::scenarios;
use runbook_model::{Diagnostics, Later, Node, Reference, Span, StepId, Value};
use runbook_step::{ArgContext, Args};
use std::collections::BTreeSet;

#[test]
fn every_kind_has_a_scenario() {
    let tried: BTreeSet<&str> = scenarios::all().map(|scenario| scenario.kind).collect();
    let without: Vec<String> = runbook_kinds::catalogue()
        .built_in()
        .map(|kind| kind.doc().name.to_string())
        .filter(|name| !tried.contains(name.as_str()))
        .collect();
    assert!(without.is_empty(), "kinds without a scenario: {without:?}");
}

#[test]
fn every_example_is_a_step_of_its_kind() {
    for kind in runbook_kinds::catalogue().built_in() {
        let doc = kind.doc();
        let steps: serde_json::Value = serde_yaml::from_str(&doc.example).unwrap();
        let [step] = steps.as_array().unwrap().as_slice() else { panic!("`{}`: one step", doc.name) };
        assert_eq!(step["uses"], *doc.name);
        assert!(StepId::new(step["id"].as_str().unwrap()).is_some());
        let mut with = Node::from_json(Span::default(), step.get("with").unwrap_or(&serde_json::json!({})));
        wait_for_templates(&mut with);
        let context = ArgContext { base: "/plan".into(), home: "/home/ops".into(), services: vec![], window: None };
        let args = Args { doc, node: &with, context: &context, step_span: Span::default() };
        let mut found = Diagnostics::default();
        if runbook_step::check_parameters(&args, &mut found) {
            kind.check(&args, &mut found);
        }
        let found = found.into_sorted();
        assert!(found.is_empty(), "the example of `{}`: {found:#?}", doc.name);
        let _ = kind.declare(&args);
        if with.waits_for().is_empty() {
            kind.bind(&args).map(drop).unwrap_or_else(|fault| panic!("the example of `{}`: {fault:#?}", doc.name));
        }
    }
}

#[test]
fn every_page_is_complete() {
    for kind in runbook_kinds::catalogue().built_in() {
        let doc = kind.doc();
        assert!(!doc.summary.is_empty() && !doc.summary.ends_with('.'), "the summary of `{}`", doc.name);
        assert!(doc.text.ends_with('.') || doc.text.ends_with('`'), "the text of `{}`", doc.name);
        for (name, help) in doc
            .params
            .iter()
            .map(|param| (param.name, param.help))
            .chain(doc.outputs.iter().map(|output| (output.name, output.help)))
        {
            assert!(!help.is_empty() && !help.ends_with('.'), "`{name}` of `{}`", doc.name);
        }
    }
}

/// Texts with a template in them wait for a step, as they would after a plan was read.
pub(crate) fn wait_for_templates(node: &mut Node) {
    match &mut node.value {
        Value::String(text) if text.contains("{{") => {
            let waits_for =
                vec![Reference::Output { step: StepId::new("earlier").unwrap(), output: "output".to_owned() }];
            node.value = Value::Later(Later { template: text.clone(), waits_for });
        }
        Value::List(items) => items.iter_mut().for_each(wait_for_templates),
        Value::Map(entries) => entries.iter_mut().for_each(|entry| wait_for_templates(&mut entry.value)),
        _ => {}
    }
}
