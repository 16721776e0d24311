//! `build` for plans of the shapes that people and programs write, and of shapes in which very much conflicts.

#![expect(clippy::unwrap_used, reason = "a bench that cannot set its stage fails")]

#[path = "../tests/schedule/notation.rs"]
#[expect(dead_code, reason = "the tests use all of the notation")]
mod notation;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use runbook_schedule::build;
use std::hint::black_box;

/// The effects and roles of the step at a position.
type Shape = fn(usize) -> String;

const SHAPES: &[(&str, Shape)] = &[
    ("nothing in common", |at| format!("w=/srv/app/conf/{at}.ini")),
    ("one file", |_| "w=/srv/app/app.ini".to_owned()),
    ("a chain of needs", |at| if at == 0 { String::new() } else { format!("needs=s{}", at - 1) }),
    ("files of services", |at| match at % 5 {
        0 => format!("stop=unit:u{at} r=/opt/p{at}"),
        1 => format!("backup=/opt/p{}", at - 1),
        2 => format!("replace w=/opt/p{}", at - 2),
        3 => format!("start=unit:u{} r=/opt/p{}", at - 3, at - 3),
        _ => format!("verify=functional r=unit:u{}", at - 4),
    }),
    ("readers and writers of one directory", |at| match at % 40 {
        0 => "w=/srv/app".to_owned(),
        _ => "r=/srv/app/data".to_owned(),
    }),
];

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("schedule");
    group.sample_size(10);
    for steps in [1_000, 10_000] {
        for (name, shape) in SHAPES {
            let lines: Vec<String> = (0..steps).map(|at| format!("s{at} {}", shape(at))).collect();
            let (plan, declarations) = notation::plan(&lines.join("\n"));
            group.throughput(Throughput::Elements(steps as u64));
            group.bench_function(BenchmarkId::new(*name, steps), |b| {
                b.iter(|| black_box(build(&plan, &declarations)).0.unwrap());
            });
        }
    }
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
