//! What `plan`, `diff` and a dry run show.

use crate::life;
use runbook_model::{Plan, Prediction, Purpose, StepId};
use runbook_report::{Occasion, Preview, StepPreview, Style, json_text};

const DIFF: &str =
    "--- a/demo.json\n+++ b/demo.json\n@@ -1,3 +1,3 @@\n {\n-  \"port\": 18788\n+  \"port\": 18789\n }\n";

fn preview<'a>(plan: &'a Plan, steps: Vec<(&'a StepId, Purpose, bool, &'a Prediction)>) -> Preview<'a> {
    let step = |(id, purpose, needed, prediction): (&'a StepId, Purpose, bool, &'a Prediction)| {
        let definition = plan.steps.iter().find(|step| step.id == *id).unwrap();
        let serves = needed && purpose == Purpose::Attendant;
        let reasons = if serves { vec!["`install` has something to change".to_owned()] } else { vec![] };
        StepPreview {
            id,
            uses: &definition.uses,
            prediction,
            needed,
            purpose,
            allow: &definition.allow,
            reasons,
            excerpt: None,
        }
    };
    Preview { plan, steps: steps.into_iter().map(step).collect(), occasion: Occasion::DryRun }
}

#[test]
fn every_sort_of_prediction() {
    let plan = life::plan();
    let ids: Vec<&StepId> = plan.steps.iter().map(|step| &step.id).collect();
    let predictions = [
        Prediction::no_change("1.0.0 at ./demo/app, pid 4121 owns port 18789"),
        Prediction::change("2 paths, 214 files, 1.8 MB"),
        Prediction::change_with("./demo/app/demo.json\u{1b}[31m: 1 line", DIFF),
        Prediction::Unknown { until: life::id("install") },
        Prediction::CannotPredict { because: "`demo doctor` declares no effects".to_owned() },
    ];
    let preview = preview(
        &plan,
        vec![
            (ids[0], Purpose::Inspection, true, &predictions[0]),
            (ids[1], Purpose::Attendant, true, &predictions[1]),
            (ids[2], Purpose::Principal, true, &predictions[2]),
            (ids[3], Purpose::Principal, true, &predictions[3]),
            (ids[4], Purpose::Principal, true, &predictions[4]),
        ],
    );
    assert!(preview.has_changes());
    for width in [80, 120] {
        insta::assert_snapshot!(format!("preview_{width}"), preview.text(&Style::plain(width)));
    }
    insta::assert_snapshot!("preview_json", json_text(&preview.json(), &runbook_model::Caller::default()));
    assert_eq!(preview.ndjson().lines().count(), 5);
    let asked = Preview { occasion: Occasion::Consent, ..preview };
    assert!(!asked.text(&Style::plain(80)).contains("Nothing was written"));
}

#[test]
fn nothing_to_do() {
    let mut plan = life::plan();
    plan.review.clear();
    plan.steps.iter_mut().for_each(|step| step.allow.clear());
    let ids: Vec<&StepId> = plan.steps.iter().map(|step| &step.id).collect();
    let there = Prediction::no_change("./demo/app is 1.1.0");
    let backup = Prediction::change("2 paths, 214 files, 1.8 MB");
    let preview = preview(
        &plan,
        vec![
            (ids[1], Purpose::Attendant, false, &backup),
            (ids[2], Purpose::Principal, false, &there),
            (ids[4], Purpose::Attendant, false, &backup),
        ],
    );
    assert!(!preview.has_changes());
    insta::assert_snapshot!("preview_nothing", preview.text(&Style::plain(100)));
}

#[test]
fn a_file_that_is_only_added_to_is_a_creation_and_a_long_diff_is_cut() {
    let plan = life::plan();
    let diff = format!("--- /dev/null\n+++ b/x\n@@ -0,0 +1,300 @@\n{}", "+line\n".repeat(300));
    let prediction = Prediction::change_with("./x is new", diff);
    let preview = preview(&plan, vec![(&plan.steps[2].id, Purpose::Principal, true, &prediction)]);
    let text = preview.text(&Style::plain(80));
    assert!(text.contains("  + install"), "{text}");
    assert!(text.contains("(103 more lines: --format json has all)"), "{text}");
}
