//! Whole processes of `runbook`, each beside what the same work costs without it: start-up, `check` of large plans, and
//! a run of a thousand commands beside a loop of the shell. `docs/performance.md` names the bars.

#![expect(clippy::unwrap_used, reason = "a bench that cannot set its stage fails")]

mod plans;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// How many commands a run executes.
const COMMANDS: usize = 1_000;

fn run(program: &str, arguments: &[&str], state: &Path) {
    let mut command = Command::new(program);
    command.args(arguments).env("RUNBOOK_STATE_DIR", state).stdin(Stdio::null()).stdout(Stdio::null());
    assert!(command.status().unwrap().success(), "{program} {arguments:?}");
}

fn runbook(arguments: &[&str], state: &Path) {
    run(env!("CARGO_BIN_EXE_runbook"), arguments, state);
}

fn start_up(c: &mut Criterion) {
    let scratch = tempfile::tempdir().unwrap();
    let (plan, state) = (scratch.path().join("small.yaml"), scratch.path().join("state"));
    fs::write(&plan, plans::commands(3)).unwrap();
    let plan = plan.to_str().unwrap();
    runbook(&["apply", "--yes", plan], &state);
    let mut group = c.benchmark_group("start-up");
    group.bench_function("/bin/true, for comparison", |b| b.iter(|| run("/bin/true", &[], &state)));
    group.bench_function("--version", |b| b.iter(|| runbook(&["--version"], &state)));
    group.bench_function("check of three steps", |b| b.iter(|| runbook(&["check", plan], &state)));
    group.bench_function("status after a run", |b| b.iter(|| runbook(&["status"], &state)));
    group.finish();
}

fn check(c: &mut Criterion) {
    let scratch = tempfile::tempdir().unwrap();
    let plan = scratch.path().join("plan.yaml");
    let mut group = c.benchmark_group("check");
    group.sample_size(10);
    for steps in [1_000, 10_000, 30_000] {
        for (name, text) in [("commands", plans::commands(steps)), ("mixed", plans::mixed(steps))] {
            fs::write(&plan, &text).unwrap();
            group.throughput(Throughput::Elements(steps as u64));
            group.bench_function(BenchmarkId::new(name, steps), |b| {
                b.iter(|| runbook(&["check", plan.to_str().unwrap()], scratch.path()));
            });
        }
    }
    group.finish();
}

fn commands(c: &mut Criterion) {
    let scratch = tempfile::tempdir().unwrap();
    let (plan, state) = (scratch.path().join("plan.yaml"), scratch.path().join("state"));
    fs::write(&plan, plans::commands(COMMANDS)).unwrap();
    let plan = plan.to_str().unwrap();
    let mut group = c.benchmark_group("a thousand commands");
    group.sample_size(10);
    for parallel in ["1", "4"] {
        group.bench_function(BenchmarkId::new("apply, parallel", parallel), |b| {
            b.iter(|| {
                let _ = fs::remove_dir_all(&state);
                runbook(&["apply", "--yes", "--parallel", parallel, plan], &state);
            });
        });
    }
    let script = format!("for ((at = 0; at < {COMMANDS}; at++)); do /bin/true; done");
    group.bench_function("a loop of bash, for comparison", |b| b.iter(|| run("bash", &["-c", &script], &state)));
    group.finish();
}

criterion_group!(all, start_up, check, commands);
criterion_main!(all);
