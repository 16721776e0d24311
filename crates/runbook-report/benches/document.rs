//! `show` and `report` of long runs: every step has changed the host, and then was taken back.

#![expect(clippy::unwrap_used, reason = "a bench that cannot set its stage fails")]

#[path = "../tests/report/life.rs"]
#[expect(dead_code, reason = "the tests use all of the lives")]
mod life;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use life::{Life, id};
use runbook_model::{Caller, Plan, RollbackCause, UndoPhase, Verdict};
use runbook_report::{RunDocument, Style, markdown, show};
use std::hint::black_box;

/// A run of so many steps, all of them changed and taken back; and its plan.
fn long(steps: usize) -> (Plan, Life) {
    let names: Vec<String> = (0..steps).map(|at| format!("s{at}")).collect();
    let mut plan = life::plan();
    plan.steps = names.iter().map(|name| life::step(name, "file.write", serde_json::json!({}))).collect();
    let mut life = Life::of(names.iter().map(|name| id(name)).collect());
    for name in &names {
        life = life.changes(name, 5, "1.1.0 replaced");
    }
    life = life.rolls_back(RollbackCause::Cancelled);
    for name in names.iter().rev() {
        life = life.undoes(name, UndoPhase::Undo, 5, "as it was", None);
    }
    (plan, life.over(Verdict::RolledBack, ""))
}

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("document");
    group.sample_size(10);
    for steps in [1_000, 10_000] {
        let (plan, life) = long(steps);
        let (caller, style) = (Caller::default(), Style::plain(100));
        let told = |render: &dyn Fn(&RunDocument<'_>) -> String| life.told(&plan, None, None, render);
        group.throughput(Throughput::Elements(steps as u64));
        group.bench_function(BenchmarkId::new("show", steps), |b| {
            b.iter(|| black_box(told(&|run| show(run, &caller, &style))));
        });
        group.bench_function(BenchmarkId::new("report", steps), |b| {
            b.iter(|| black_box(told(&|run| markdown(run, &caller))));
        });
    }
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
