//! Laws that hold of every plan, tried on random small ones.

use crate::notation::*;
use proptest::prelude::*;
use runbook_model::{Access, Declaration, Plan, Resource, StepId};
use runbook_schedule::{Schedule, build};

const RESOURCES: &[&str] =
    &["/a", "/a/b", "/a/b/c", "/ab", "/", "?", "*", "unit:x", "unit:y", "package:p", "tcp:1", "/z/../a"];

fn words(of: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::sample::select(of).prop_map(str::to_owned)
}

fn effects() -> impl Strategy<Value = String> {
    let effect = ("[rw]", words(RESOURCES)).prop_map(|(access, resource)| format!("{access}={resource}"));
    prop::collection::vec(effect, 0..3).prop_map(|effects| effects.join(" "))
}

fn role() -> impl Strategy<Value = String> {
    words(&[
        "",
        "",
        "",
        "inspect",
        "replace",
        "cache",
        "promote",
        "gate",
        "port=1",
        "verify=functional",
        "verify=negative r=unit:x",
        "backup=/a",
        "backup=?",
        "backup=/a/b,/ab",
        "stop=unit:x",
        "start=unit:x",
        "restart=unit:x",
        "stop=unit:y r=/a",
        "start=unit:y r=/a",
        "restart=unit:y r=?",
    ])
}

/// Lines of a plan without `needs` and data.
fn unwritten() -> impl Strategy<Value = Vec<String>> {
    let line = (role(), effects()).prop_map(|(role, effects)| format!("{role} {effects}"));
    prop::collection::vec(line, 1..12)
        .prop_map(|lines| lines.into_iter().enumerate().map(|(at, line)| format!("s{at} {line}")).collect())
}

/// Lines of a plan with `needs` that make no cycle among themselves.
fn written() -> impl Strategy<Value = Vec<String>> {
    (unwritten(), prop::collection::vec((0..12usize, 0..12usize), 0..5), any::<u64>()).prop_map(
        |(mut lines, pairs, seed)| {
            let rank = |at: usize| (at as u64 + 1).wrapping_mul(seed | 1) >> 7;
            for (a, b) in pairs {
                if a < lines.len() && b < lines.len() && rank(a) < rank(b) {
                    lines[b].push_str(&format!(" needs=s{a}"));
                }
            }
            lines
        },
    )
}

fn conflict(a: &Resource, b: &Resource) -> bool {
    use Resource::*;
    let unknown = |it: &Resource| match it {
        Path(path) if path.components().any(|part| part == std::path::Component::ParentDir) => UnknownPath,
        other => other.clone(),
    };
    match (unknown(a), unknown(b)) {
        (Everything, _) | (_, Everything) | (UnknownPath, Path(_) | UnknownPath) | (Path(_), UnknownPath) => true,
        (Path(a), Path(b)) => a.starts_with(&b) || b.starts_with(&a),
        (a, b) => a == b,
    }
}

/// The definition, pair by pair.
fn steps_conflict(a: &Declaration, b: &Declaration) -> bool {
    a.effects.iter().any(|x| {
        b.effects
            .iter()
            .any(|y| (x.access == Access::Write || y.access == Access::Write) && conflict(&x.resource, &y.resource))
    })
}

/// Whether `a` comes before `b`, for every pair of steps but the one called `unrelated`.
fn relations(schedule: &Schedule, plan: &Plan) -> Vec<Vec<bool>> {
    let steps: Vec<_> = plan.steps.iter().map(|step| &step.id).filter(|id| id.as_str() != "unrelated").collect();
    let row = |a: &&StepId| {
        let after = schedule.descendants(a);
        steps.iter().map(|b| after.contains(*b)).collect()
    };
    steps.iter().map(row).collect()
}

fn relations_of(lines: &[String]) -> Option<Vec<Vec<bool>>> {
    let (plan, declarations) = plan(&lines.join("\n"));
    build(&plan, &declarations).0.map(|schedule| relations(&schedule, &plan))
}

proptest! {
    #![proptest_config(test_rules::cases(500))]

    #[test]
    fn without_needs_there_is_no_cycle(lines in unwritten()) {
        prop_assert!(relations_of(&lines).is_some(), "{}", lines.join("\n"));
    }

    #[test]
    fn the_order_respects_every_edge_and_every_conflict_has_one(lines in written()) {
        let (plan, declarations) = plan(&lines.join("\n"));
        let (Some(schedule), _) = build(&plan, &declarations) else { return Ok(()) };
        let place = |id| schedule.order().iter().position(|it| it == id);
        let mut ids: Vec<_> = schedule.order().to_vec();
        ids.sort();
        ids.dedup();
        prop_assert_eq!(ids.len(), plan.steps.len());
        for edge in schedule.edges() {
            prop_assert!(place(&edge.before) < place(&edge.after));
            prop_assert!(!edge.reasons.is_empty() && edge.reasons.is_sorted());
        }
        for step in &plan.steps {
            for (needed, _) in &step.needs {
                prop_assert!(schedule.ancestors(&step.id).contains(needed));
            }
        }
        let related = relations(&schedule, &plan);
        for (a, first) in declarations.iter().enumerate() {
            for (b, second) in declarations.iter().enumerate().skip(a + 1) {
                if steps_conflict(first, second) {
                    prop_assert!(related[a][b] || related[b][a], "s{} and s{} in\n{}", a, b, lines.join("\n"));
                }
            }
        }
    }

    #[test]
    fn without_roles_and_needs_the_file_decides(lines in prop::collection::vec(effects(), 1..12)) {
        let lines: Vec<String> = lines.iter().enumerate().map(|(at, line)| format!("s{at} {line}")).collect();
        let (plan, declarations) = plan(&lines.join("\n"));
        let Some(schedule) = build(&plan, &declarations).0 else { return Err(TestCaseError::fail("a cycle")) };
        let count = lines.len();
        // The closure of the pairs that conflict, first by first.
        let mut wanted = vec![vec![false; count]; count];
        for a in (0..count).rev() {
            for b in a + 1..count {
                if steps_conflict(&declarations[a], &declarations[b]) {
                    wanted[a][b] = true;
                    for c in b + 1..count {
                        wanted[a][c] |= wanted[b][c];
                    }
                }
            }
        }
        prop_assert_eq!(relations(&schedule, &plan), wanted, "{}", lines.join("\n"));
    }

    #[test]
    fn the_same_plan_gives_the_same_schedule(lines in written()) {
        let (plan, declarations) = plan(&lines.join("\n"));
        let (first, second) = (build(&plan, &declarations), build(&plan, &declarations));
        prop_assert_eq!(first.1, second.1);
        prop_assert_eq!(first.0.map(|it| (it.mermaid(), it.order().to_vec())), second.0.map(|it| (it.mermaid(), it.order().to_vec())));
    }

    #[test]
    fn a_step_that_shares_nothing_changes_nothing(lines in written(), at in 0..12usize, busy in any::<bool>()) {
        let wide = lines.iter().any(|line| ["*", "?", "gate"].iter().any(|word| line.contains(word)));
        let at = at.min(lines.len());
        // A change that is written behind a stop shares the time in which the service is down.
        let down = lines[..at].iter().any(|line| line.contains("stop="));
        // Every change comes after backups and inspections, and so does whatever comes after the change.
        let first = lines.iter().any(|line| line.contains("backup=") || line.contains("inspect"));
        let mut more = lines.clone();
        more.insert(at, if busy && !wide && !down && !first { "unrelated w=tcp:99".into() } else { "unrelated".into() });
        prop_assert_eq!(relations_of(&lines), relations_of(&more), "{}", more.join("\n"));
    }
}

proptest! {
    #![proptest_config(test_rules::cases(20))]

    /// So wide that steps come to stand for others.
    #[test]
    fn in_a_wide_plan_conflicts_keep_the_order_of_the_file(picks in prop::collection::vec((0..60usize, 0..20usize), 150)) {
        let line = |(at, (file, shape)): (usize, &(usize, usize))| match shape {
            0 => format!("s{at} r=/d"),
            1 => format!("s{at} r=? w=unit:x"),
            2 => format!("s{at} w=/d"),
            3..10 => format!("s{at} r=/d/f{file}/g"),
            _ => format!("s{at} w=/d/f{file}"),
        };
        let lines: Vec<String> = picks.iter().enumerate().map(line).collect();
        let (plan, declarations) = plan(&lines.join("\n"));
        let Some(schedule) = build(&plan, &declarations).0 else { return Err(TestCaseError::fail("a cycle")) };
        let related = relations(&schedule, &plan);
        for (a, first) in declarations.iter().enumerate() {
            for (b, second) in declarations.iter().enumerate().skip(a + 1) {
                prop_assert!(related[a][b] || !steps_conflict(first, second), "s{} and s{} in\n{}", a, b, lines.join("\n"));
                prop_assert!(!related[b][a]);
            }
        }
    }
}
