//! Thousands of steps of the worst shapes: the number of edges stays linear, and so does the time.

use crate::notation::*;
use runbook_schedule::build;
use std::time::{Duration, Instant};

const STEPS: usize = if cfg!(debug_assertions) { 2_000 } else { 10_000 };

/// Builds a plan of which each line is made from its position, and checks its edges.
fn measure(name: &str, edges_a_step: usize, line: impl Fn(usize) -> String) {
    let text: Vec<String> = (0..STEPS).map(|at| format!("s{at} {}", line(at))).collect();
    let (plan, declarations) = plan(&text.join("\n"));
    let start = Instant::now();
    let (schedule, _) = build(&plan, &declarations);
    let took = start.elapsed();
    let schedule = schedule.unwrap();
    let edges = schedule.edges().count();
    println!("{name:24} {took:>10.1?} {edges:>8} edges");
    assert_eq!(schedule.order().len(), STEPS);
    assert!(edges <= edges_a_step * STEPS, "{name}: {edges} edges");
    // Generous, for a debug build on a busy machine; the edges are the real check.
    assert!(took < Duration::from_secs(20), "{name}: {took:?}");
}

#[test]
fn the_worst_shapes_stay_linear() {
    let half = STEPS / 2;
    let either = |at: usize, first: &str, second: &str| if at < half { first.to_owned() } else { second.to_owned() };
    measure("nothing in common", 0, |at| format!("w=/d{at}"));
    measure("one path", 1, |_| "w=/a".into());
    measure("barriers", 1, |_| "w=*".into());
    measure("unknown readers", 0, |_| "r=?".into());
    measure("unknown readers, writers", 33, |at| if at < half { "r=?".into() } else { format!("w=/d{at}") });
    measure("writers, unknown readers", 33, |at| if at < half { format!("w=/d{at}") } else { "r=?".into() });
    measure("deep paths", 3, |at| format!("w=/{}", "d/".repeat(at % 200 + 1)));
    measure("deep readers, writers", 40, |at| match at < half {
        true => format!("r=/{}", "d/".repeat(at % 200 + 1)),
        false => format!("w=/{}f{at}", "d/".repeat(200)),
    });
    measure("chain of needs", 1, |at| if at == 0 { String::new() } else { format!("needs=s{}", at - 1) });
    measure("inspections, changes", 34, |at| if at < half { "inspect".into() } else { format!("w=/d{at}") });
    measure("changes, inspections", 34, |at| if at >= half { "inspect".into() } else { format!("w=/d{at}") });
    measure("backups of one path", 34, |at| either(at, "backup=/a", "w=/a"));
    measure("changes, then backups", 68, |at| either(at, "w=/a", "backup=/a"));
    measure("late backups", 68, |at| match at % 2 {
        0 => "replace w=/a".into(),
        _ => format!("backup=/a needs=s{}", at - 1),
    });
    measure("restarts, verifications", 68, |at| match at < half {
        true => format!("restart=unit:u{at}"),
        false => "verify=functional".into(),
    });
    measure("services, programs", 68, |at| match at % 5 {
        0 => format!("stop=unit:u{at} r=/p{at}"),
        1 => "replace w=?".into(),
        2 => format!("replace w=/p{}", at - 2),
        3 => format!("start=unit:u{}", at - 3),
        _ => format!("verify=functional r=unit:u{}", at - 4),
    });
    measure("stops, programs, starts", 100, |at| match at / (STEPS / 3 + 1) {
        0 => format!("stop=unit:u{at} r=/p"),
        1 => "replace w=/p".into(),
        _ => format!("start=unit:u{}", at - 2 * (STEPS / 3 + 1)),
    });
    measure("verifications, promotion", 68, |at| either(at, "verify=functional", "promote"));
}
