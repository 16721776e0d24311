//! Inventories: the own format, Ansible's, and selecting hosts of them.

mod ansible;
mod limits;
mod own;
mod select;

use runbook_model::{Diagnostic, HostFacts, InventoryHost, SourceMap};
use runbook_plan::{Document, LayerVars, Loaded, Request, load, load_inventory, read_ansible_inventory};
use std::path::Path;

/// A plan with the variables that an inventory gives a host.
fn plan_for(plan: &str, host: &InventoryHost, sources: SourceMap) -> Loaded {
    let fact = String::new;
    let facts = HostFacts {
        os: fact(),
        arch: fact(),
        libc: fact(),
        init: fact(),
        name: fact(),
        user: fact(),
        home: "/".into(),
    };
    load(Request {
        plan: Document { name: "plan.yaml", text: plan },
        environment: None,
        overlay: None,
        layers: vec![LayerVars::of_host(host)],
        sources,
        vars: &[],
        base: Path::new("/srv/plans"),
        host: facts,
        outputs: &|_| None,
    })
}

/// Each diagnostic as `CODE line:column message (help)`.
fn told(sources: &SourceMap, diagnostics: &[Diagnostic]) -> Vec<String> {
    let one = |fault: &Diagnostic| {
        let Some(source) = sources.get(fault.primary.span.source) else { panic!("{fault:?} has no text") };
        let at = source.position(fault.primary.span.start);
        let help = fault.help.as_ref().map_or(String::new(), |help| format!(" ({help})"));
        format!("{} {}:{} {}{help}", fault.code, at.line, at.column, fault.message)
    };
    diagnostics.iter().map(one).collect()
}

proptest::proptest! {
    #![proptest_config(test_rules::cases(500))]

    /// Whatever an inventory says, reading it ends, and each fault has its place in the text.
    #[test]
    fn no_text_is_too_odd(text in "([a-z\\[\\]:=,'\"#{}*!0-9 -]|\\n|\\[1:9\\]|ansible_port=|\\[a:children\\]|hosts:|children:|vars:){0,40}") {
        for name in ["hosts", "hosts.yml"] {
            let loaded = read_ansible_inventory(Document { name, text: &text }, SourceMap::default()).with_vars(&[], &[]);
            told(&loaded.sources, &loaded.diagnostics);
        }
        let loaded = load_inventory(Document { name: "inventory.yaml", text: &text }, SourceMap::default());
        proptest::prop_assert!(loaded.inventory.is_none() || loaded.diagnostics.is_empty());
        told(&loaded.sources, &loaded.diagnostics);
    }
}
