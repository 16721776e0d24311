//! Hostile documents: refused with a diagnostic, quickly, and never with a panic.

mod support;

use proptest::prelude::*;
use runbook_model::{SourceId, Value};
use support::{found, load_text};

fn codes(plan: &str) -> Vec<String> {
    load_text(plan, None, &[]).diagnostics.iter().map(|diagnostic| diagnostic.code.to_string()).collect()
}

#[test]
fn aliases_that_multiply_are_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let row = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{row}]\n"));
    }
    assert_eq!(codes(&bomb), ["RB0103"]);
    assert_eq!(codes("a: &a [*a]\n"), ["RB0103"]);
}

#[test]
fn deep_nesting_is_refused() {
    assert_eq!(codes(&format!("a: {}x{}", "[".repeat(100_000), "]".repeat(100_000))), ["RB0103"]);
    assert_eq!(codes(&format!("a: {}", "{b: ".repeat(1_000))), ["RB0103"]);
    let block: String = (0..500).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    assert_eq!(codes(&block), ["RB0103"]);
}

#[test]
fn deep_expressions_are_refused() {
    let expression = format!("{}1{}", "(".repeat(50_000), ")".repeat(50_000));
    let plan = format!("kind: Plan\nversion: 1\nname: d\nsteps:\n  - {{ id: a, uses: b, if: '{expression}' }}\n");
    assert_eq!(codes(&plan), ["RB0205"]);
    let minus = format!(
        "kind: Plan\nversion: 1\nname: d\nsteps:\n  - {{ id: a, uses: b, if: '{}1' }}\n",
        "not ".repeat(50_000)
    );
    assert_eq!(codes(&minus), ["RB0205"]);
}

#[test]
fn large_documents_are_refused() {
    let (node, faults) = runbook_plan::read(SourceId(0), &"#".repeat((16 << 20) + 1));
    assert!(node.is_none());
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].code.as_str(), "RB0103");
}

#[test]
#[ignore = "takes half a minute without optimisation"]
fn documents_of_many_values_are_refused() {
    let wide = format!("a: [{}]", "1,".repeat(1_000_001));
    assert_eq!(codes(&wide), ["RB0103"]);
}

#[test]
fn repeating_a_text_is_not_a_way_to_take_memory() {
    let plan =
        "kind: Plan\nversion: 1\nname: d\nsteps:\n  - { id: a, uses: b, with: { x: \"{{ 'a' * 9999999999 }}\" } }\n";
    assert_eq!(found(&load_text(plan, None, &[])), ["RB0205 5:42+1"]);
}

/// Texts near enough to plans to get past the first stage.
fn plan_like() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("kind: Plan\n"),
        Just("version: 1\n"),
        Just("name: x\n"),
        Just("vars:\n"),
        Just("steps:\n"),
        Just("  - id: a\n"),
        Just("    uses: b\n"),
        Just("    with: {"),
        Just("}"),
        Just("\n"),
        Just("\t"),
        Just("  t: { type: version, default: "),
        Just("\"{{ vars.t"),
        Just(" }}\"\n"),
        Just("&a "),
        Just("*a\n"),
        Just("é🔑"),
        Just("'"),
        Just("\""),
        Just("{% if"),
        Just("%}"),
        Just("{{"),
        Just("}}"),
        Just("steps.a.b"),
        Just("    needs: [a, "),
        Just("]"),
        Just("    if: "),
        Just("|\n"),
        Just(">-\n"),
        Just(": "),
        Just("- "),
        Just("<<: "),
        Just("!t "),
        Just("---\n"),
        Just("# c\n"),
        Just("["),
        Just("review:\n"),
        Just("window: "),
        Just("\r\n"),
        Just("\u{feff}"),
        Just("? "),
        Just("steps[\"a"),
        Just("\"]"),
        Just("-b"),
        Just("..")
    ];
    proptest::collection::vec(word, 0..40).prop_map(|words| words.concat())
}

/// The reader stops at the quote itself, and what stands before it is a mark that is not one byte long.
#[test]
fn a_fault_behind_a_byte_order_mark_stands_on_whole_characters() {
    for text in ["\u{feff}'steps:\n---\nreview:\n'", "\u{feff}'steps\nkind: Plan\n", "\u{feff}\"a\n---\n\""] {
        let loaded = load_text(text, None, &[]);
        assert_eq!(found(&loaded), ["RB0101 1:1+0"], "{text:?}");
    }
}

proptest! {
    #![proptest_config(test_rules::cases(300))]

    #[test]
    fn any_text_is_read_without_a_panic(text in "\\PC*", near in plan_like()) {
        for plan in [&text, &near] {
            let loaded = load_text(plan, Some(plan), &[plan]);
            found(&loaded);
            prop_assert!(loaded.plan.is_none() == loaded.diagnostics.iter().any(|d| d.severity == runbook_model::Severity::Error));
        }
    }

    #[test]
    fn spans_stand_on_the_text_of_the_scalar(near in plan_like()) {
        let (node, _) = runbook_plan::read(SourceId(0), &near);
        if let Some(node) = node {
            node.walk(&mut |node| {
                let slice = &near[node.span.start as usize..node.span.end as usize];
                if let Value::String(text) = &node.value && slice.starts_with(|c: char| c.is_ascii_lowercase()) && !slice.contains('\n') {
                    assert_eq!(slice, text.trim(), "a block scalar may have empty lines around its text");
                }
            });
        }
    }
}
