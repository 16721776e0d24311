//! Which backup a step is taken back from, what a backup may be read anew for, and a way back that is gone.

use crate::bench::{Bench, Said, said};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

/// A backup of these paths.
fn backup(id: &str, needs: &str, paths: &str) -> String {
    format!("  - {{ id: {id}, uses: backup.create, needs: [{needs}], with: {{ paths: [{paths}] }} }}\n")
}

/// A shell text that writes `path`, and is taken back from a backup.
fn writes(id: &str, needs: &str, path: &str, text: &str) -> String {
    let text = serde_json::to_string(text).unwrap();
    format!(
        "  - id: {id}\n    uses: command.run\n    needs: [{needs}]\n    with: {{ run: [sh, -c, {text}], effects: {{ writes: \
         [{{ path: {path} }}] }} }}\n"
    )
}

/// A service that the plan finds at work; it is brought down with the bench.
struct Service<'a>(&'a Bench, &'static str);

impl<'a> Service<'a> {
    fn of(bench: &'a Bench, name: &'static str) -> Self {
        bench.plan(&start(name, ""));
        bench.apply().ends(0);
        Self(bench, name)
    }
}

impl Drop for Service<'_> {
    fn drop(&mut self) {
        self.0.plan(&stop(self.1, ""));
        let _ = self.0.apply();
    }
}

fn start(name: &str, needs: &str) -> String {
    format!(
        "  - id: start-{name}\n    uses: process.start\n    needs: [{needs}]\n    with: {{ name: {name}, run: [sleep, \"600\"] }}\n    \
         allow:\n      - {{ rule: verify-is-functional, because: a test }}\n      - {{ rule: verify-is-negative, because: a test }}\n"
    )
}

fn stop(name: &str, needs: &str) -> String {
    format!(
        "  - id: stop-{name}\n    uses: process.stop\n    needs: [{needs}]\n    with: {{ name: {name} }}\n    \
         allow:\n      - {{ rule: verify-is-functional, because: a test }}\n      - {{ rule: verify-is-negative, because: a test }}\n"
    )
}

fn dirs(bench: &Bench, names: &[&str]) {
    names.iter().for_each(|name| fs::create_dir_all(bench.path(name)).unwrap());
}

#[test]
fn a_step_is_taken_back_from_a_backup_that_was_made_before_it() {
    for restore in ["never", "if-needed", "always"] {
        let again = format!("{{ path: ./app, restore: {restore} }}");
        let bench = Bench::new(
            &(backup("b1", "", "./app")
                + &writes("c1", "b1", "./app", "echo one > app/f")
                + &backup("b2", "c1", &again)
                + &writes("c2", "b2", "./app", "echo two > app/f; exit 1")),
        );
        dirs(&bench, &["app"]);
        bench.write("app/f", "before");
        bench.apply().ends(3).says("Every step was taken back");
        assert_eq!(bench.read("app/f").unwrap(), "before", "restore: {restore}");
    }
}

#[test]
fn what_comes_back_always_comes_back_as_it_was_before_the_run() {
    let always = "{ path: ./live, restore: always }";
    let bench = Bench::new(
        &(backup("b1", "", always)
            + &writes("c1", "b1", "./x", "echo one > x; echo service > live/f")
            + &backup("b2", "c1", always)
            + &writes("c2", "b2", "./x", "exit 1"))
            .replace("paths: [{ path: ./live", "paths: [./x, { path: ./live"),
    );
    dirs(&bench, &["live"]);
    bench.write("live/f", "before");
    bench.apply().ends(3);
    assert_eq!(bench.read("live/f").unwrap(), "before");
}

#[test]
fn a_backup_says_when_the_host_did_not_tell_who_owns_files() {
    let bench =
        Bench::new(&(backup("backup", "", "./live") + &writes("change", "backup", "./live", "echo new > live/f")));
    dirs(&bench, &["live", "bin"]);
    bench.write("live/f", "before");
    let asked = bench.path("asked");
    bench.write("bin/getent", &format!("#!/bin/sh\necho \"$@\" >> {}\nexit 1\n", asked.display()));
    fs::set_permissions(bench.path("bin/getent"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bench.path("bin").display(), std::env::var("PATH").unwrap());
    said(bench.command(&["apply", "plan.yaml", "--yes"]).env("PATH", path)).ends(0);
    let shown = bench.run(&["show", "--format", "json"]).out;
    assert!(shown.contains("the names of owners are from the files of the host, for "), "{shown}");
    assert_eq!(bench.read("asked").unwrap().lines().count(), 1, "of a user and a group, no second is asked for");
}

/// The plan is undone from the backup, so the second pass must not take what a step wrote for what was there before.
#[test]
fn the_second_pass_leaves_out_what_the_run_has_changed() {
    let bench = Bench::new("");
    let service = Service::of(&bench, "svc");
    dirs(&bench, &["a", "b"]);
    bench.write("a/f", "before");
    bench.write("b/f", "before");
    bench.plan(
        &(backup("backup", "", "./a, { path: ./b, restore: always }")
            + &writes("migrate", "backup", "./a", "echo migrated > a/f; echo from the service > b/f")
            + &stop("svc", "migrate")
            + &writes("fails", "stop-svc", "./a", "echo half > a/f; echo new program > b/f; exit 1")),
    );
    let said = bench.apply().ends(3).says("Every step was taken back");
    says_of_the_second_pass(&said, &["2 changed, 0 new", "without", "/a, for `migrate` may have changed it"]);
    assert_eq!(bench.read("a/f").unwrap(), "before");
    assert_eq!(bench.read("b/f").unwrap(), "from the service\n", "of the second pass");
    drop(service);
}

/// A service that came up meanwhile writes what no step declares.
#[test]
fn the_second_pass_is_left_out_once_a_service_came_up() {
    let bench = Bench::new("");
    let services = [Service::of(&bench, "one"), Service::of(&bench, "two")];
    dirs(&bench, &["a", "b"]);
    bench.write("a/f", "before");
    bench.write("b/f", "before");
    bench.plan(
        &(backup("backup", "", "./a, { path: ./b, restore: always }")
            + &stop("one", "backup")
            + &writes("replace", "stop-one", "./a", "echo new > a/f")
            + &start("one", "replace")
            + &writes("run", "start-one", "./a", "echo of the new program > b/f")
            + &stop("two", "run")
            + &writes("fails", "stop-two", "./a", "exit 1")),
    );
    let said = bench.apply().ends(3);
    says_of_the_second_pass(&said, &["without", "/a, ", "/b, for", "`replace`, `start-one`, `run`"]);
    assert_eq!(bench.read("a/f").unwrap(), "before");
    assert_eq!(bench.read("b/f").unwrap(), "before");
    drop(services);
}

/// Output is broken into lines where the terminal ends.
fn says_of_the_second_pass(said: &Said, texts: &[&str]) {
    let words: Vec<&str> = said.out.split_whitespace().chain(said.err.split_whitespace()).collect();
    let text = words.join(" ");
    assert!(text.contains("second pass"), "{text}");
    texts.iter().for_each(|part| assert!(text.contains(part), "{part:?} is not in\n{text}"));
}

#[test]
fn a_path_behind_a_link_is_followed_or_refused_before_the_first_change() {
    let deploy = |to: &str| {
        backup("backup", "", "./app")
            + &writes("first", "backup", "./app/first", "echo x > app/first")
            + &writes("deploy", "first", to, &format!("echo new > {to}/f"))
            + &writes("fails", "deploy", "./app/first", "exit 1")
    };
    let bench = Bench::new(&deploy("app/current"));
    dirs(&bench, &["app/releases/1", "elsewhere"]);
    symlink("releases/1", bench.path("app/current")).unwrap();
    symlink("../elsewhere", bench.path("app/out")).unwrap();
    bench.write("app/releases/1/f", "before");
    bench.write("elsewhere/f", "before");
    bench.plan(&deploy("./app/current/f").replace("/f/f", "/f"));
    bench.apply().ends(3).says("Every step was taken back");
    assert_eq!(bench.read("app/releases/1/f").unwrap(), "before");
    bench.plan(&deploy("./app/out/f").replace("/f/f", "/f"));
    bench.apply().ends(3).says("no backup of this run covers");
    assert_eq!(bench.read("elsewhere/f").unwrap(), "before");
    assert!(!bench.has("app/first"));
}

#[test]
fn a_way_back_that_is_gone_is_refused_before_anything_is_taken_back() {
    let plan = |text: &str| {
        backup("backup", "", "./app")
            + "  - { id: other, uses: file.write, with: { path: ./other, content: new } }\n"
            + &writes("change", "backup, other", "./app", &format!("echo {text} > app/f"))
    };
    let bench = Bench::new(&plan("one"));
    dirs(&bench, &["app"]);
    bench.write("app/f", "before");
    let gone = |what: PathBuf| {
        let hidden = bench.path("hidden");
        fs::rename(&what, &hidden).unwrap();
        bench.run(&["rollback", "--yes"]).ends(1).says("nothing was touched").says(what.to_str().unwrap());
        assert_eq!(bench.read("app/f").unwrap(), "one\n");
        assert_eq!(bench.read("other").unwrap(), "new");
        bench.run(&["status"]).ends(0).says("Done.");
        fs::rename(&hidden, &what).unwrap();
    };
    bench.apply().ends(0);
    let run = bench.latest();
    gone(bench.path(&format!("state/backups/{run}-backup")));
    gone(bench.path(&format!("state/backups/{run}-backup/archive.tar.zst")));
    gone(bench.path(&format!("state/runs/{run}/other")));
    bench.run(&["rollback", "--yes"]).ends(0);
    assert_eq!(bench.read("app/f").unwrap(), "before");
    assert!(!bench.has("other"));
}

/// Nothing blocks the host when the backup of a run that ended well is no longer there.
#[test]
fn a_run_without_its_backup_does_not_block_the_next_one() {
    let bench = Bench::new(&(backup("backup", "", "./app") + &writes("change", "backup", "./app", "date +%N > app/f")));
    dirs(&bench, &["app"]);
    bench.apply().ends(0);
    fs::remove_dir_all(bench.path("state/backups")).unwrap();
    bench.run(&["rollback", "--yes"]).ends(1).says("it is not there").says("runbook show");
    bench.apply().ends(0);
}
