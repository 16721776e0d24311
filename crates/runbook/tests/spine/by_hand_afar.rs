//! `backup` and `recover` on a host afar say and do what they do on it.

use crate::bench::{Bench, Said};
use crate::far::Far;
use std::fs;

/// What a run of the plan changes is backed up before.
fn far() -> Far {
    let bench = Bench::new("");
    bench.write("data", "old");
    let data = bench.path("data").display().to_string();
    bench.plan(&format!(
        "  - {{ id: keep, uses: backup.create, with: {{ paths: [{data}] }} }}
  - {{ id: change, uses: file.write, with: {{ path: {data}, content: new }} }}
"
    ));
    Far::with(bench)
}

/// What was said of it is the same here and there; where it was set aside is another place each time.
fn alike(here: &Said, there: &Said) {
    assert_eq!((there.code, placed(&there.out)), (here.code, placed(&here.out)), "{}{}", here.err, there.err);
}

/// The text without the numbers of directories that things were set aside in, and without the host that commands are named for.
fn placed(text: &str) -> String {
    let text = text.replace(" --host far", "");
    let words = text.split('"').map(|word| match word.split_once("/restored/") {
        Some((before, _)) => format!("{before}/restored/N"),
        None => word.to_owned(),
    });
    words.collect::<Vec<_>>().join("\"")
}

#[test]
fn backups_are_listed_verified_pruned_and_put_back_from_elsewhere_as_on_the_host() {
    let far = far();
    far.here(&["apply", "plan.yaml", "--yes"]).ends(0);
    let backups = far.0.path("state/backups");
    let backup = fs::read_dir(&backups).unwrap().next().unwrap().unwrap().file_name().into_string().unwrap();
    let both = |args: &[&str]| {
        for format in ["text", "json", "ndjson"] {
            let args = [args, &["--format", format]].concat();
            alike(&far.here(&args), &far.run(&args));
        }
    };
    both(&["backup", "list"]);
    both(&["backup", "verify"]);
    both(&["backup", "verify", &backup[..8]]);
    both(&["backup", "verify", "no-such-backup"]);
    both(&["backup", "prune", "--dry-run"]);
    both(&["backup", "prune"]);
    for format in ["json", "ndjson", "text"] {
        let data = far.0.path("data").display().to_string();
        let args = ["backup", "restore", &backup, &data, "--yes", "--format", format];
        let put_back = |how: &dyn Fn(&[&str]) -> Said| {
            far.0.write("data", "newer");
            let said = how(&args);
            assert_eq!(far.0.read("data").as_deref(), Some("old"), "{}", said.err);
            said
        };
        alike(&put_back(&|args| far.here(args)), &put_back(&|args| far.run(args)));
    }
    let relative = far.run(&["backup", "restore", &backup, "data", "--yes"]).ends(1);
    assert!(relative.err.contains("write it absolute"), "{}", relative.err);
    let mut archive = fs::read_dir(backups.join(&backup)).unwrap().map(|entry| entry.unwrap().path());
    let archive = archive.find(|path| path.extension().is_some_and(|end| end == "zst")).unwrap();
    fs::write(archive, "damaged").unwrap();
    both(&["backup", "verify"]);
    assert!(far.run(&["backup", "verify"]).ends(1).out.contains("damaged"));
}

#[test]
fn an_open_run_is_recovered_from_elsewhere_as_on_the_host() {
    let opened = |far: &Far| {
        far.0.write("data", "old");
        let mut killed = far.command(&["apply", "plan.yaml", "--yes"]);
        crate::bench::said(killed.env("RUNBOOK_FAULT", "kill-before=9"));
        far.here(&["status"]).ends(6);
    };
    let far = far();
    let recovered = |how: &dyn Fn(&[&str]) -> Said, args: &[&str]| {
        opened(&far);
        how(args)
    };
    for args in
        [&["recover", "--boot"][..], &["recover", "--boot", "--forward"], &["recover", "--accept", "looked at it"]]
    {
        let here = recovered(&|args| far.here(args), args);
        let content = far.0.read("data");
        far.here(&["status"]).ends(0);
        let there = recovered(&|args| far.run(args), args);
        assert_eq!((there.code, far.0.read("data")), (here.code, content), "{args:?}: {}{}", here.err, there.err);
        far.run(&["status"]).ends(0);
    }
    assert!(far.run(&["recover", "--boot"]).ends(0).err.contains("no run is open on this host"));
}
