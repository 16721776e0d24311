//! Scenarios of `npm.stage`, and of `npm.install` with what it has built.

use crate::npm::{covered, tarball, upgrade, with};
use conformance::{Scenario, World, scenarios};
use runbook_model::UndoPhase;
use runbook_step::{Confirmation, Step};
use serde_json::{Value as Json, json};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

scenarios![
    stage_a_newer_one,
    stage_what_is_there,
    stage_where_nothing_is_installed_with_required,
    stage_what_is_linked_out_with_required,
    stage_what_names_its_place_with_required,
    stage_what_fails_in_its_script,
    stage_a_native_module_that_does_not_load,
    stage_for_a_newer_node,
    stage_a_broken_tarball,
    swap_in_what_is_staged,
    swap_in_what_was_not_staged,
    swap_in_another_version,
    swap_in_over_what_was_replaced_meanwhile,
];

/// An older version is installed, and a newer one comes as a tarball.
fn stage(world: &mut World) -> Json {
    upgrade(world)
}

fn staged(world: &World, with: &Json) {
    let step = world.bind("npm.stage", with);
    world.work(i64::MAX, None, |work| {
        let undo = step.prepare(work).unwrap().undo;
        let done = step.apply(work, &undo).unwrap();
        assert_eq!(done.results.outputs["ready"], json!(true), "{}", done.summary);
    });
}

/// Installed without a stage, by an earlier plan.
fn in_place(world: &World, with: &Json) {
    applied(world, "npm.install", with);
    fs::remove_dir_all(world.work.join("before")).unwrap();
}

fn swap(world: &mut World) -> Json {
    let mut with = stage(world);
    staged(world, &with);
    with["staged"] = json!(true);
    with
}

/// The one closed directory beside the package.
fn closed(world: &World) -> PathBuf {
    let modules = fs::read_dir(world.root.join("prefix/lib/node_modules")).unwrap().map(|entry| entry.unwrap().path());
    let mut found = modules.filter(|path| path.to_string_lossy().contains(".runbook-stage-"));
    let one = found.next().unwrap();
    assert_eq!(found.next(), None);
    one
}

fn installed_version(world: &World) -> String {
    let text = fs::read(world.root.join("prefix/lib/node_modules/demo/package.json")).unwrap();
    serde_json::from_slice::<Json>(&text).unwrap()["version"].as_str().unwrap().to_owned()
}

fn stage_a_newer_one() -> Scenario {
    Scenario::change("npm.stage", stage).afterwards(|world, done| {
        assert_eq!(done.results.outputs["ready"], true);
        assert_eq!(installed_version(world), "1.0.0", "the service goes on with what it has");
        let closed = closed(world);
        assert_eq!(fs::metadata(&closed).unwrap().mode() & 0o7777, 0o700);
        assert!(closed.join("lib/node_modules/demo/node_modules/inner/package.json").is_file());
        assert!(!world.root.join("prefix/bin/demo-new").exists());
    })
}

fn stage_what_is_there() -> Scenario {
    Scenario::nothing_to_do("npm.stage", |world| {
        let mut with = stage(world);
        in_place(world, &with);
        covered(world, "prefix/lib/node_modules/demo");
        with["required"] = json!(true);
        with
    })
    .afterwards(|_, done| assert_eq!(done.results.outputs["ready"], false))
}

fn required(mut with: Json) -> Json {
    with["required"] = json!(true);
    with
}

fn stage_where_nothing_is_installed_with_required() -> Scenario {
    Scenario::refusal("npm.stage", "nothing is installed at", |world| {
        tarball(world, "new.tgz", "demo", "1.1.0", &json!({}));
        required(with(world, "new.tgz", "demo"))
    })
}

/// An older version is installed; the newer one runs this when it is installed.
fn with_script(world: &mut World, script: &str) -> Json {
    let with = stage(world);
    tarball(world, "new.tgz", "demo", "1.1.0", &json!({ "scripts": { "postinstall": script } }));
    with
}

fn stage_what_is_linked_out_with_required() -> Scenario {
    Scenario::refusal("npm.stage", "is a link out of the package", |world| {
        required(with_script(world, "ln -s ../neighbour out"))
    })
}

fn stage_what_names_its_place_with_required() -> Scenario {
    Scenario::refusal("npm.stage", "names the directory in which it was built", |world| {
        required(with_script(world, "mkdir build && pwd > build/Makefile && pwd > place"))
    })
}

fn stage_what_fails_in_its_script() -> Scenario {
    Scenario::refusal("npm.stage", "boom in the script", |world| {
        with_script(world, "echo boom in the script >&2; exit 3")
    })
}

/// The head is that of a program of this machine, and nothing else of it is.
fn stage_a_native_module_that_does_not_load() -> Scenario {
    Scenario::refusal("npm.stage", "the native module", |world| {
        with_script(world, "head -c 64 \"$(node -p process.execPath)\" > broken.node")
    })
}

fn stage_for_a_newer_node() -> Scenario {
    Scenario::refusal("npm.stage", "asks for node >=999", |world| {
        let with = stage(world);
        tarball(world, "new.tgz", "demo", "1.1.0", &json!({ "engines": { "node": ">=999" } }));
        with
    })
}

fn stage_a_broken_tarball() -> Scenario {
    Scenario::refusal("npm.stage", "npm pack", |world| {
        let with = stage(world);
        world.file("new.tgz", "this is no archive");
        with
    })
}

fn swap_in_what_is_staged() -> Scenario {
    Scenario::change("npm.install", swap).afterwards(|world, done| {
        assert_eq!(done.results.outputs["version"], "1.1.0");
        assert_eq!(done.results.outputs["bins"], json!(["demo-new", "demo-run"]));
        assert!(fs::symlink_metadata(world.root.join("prefix/bin/demo-gone")).is_err(), "old commands go");
        let output = std::process::Command::new(world.root.join("prefix/bin/demo-new")).output().unwrap();
        assert_eq!(output.stdout, b"1.1.0\n");
        let kept = fs::read(closed(world).join("lib/node_modules/demo/package.json")).unwrap();
        assert!(String::from_utf8(kept).unwrap().contains("1.0.0"), "the old one is kept");
    })
}

fn swap_in_what_was_not_staged() -> Scenario {
    Scenario::refusal("npm.install", "nothing is staged for", |world| {
        let mut with = stage(world);
        with["staged"] = json!(true);
        with
    })
}

fn swap_in_another_version() -> Scenario {
    Scenario::refusal("npm.install", "1.1.0 is what was staged last, not", |world| {
        let mut with = swap(world);
        with["version"] = json!("1.2.0");
        with
    })
}

fn swap_in_over_what_was_replaced_meanwhile() -> Scenario {
    Scenario::refusal("npm.install", "is not what it was when it was staged", |world| {
        let with = swap(world);
        let dir = world.root.join("prefix/lib/node_modules/demo");
        fs::rename(&dir, world.root.join("away")).unwrap();
        fs::create_dir(&dir).unwrap();
        fs::copy(world.root.join("away/package.json"), dir.join("package.json")).unwrap();
        with
    })
}

/// What a step that was prepared and applied needs for its way back.
struct Applied {
    step: Box<dyn Step>,
    undo: Json,
}

fn applied(world: &World, kind: &str, with: &Json) -> Applied {
    let step = world.bind(kind, with);
    let undo = world.prepare(&*step, None).unwrap();
    world.work(i64::MAX, None, |work| step.apply(work, &undo)).unwrap();
    Applied { step, undo }
}

fn undone(world: &World, applied: &Applied) -> String {
    world.work(i64::MAX, None, |work| applied.step.take_back(UndoPhase::Undo, work, &applied.undo)).unwrap()
}

/// Of a scope, and with man pages of which no directory is there yet.
#[test]
fn a_scoped_package_is_swapped_in_and_back_with_the_directories_of_its_links() {
    let mut world = crate::world();
    tarball(&world, "old.tgz", "@scope/demo", "1.0.0", &json!({}));
    tarball(&world, "new.tgz", "@scope/demo", "1.1.0", &json!({}));
    in_place(&world, &with(&world, "old.tgz", "@scope/demo"));
    covered(&mut world, "prefix/lib/node_modules/@scope/demo");
    fs::remove_dir_all(world.root.join("prefix/share")).unwrap();
    let mut with = with(&world, "new.tgz", "@scope/demo");
    let before = world.tree();
    let built = applied(&world, "npm.stage", &with);
    with["staged"] = json!(true);
    let swapped = applied(&world, "npm.install", &with);
    assert!(world.root.join("prefix/share/man/man1/demo.1").exists());
    undone(&world, &swapped);
    undone(&world, &built);
    assert_eq!(world.tree(), before);
}

/// The directory that was there is there again: no file of it was copied.
#[test]
fn the_way_back_is_the_directory_itself() {
    let mut world = crate::world();
    let with = swap(&mut world);
    let dir = world.root.join("prefix/lib/node_modules/demo");
    let inode = |path: &PathBuf| fs::metadata(path).unwrap().ino();
    let was = inode(&dir);
    let swapped = applied(&world, "npm.install", &with);
    assert_ne!(inode(&dir), was);
    assert!(undone(&world, &swapped).contains("by one exchange"));
    assert_eq!(inode(&dir), was);
}

/// Somebody made room in what was kept.
#[test]
fn what_is_kept_and_was_changed_is_not_put_back_the_backup_is() {
    let mut world = crate::world();
    let with = swap(&mut world);
    let before = world.tree();
    let swapped = applied(&world, "npm.install", &with);
    let kept = closed(&world).join("lib/node_modules/demo/cli.js");
    let time = fs::metadata(&kept).unwrap().modified().unwrap();
    let text = fs::read_to_string(&kept).unwrap().replace("1.0.0", "1.0.1");
    fs::write(&kept, text).unwrap();
    fs::File::options().write(true).open(&kept).unwrap().set_modified(time).unwrap();
    let said = undone(&world, &swapped);
    assert!(said.contains("is not as it was noted") && said.contains("put back from the backup"), "{said}");
    let shown =
        |tree: &str| tree.lines().filter(|line| !line.contains(".runbook-stage-")).collect::<Vec<_>>().join("\n");
    assert_eq!(shown(&world.tree()), shown(&before));
}

/// The whole closed directory went.
#[test]
fn what_is_kept_and_is_gone_comes_back_from_the_backup() {
    let mut world = crate::world();
    let with = swap(&mut world);
    let swapped = applied(&world, "npm.install", &with);
    fs::remove_dir_all(closed(&world)).unwrap();
    assert!(undone(&world, &swapped).contains("put back from the backup"));
    assert_eq!(installed_version(&world), "1.0.0");
}

/// What has run is evidence, and is set aside; what never ran is not.
#[test]
fn what_has_run_from_the_stage_is_set_aside_with_the_run() {
    for used in [false, true] {
        let mut world = crate::world();
        let mut with = stage(&mut world);
        let before = world.tree();
        let built = applied(&world, "npm.stage", &with);
        if used {
            with["staged"] = json!(true);
            let swapped = applied(&world, "npm.install", &with);
            undone(&world, &swapped);
        }
        undone(&world, &built);
        assert_eq!(world.tree(), before);
        assert_eq!(world.work.join("aside/demo/package.json").exists(), used);
    }
}

/// An npm of somebody else that is in the middle of the same package; when it is done, what was staged is stale.
#[test]
fn another_npm_at_work_on_the_package_is_told_and_what_it_did_is_seen() {
    let mut world = crate::world();
    let with = swap(&mut world);
    let pipe = world.root.join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let script = json!({ "scripts": { "postinstall": format!("cat '{}'", pipe.display()) } });
    tarball(&world, "slow.tgz", "demo", "1.0.5", &script);
    let cache = format!("--cache={}", world.state.join("cache").display());
    let prefix = format!("--prefix={}", world.root.join("prefix").display());
    let spec = format!("demo@file:{}", world.root.join("slow.tgz").display());
    let mut npm = std::process::Command::new("npm")
        .args(["install", "--global", "--offline", "--no-audit", "--logs-max=0", &cache, &prefix, &spec])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // Opening it for writing returns when the script has it open for reading.
    let writer = fs::File::options().write(true).open(&pipe).unwrap();
    let before = world.tree();
    let refused = |kind: &str, with: &Json| world.prepare(&*world.bind(kind, with), None).unwrap_err().message;
    assert!(refused("npm.install", &with).contains("an npm is at work on demo"));
    assert!(refused("npm.stage", &with_version(&with)).contains("an npm is at work on demo"));
    assert_eq!(world.tree(), before);
    drop(writer);
    npm.wait().unwrap();
    assert!(refused("npm.install", &with).contains("is not what it was when it was staged"));
}

fn with_version(with: &Json) -> Json {
    let mut with = with.clone();
    with.as_object_mut().unwrap().remove("staged");
    with
}

/// A crash between the exchange and the record of it: the inodes say where it was.
#[test]
fn an_exchange_that_nobody_recorded_is_found() {
    let mut world = crate::world();
    let with = swap(&mut world);
    let step = world.bind("npm.install", &with);
    let undo = world.prepare(&*step, None).unwrap();
    let confirm = |world: &World| step.confirm(&world.reader(), &undo).unwrap();
    assert!(matches!(confirm(&world), Confirmation::NotThere(_)));
    // The one act is the exchange.
    world.work(1, None, |work| step.apply(work, &undo)).unwrap_err();
    assert_eq!(installed_version(&world), "1.1.0");
    assert!(matches!(confirm(&world), Confirmation::NotThere(_)), "the links are not mended yet");
    world.work(i64::MAX, None, |work| step.apply(work, &undo)).unwrap();
    assert_eq!(confirm(&world), Confirmation::There);
}
