//! Scenarios of `npm.*`, with the npm of this machine. Packages are made here, so that no registry is needed, but for
//! `npm.view`: without a registry its scenario says so, and fails where `CI` is set.

use conformance::{Scenario, World, scenarios};
use runbook_model::{FailureKind, UndoPhase};
use runbook_step::Confirmation;
use serde_json::{Value as Json, json};
use std::fs;
use std::path::Path;
use std::process::Command;

scenarios![
    install_over_an_older_one,
    install_where_nothing_was,
    install_a_scoped_package,
    install_a_folder,
    install_what_is_there,
    install_over_a_broken_one,
    install_over_what_a_killed_npm_left,
    install_without_a_backup,
    install_over_a_link,
    install_into_a_package,
    install_into_a_file,
    install_into_a_redirected_prefix,
    install_into_the_prefix_of_another_user,
    install_another_version_than_the_tarball_holds,
    install_a_broken_tarball,
    install_for_a_newer_node,
    install_over_a_command_of_somebody_else,
    install_what_fails_in_its_script,
    ci_where_nothing_was,
    ci_over_an_older_one,
    ci_when_it_agrees,
    ci_without_a_lock_file,
    ci_by_ranges,
    ci_where_an_earlier_npm_did_not_end,
    ci_in_a_directory_with_scripts,
    ci_with_a_script_that_fails,
    view_a_package,
    read_a_changelog,
    read_a_changelog_that_is_not_there,
];

/// Makes a package at `folder` below the root: a command, a man page and a dependency that it carries with it.
fn package(world: &World, folder: &str, name: &str, version: &str, more: &Json) {
    let mut manifest = json!({
        "name": name, "version": version, "bin": { "demo-run": "cli.js" }, "man": ["demo.1"],
        "dependencies": { "inner": "1.0.0" }, "bundleDependencies": ["inner"],
    });
    for (key, value) in more.as_object().unwrap() {
        manifest[key] = value.clone();
    }
    world.file(&format!("{folder}/package.json"), manifest.to_string());
    world.file(&format!("{folder}/cli.js"), format!("#!/usr/bin/env node\nconsole.log('{version}')\n"));
    world.file(&format!("{folder}/demo.1"), ".TH demo\n");
    world.file(&format!("{folder}/node_modules/inner/package.json"), r#"{"name":"inner","version":"1.0.0"}"#);
}

/// Packs it: `root/NAME.tgz`, as `npm pack` would, with a `package` directory on top.
pub(crate) fn tarball(world: &World, file: &str, name: &str, version: &str, more: &Json) {
    package(world, "making/package", name, version, more);
    let making = world.root.join("making");
    // The same bytes each time, for the laws compare whole worlds.
    let same = ["--sort=name", "--mtime=@1", "--use-compress-program=gzip -n"];
    run(&making, &[&["tar"][..], &same, &["-cf", &world.root.join(file).to_string_lossy(), "package"]].concat());
    fs::remove_dir_all(making).unwrap();
}

fn run(dir: &Path, argv: &[&str]) {
    let output = Command::new(argv[0]).args(&argv[1..]).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{argv:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What `npm install --global` makes of a tarball, made without npm: each law begins from it many times.
fn installed(world: &World, file: &str) {
    let dir = world.dir("prefix/lib/node_modules/demo");
    run(&dir, &["tar", "--strip-components=1", "-xf", &world.root.join(file).to_string_lossy()]);
    fs::set_permissions(dir.join("cli.js"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let manifest: Json = serde_json::from_slice(&fs::read(dir.join("package.json")).unwrap()).unwrap();
    for name in manifest["bin"].as_object().unwrap().keys() {
        world.link(&format!("prefix/bin/{name}"), "../lib/node_modules/demo/cli.js");
    }
    world.link("prefix/share/man/man1/demo.1", "../../../lib/node_modules/demo/demo.1");
}

/// Backs up `path`, instead of an earlier backup.
pub(crate) fn covered(world: &mut World, path: &str) {
    let backups = world.state.join("backups");
    let _ = fs::remove_dir_all(&backups);
    fs::create_dir(&backups).unwrap();
    world.back_up(&[path]);
}

/// npm keeps its cache outside of what the laws compare, and is never online.
fn env(world: &World) -> Json {
    json!({ "npm_config_cache": world.state.join("cache"), "npm_config_offline": "true" })
}

pub(crate) fn with(world: &World, from: &str, package: &str) -> Json {
    json!({ "package": package, "from": from, "prefix": "prefix", "env": env(world) })
}

pub(crate) fn upgrade(world: &mut World) -> Json {
    tarball(world, "old.tgz", "demo", "1.0.0", &json!({ "bin": { "demo-run": "cli.js", "demo-gone": "cli.js" } }));
    tarball(world, "new.tgz", "demo", "1.1.0", &json!({ "bin": { "demo-run": "cli.js", "demo-new": "cli.js" } }));
    installed(world, "old.tgz");
    covered(world, "prefix/lib/node_modules/demo");
    with(world, "new.tgz", "demo")
}

fn install_over_an_older_one() -> Scenario {
    Scenario::change("npm.install", upgrade).afterwards(|world, done| {
        assert_eq!(done.results.outputs["version"], "1.1.0");
        assert!(fs::symlink_metadata(world.root.join("prefix/bin/demo-gone")).is_err(), "npm takes away old commands");
        let output = Command::new(world.root.join("prefix/bin/demo-new")).output().unwrap();
        assert_eq!(output.stdout, b"1.1.0\n");
    })
}

fn install_where_nothing_was() -> Scenario {
    Scenario::change("npm.install", |world| {
        tarball(world, "new.tgz", "demo", "1.1.0", &json!({}));
        with(world, "new.tgz", "demo")
    })
}

fn install_a_scoped_package() -> Scenario {
    Scenario::change("npm.install", |world| {
        tarball(world, "new.tgz", "@scope/demo", "2026.3.23-2", &json!({}));
        world.dir("prefix/lib/node_modules/neighbour");
        with(world, "new.tgz", "@scope/demo")
    })
    .afterwards(|world, done| {
        assert_eq!(done.results.outputs["version"], "2026.3.23-2");
        assert!(world.root.join("prefix/lib/node_modules/@scope/demo/node_modules/inner").is_dir());
        assert!(world.root.join("prefix/lib/node_modules/neighbour").is_dir(), "others stay");
    })
}

fn install_a_folder() -> Scenario {
    Scenario::change("npm.install", |world| {
        package(world, "folder", "demo", "1.1.0", &json!({}));
        with(world, "folder", "demo")
    })
    .afterwards(|world, _| {
        let dir = world.root.join("prefix/lib/node_modules/demo");
        assert!(!fs::symlink_metadata(dir).unwrap().is_symlink(), "a folder is copied, not linked");
    })
}

/// A tarball that somebody else installed may be another one of the same version: it counts once this kind installed it.
fn install_what_is_there() -> Scenario {
    Scenario::nothing_to_do("npm.install", |world| {
        let with = upgrade(world);
        let step = world.bind("npm.install", &with);
        world.work(i64::MAX, None, |work| {
            let undo = step.prepare(work).unwrap().undo;
            step.apply(work, &undo).unwrap();
        });
        fs::remove_dir_all(world.work.join("before")).unwrap();
        covered(world, "prefix/lib/node_modules/demo");
        with
    })
}

fn install_over_a_broken_one() -> Scenario {
    Scenario::change("npm.install", |world| {
        let with = upgrade(world);
        world.file("prefix/lib/node_modules/demo/package.json", "{ half a fi");
        covered(world, "prefix/lib/node_modules/demo");
        with
    })
}

fn install_over_what_a_killed_npm_left() -> Scenario {
    Scenario::change("npm.install", |world| {
        let with = upgrade(world);
        world.file("prefix/lib/node_modules/.demo-Ab3dE6gH/cli.js", "left behind");
        world.link("prefix/bin/.demo-run-Zz3dE6gH", "../lib/node_modules/demo/cli.js");
        with
    })
    .afterwards(|world, _| assert!(!world.root.join("prefix/lib/node_modules/.demo-Ab3dE6gH").exists()))
}

fn install_without_a_backup() -> Scenario {
    Scenario::refusal("npm.install", "no backup of this run covers", |world| {
        let with = upgrade(world);
        world.backups.clear();
        with
    })
}

fn install_over_a_link() -> Scenario {
    Scenario::refusal("npm.install", "npm unlink", |world| {
        tarball(world, "new.tgz", "demo", "1.1.0", &json!({}));
        package(world, "source/demo", "demo", "0.0.1", &json!({}));
        world.link("prefix/lib/node_modules/demo", "../../../source/demo");
        with(world, "new.tgz", "demo")
    })
}

fn install_into_a_package() -> Scenario {
    Scenario::refusal("npm.install", "holds a package.json", |world| {
        tarball(world, "new.tgz", "demo", "1.1.0", &json!({}));
        world.file("prefix/package.json", "{}");
        with(world, "new.tgz", "demo")
    })
}

fn install_into_a_file() -> Scenario {
    Scenario::refusal("npm.install", "is not a directory", |world| {
        tarball(world, "new.tgz", "demo", "1.1.0", &json!({}));
        world.file("prefix", "");
        with(world, "new.tgz", "demo")
    })
}

fn install_into_a_redirected_prefix() -> Scenario {
    Scenario::refusal("npm.install", "another installation", |world| {
        tarball(world, "new.tgz", "demo", "1.1.0", &json!({}));
        world.dir("other/node_modules");
        world.link("prefix/lib", "../other");
        with(world, "new.tgz", "demo")
    })
}

/// Root is refused in a prefix of somebody else; everybody else where they may not write.
fn install_into_the_prefix_of_another_user() -> Scenario {
    Scenario::refusal("npm.install", "run", |world| {
        tarball(world, "new.tgz", "demo", "1.1.0", &json!({}));
        let modules = world.dir("prefix/lib/node_modules");
        if world.reader().own_uid() == 0 {
            std::os::unix::fs::chown(&modules, Some(65534), None).unwrap();
        } else {
            fs::set_permissions(&modules, std::os::unix::fs::PermissionsExt::from_mode(0o555)).unwrap();
        }
        with(world, "new.tgz", "demo")
    })
}

fn install_another_version_than_the_tarball_holds() -> Scenario {
    Scenario::refusal("npm.install", "holds demo 1.1.0, not demo 1.2.0", |world| {
        tarball(world, "new.tgz", "demo", "1.1.0", &json!({}));
        let mut with = with(world, "new.tgz", "demo");
        with["version"] = json!("1.2.0");
        with
    })
}

fn install_a_broken_tarball() -> Scenario {
    Scenario::refusal("npm.install", "npm pack", |world| {
        world.file("new.tgz", "this is no archive");
        with(world, "new.tgz", "demo")
    })
}

fn install_for_a_newer_node() -> Scenario {
    Scenario::refusal("npm.install", "asks for node >=999", |world| {
        tarball(world, "new.tgz", "demo", "1.1.0", &json!({ "engines": { "node": ">=999" } }));
        with(world, "new.tgz", "demo")
    })
}

fn install_over_a_command_of_somebody_else() -> Scenario {
    Scenario::refusal("npm.install", "demo-run is not a link into", |world| {
        tarball(world, "new.tgz", "demo", "1.1.0", &json!({}));
        world.file("prefix/bin/demo-run", "#!/bin/sh\n");
        with(world, "new.tgz", "demo")
    })
}

/// npm itself takes back what it did when a script fails; what it cannot, the undo does.
fn install_what_fails_in_its_script() -> Scenario {
    Scenario::refusal("npm.install", "boom in the script", |world| {
        let with = upgrade(world);
        let scripts = json!({ "scripts": { "postinstall": "echo boom in the script >&2; exit 3" } });
        tarball(world, "new.tgz", "demo", "1.1.0", &scripts);
        with
    })
}

/// A plugin whose one dependency is a tarball beside it, with a lock file that npm itself wrote.
fn plugin(world: &World, version: &str) {
    tarball(world, "inner.tgz", "inner", version, &json!({ "dependencies": {}, "bundleDependencies": [] }));
    world.file(
        "plugin/package.json",
        r#"{"name":"plugin","version":"1.0.0","dependencies":{"inner":"file:../inner.tgz"}}"#,
    );
    lock(world);
}

fn lock(world: &World) {
    let cache = format!("--cache={}", world.state.join("cache").display());
    let words =
        ["npm", "install", "--package-lock-only", "--offline", "--no-audit", "--no-fund", "--logs-max=0", &cache];
    run(&world.root.join("plugin"), &words);
}

fn ci_installed(world: &World) {
    let cache = format!("--cache={}", world.state.join("cache").display());
    let words = ["npm", "ci", "--offline", "--no-audit", "--no-fund", "--logs-max=0", "--ignore-scripts", &cache];
    run(&world.root.join("plugin"), &words);
}

fn ci_with(world: &World) -> Json {
    json!({ "dir": "plugin", "omit": ["dev"], "env": env(world) })
}

fn ci_where_nothing_was() -> Scenario {
    Scenario::change("npm.ci", |world| {
        plugin(world, "1.0.0");
        ci_with(world)
    })
    .afterwards(|world, _| assert!(world.root.join("plugin/node_modules/inner/cli.js").is_file()))
}

fn ci_over_an_older_one() -> Scenario {
    Scenario::change("npm.ci", |world| {
        plugin(world, "1.0.0");
        ci_installed(world);
        fs::remove_file(world.root.join("plugin/package-lock.json")).unwrap();
        let modules = world.root.join("plugin/node_modules");
        fs::rename(&modules, world.root.join("kept")).unwrap();
        plugin(world, "2.0.0");
        fs::rename(world.root.join("kept"), &modules).unwrap();
        covered(world, "plugin");
        ci_with(world)
    })
}

fn ci_when_it_agrees() -> Scenario {
    Scenario::nothing_to_do("npm.ci", |world| {
        plugin(world, "1.0.0");
        ci_installed(world);
        ci_with(world)
    })
}

fn ci_without_a_lock_file() -> Scenario {
    Scenario::refusal("npm.ci", "has no package-lock.json", |world| {
        world.file("plugin/package.json", "{}");
        ci_with(world)
    })
}

fn ci_by_ranges() -> Scenario {
    Scenario::change("npm.ci", |world| {
        plugin(world, "1.0.0");
        fs::remove_file(world.root.join("plugin/package-lock.json")).unwrap();
        let mut with = ci_with(world);
        with["install"] = json!(true);
        with
    })
    .afterwards(|world, _| assert!(!world.root.join("plugin/package-lock.json").exists(), "no lock file is left"))
}

/// The disk agrees with the lock file, but a script failed on the way; a retry or a later run must not call that green.
fn ci_where_an_earlier_npm_did_not_end() -> Scenario {
    Scenario::change("npm.ci", |world| {
        plugin(world, "1.0.0");
        add_script(world, "inner.tgz", "[ -e ../../../fixed ] && echo built > built");
        let step = world.bind("npm.ci", &ci_with(world));
        world.work(i64::MAX, None, |work| {
            let undo = step.prepare(work).unwrap().undo;
            step.apply(work, &undo).unwrap_err();
            // As npm leaves it where it does not take back what it did.
            ci_installed(world);
            assert!(matches!(step.confirm(work.host, &undo), Ok(Confirmation::NotThere(_))));
            step.apply(work, &undo).unwrap_err();
        });
        fs::remove_dir_all(world.work.join("before")).unwrap();
        fs::remove_dir_all(world.root.join("plugin/node_modules")).ok();
        ci_installed(world);
        covered(world, "plugin");
        world.file("fixed", "");
        ci_with(world)
    })
    .afterwards(|world, _| assert!(world.root.join("plugin/node_modules/inner/built").is_file()))
}

/// Gives the dependency an install script and locks it anew.
fn add_script(world: &World, file: &str, script: &str) {
    let more = json!({ "dependencies": {}, "bundleDependencies": [], "scripts": { "postinstall": script } });
    tarball(world, file, "inner", "1.0.0", &more);
    let _ = fs::remove_file(world.root.join("plugin/package-lock.json"));
    lock(world);
}

/// What the directory's own scripts change lies outside of `node_modules`, and nothing would bring it back.
fn ci_in_a_directory_with_scripts() -> Scenario {
    Scenario::change("npm.ci", |world| {
        plugin(world, "1.0.0");
        let manifest = json!({
            "name": "plugin", "version": "1.0.0", "dependencies": { "inner": "file:../inner.tgz" },
            "scripts": { "postinstall": "echo new > dist", "prepare": "echo new > dist", "test": "false" },
        });
        world.file("plugin/package.json", manifest.to_string());
        // Even the npm that only writes the lock file runs them.
        add_script(world, "inner.tgz", "echo built > built");
        world.file("plugin/dist", "old");
        ci_with(world)
    })
    .afterwards(|world, done| {
        assert_eq!(fs::read_to_string(world.root.join("plugin/dist")).unwrap(), "old");
        assert!(world.root.join("plugin/node_modules/inner/built").is_file(), "scripts of dependencies are run");
        assert!(done.summary.ends_with("its own scripts are not run: postinstall, prepare"), "{}", done.summary);
    })
}

fn ci_with_a_script_that_fails() -> Scenario {
    Scenario::refusal("npm.ci", "an install script failed", |world| {
        plugin(world, "1.0.0");
        add_script(world, "inner.tgz", "exit 3");
        ci_with(world)
    })
}

/// Needs the registry, as nothing else here does.
fn view_a_package() -> Scenario {
    let kind = "npm.view";
    let setup = |world: &mut World| {
        let env = json!({ "npm_config_cache": world.state.join("cache") });
        json!({ "package": "is-number", "version": "^6.0.0", "field": "license", "env": env })
    };
    let reachable = Command::new("npm").args(["view", "is-number", "version", "--fetch-retries=0"]).output();
    if !reachable.is_ok_and(|output| output.status.success()) {
        test_rules::skip("npm.view is not tried, for the npm registry cannot be reached from here");
        return Scenario::refusal(kind, "", move |world| {
            let mut with = setup(world);
            with["registry"] = json!("http://127.0.0.1:9");
            with
        });
    }
    Scenario::unpredictable(kind, setup).without_undo().afterwards(|_, done| {
        assert_eq!(done.results.outputs["version"], "6.0.0");
        assert_eq!(done.results.outputs["value"], "MIT");
        assert!(
            done.results.outputs["dist_integrity"].as_str().unwrap().starts_with("sha512-"),
            "{:?}",
            done.results.outputs
        );
        assert_eq!(done.results.outputs["engines"]["node"], ">=0.10.0");
    })
}

/// A package with a changelog, packed.
fn with_changelog(world: &World) -> Json {
    world.file("making/package/CHANGELOG.md", "## 1.1.0\n\n- Breaking: slack\n\n## 1.0.0\n\n- old\n");
    tarball(world, "new.tgz", "demo", "1.1.0", &json!({}));
    json!({ "package": "demo", "from": "1.0.0", "to": "1.1.0", "tarball": "new.tgz", "plugins": ["slack"] })
}

fn read_a_changelog() -> Scenario {
    Scenario::nothing_to_do("npm.changelog", |world| with_changelog(world)).without_undo().afterwards(|_, done| {
        assert_eq!(done.results.outputs["sections"], json!(["1.1.0"]));
        assert_eq!(done.results.outputs["text"], "## 1.1.0\n\n- Breaking: slack");
        assert_eq!(done.results.outputs["marked"], json!(["- Breaking: slack"]));
        assert_eq!(done.results.outputs["breaking"], json!(["- Breaking: slack"]));
    })
}

fn read_a_changelog_that_is_not_there() -> Scenario {
    Scenario::refusal("npm.changelog", "has no CHANGES.md", |world| {
        let mut with = with_changelog(world);
        with["file"] = json!("CHANGES.md");
        with
    })
}

/// npm dies by KILL while its script runs: the new package is in place, the old one set aside, links in neither state.
#[test]
fn an_install_that_is_killed_in_the_middle_is_undone() {
    let mut world = crate::world();
    let with = upgrade(&mut world);
    tarball(&world, "new.tgz", "demo", "1.1.0", &json!({ "scripts": { "postinstall": "kill -9 $PPID" } }));
    let step = world.bind("npm.install", &with);
    let before = world.tree();
    let undo = world.prepare(&*step, None).unwrap();
    let failure = world.work(i64::MAX, None, |work| step.apply(work, &undo)).unwrap_err();
    assert!(failure.message.contains("killed by signal 9"), "{failure:?}");
    let left = world.tree();
    assert!(left.contains("/.demo-"), "npm left its set-aside package behind:\n{left}");
    let confirmed = step.confirm(&world.reader(), &undo).unwrap();
    assert!(matches!(confirmed, Confirmation::NotThere(_)), "{confirmed:?}");
    world.work(i64::MAX, None, |work| step.take_back(UndoPhase::Undo, work, &undo)).unwrap();
    assert_eq!(world.tree(), before);
}

/// The operator cancels while npm runs a script: the whole process group ends, and the host is as before.
#[test]
fn an_install_that_is_cancelled_is_undone() {
    let mut world = crate::world();
    let with = upgrade(&mut world);
    // The script opens the pipe for writing and so waits until the test has it open for reading.
    let pipe = world.root.join("pipe");
    run(&world.root, &["mkfifo", &pipe.to_string_lossy()]);
    let script = format!("echo here > '{}'; exec sleep 60", pipe.display());
    tarball(&world, "new.tgz", "demo", "1.1.0", &json!({ "scripts": { "postinstall": script } }));
    let step = world.bind("npm.install", &with);
    let before = world.tree();
    let undo = world.prepare(&*step, None).unwrap();
    let failure = std::thread::scope(|scope| {
        scope.spawn(|| {
            assert_eq!(fs::read(&pipe).unwrap(), b"here\n");
            world.cancel();
        });
        world.work(i64::MAX, None, |work| step.apply(work, &undo)).unwrap_err()
    });
    assert_eq!(failure.kind, FailureKind::Cancelled, "{failure:?}");
    world.work(i64::MAX, None, |work| step.take_back(UndoPhase::Undo, work, &undo)).unwrap();
    assert_eq!(world.tree(), before);
}

/// `--prefix` alone would make npm look for its global settings below that prefix, and the registry, the proxy and the token
/// of the host would be lost.
#[test]
fn the_global_settings_of_the_host_count() {
    const SEES: &str = "printf %s \"$npm_config_globalconfig\" > built";
    for (kind, own, built, seen) in [
        ("npm.install", false, "prefix/lib/node_modules/demo/built", "/host/etc/npmrc"),
        ("npm.install", true, "prefix/lib/node_modules/demo/built", "/prefix/etc/npmrc"),
        ("npm.ci", false, "plugin/node_modules/inner/built", "/host/etc/npmrc"),
    ] {
        let world = crate::world();
        // npm takes the directory above that of its node for the place of its global settings.
        let node = run_for(&["node", "--print", "process.execPath"]);
        let own_node = world.dir("host/bin").join("node");
        fs::hard_link(&node, &own_node).or_else(|_| fs::copy(&node, &own_node).map(drop)).unwrap();
        world.file("host/etc/npmrc", "fund=false\n");
        if own {
            world.file("prefix/etc/npmrc", "fund=false\n");
        }
        let mut with = if kind == "npm.ci" {
            plugin(&world, "1.0.0");
            add_script(&world, "inner.tgz", SEES);
            ci_with(&world)
        } else {
            tarball(&world, "new.tgz", "demo", "1.1.0", &json!({ "scripts": { "postinstall": SEES } }));
            with(&world, "new.tgz", "demo")
        };
        with["node"] = json!(own_node);
        let step = world.bind(kind, &with);
        let undo = world.prepare(&*step, None).unwrap();
        world.work(i64::MAX, None, |work| step.apply(work, &undo)).unwrap();
        let found = fs::read_to_string(world.root.join(built)).unwrap();
        assert_eq!(found, format!("{}{seen}", world.root.display()), "{kind}");
    }
}

fn run_for(argv: &[&str]) -> String {
    let output = Command::new(argv[0]).args(&argv[1..]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
