//! Create, verify, compare and restore over a generated tree that looks like an installed package: many small files.

#![expect(clippy::unwrap_used, reason = "a test or bench that cannot set its stage fails")]

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;

use criterion::{Criterion, criterion_group, criterion_main};
use runbook_backup::{Backup, Options, create};

const DIRECTORIES: usize = 100;
const FILES: usize = 40;

fn generate(top: &Path) {
    for directory in 0..DIRECTORIES {
        let dir = top.join(format!("package-{directory}/lib"));
        fs::create_dir_all(&dir).unwrap();
        for file in 0..FILES {
            let line = format!("export const value_{directory}_{file} = require('./value_{file}');\n");
            fs::write(dir.join(format!("file-{file}.js")), line.repeat(20 + directory * file % 300)).unwrap();
        }
    }
}

fn benches(c: &mut Criterion) {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    generate(&at("tree"));
    let go_on = || false;
    let mut group = c.benchmark_group("4000 files");
    group.sample_size(10);
    group.bench_function("create", |b| {
        b.iter(|| {
            let _ = fs::remove_dir_all(at("backup"));
            create(&at("backup"), &[at("tree")], 0, &go_on, &Options::default()).unwrap()
        });
    });
    group.bench_function("tar and zstd, for comparison", |b| {
        b.iter(|| {
            let mut tar = Command::new("tar");
            tar.args(["-I", "zstd -q -T2 -1", "-cf"])
                .arg(at("floor.tar.zst"))
                .arg("-C")
                .arg(scratch.path())
                .arg("tree");
            assert!(tar.status().unwrap().success());
        });
    });
    let backup = Backup::open(&at("backup")).unwrap();
    group.bench_function("verify", |b| b.iter(|| black_box(backup.verify(&go_on).unwrap())));
    group.bench_function("compare", |b| b.iter(|| assert!(backup.compare(&at("tree")).unwrap().is_empty())));
    group.bench_function("restore", |b| {
        b.iter(|| {
            fs::write(at("tree/extra"), "x").unwrap();
            assert!(!backup.restore(&at("tree"), &at("aside"), &go_on).unwrap().identical);
        });
    });
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
