//! What a table of kinds says about itself: every kind has a scenario, and its example is a step that its table accepts.

use crate::{Given, Scenario};
use runbook_model::StepId;
use runbook_step::Kind;
use std::collections::BTreeSet;

/// Makes the tests of a table of kinds as a whole: that every kind of it is tried by a scenario of these groups, and what its
/// page says. With `;` behind the table, the groups are files, and their modules are made as well: one line a file.
#[macro_export]
macro_rules! table {
    ($kinds:expr; $($group:ident),+ $(,)?) => {
        $(mod $group;)+

        $crate::table!($kinds, $($group::ALL),+);
    };
    ($kinds:expr, $($group:expr),+ $(,)?) => {
        #[test]
        fn every_kind_has_a_scenario() {
            $crate::documents::have_scenarios($kinds, &[$($group),+]);
        }

        #[test]
        fn every_example_is_a_step_of_its_kind() {
            $crate::documents::have_examples($kinds);
        }

        #[test]
        fn every_page_is_complete() {
            $crate::documents::have_pages($kinds);
        }
    };
}

/// Every kind has a scenario in one of the groups.
///
/// # Panics
///
/// Where one has none.
pub fn have_scenarios(kinds: &[&dyn Kind], groups: &[&[fn() -> Scenario]]) {
    let tried: BTreeSet<&str> = groups.iter().flat_map(|group| group.iter()).map(|one| one().kind).collect();
    let names = kinds.iter().map(|kind| kind.doc().name);
    let without: Vec<&str> = names.filter(|name| !tried.contains(name)).collect();
    assert!(without.is_empty(), "kinds without a scenario: {without:?}");
}

/// The example of every kind is one step, which the kind accepts.
///
/// # Panics
///
/// Where one is not.
pub fn have_examples(kinds: &[&dyn Kind]) {
    for kind in kinds {
        let doc = kind.doc();
        let steps: serde_json::Value = serde_yaml::from_str(doc.example).unwrap();
        let [step] = steps.as_array().unwrap().as_slice() else { panic!("`{}`: one step", doc.name) };
        assert_eq!(step["uses"], *doc.name);
        assert!(StepId::new(step["id"].as_str().unwrap()).is_some());
        let given = Given::to(kinds, doc.name, step.get("with").unwrap_or(&serde_json::json!({})));
        let found = given.faults();
        assert!(found.is_empty(), "the example of `{}`: {found:#?}", doc.name);
        if !given.waits() {
            given.bind();
        }
    }
}

/// Every kind, parameter and output has a text of the right form.
///
/// # Panics
///
/// Where one has not.
pub fn have_pages(kinds: &[&dyn Kind]) {
    for kind in kinds {
        let doc = kind.doc();
        assert!(!doc.summary.is_empty() && !doc.summary.ends_with('.'), "the summary of `{}`", doc.name);
        assert!(doc.text.ends_with('.') || doc.text.ends_with('`'), "the text of `{}`", doc.name);
        let params = doc.params.iter().map(|param| (param.name, param.help));
        for (name, help) in params.chain(doc.outputs.iter().map(|output| (output.name, output.help))) {
            assert!(!help.is_empty() && !help.ends_with('.'), "`{name}` of `{}`", doc.name);
        }
    }
}
