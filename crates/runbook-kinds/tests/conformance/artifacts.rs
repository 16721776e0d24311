//! Scenarios of `artifact.deploy` and `artifact.pack`. Archives to deploy are made by the system's own `tar`.

use conformance::{Scenario, World, scenarios};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::Command;

scenarios![
    deploy_a_directory,
    deploy_a_tar,
    deploy_a_tgz_without_its_top,
    deploy_a_new_directory,
    deploy_what_is_there,
    deploy_what_is_there_from_an_archive,
    deploy_over_an_executable_bit,
    deploy_for_another_owner,
    deploy_the_validated_archive,
    deploy_another_archive,
    deploy_without_a_backup,
    deploy_over_a_symlink,
    deploy_over_a_file,
    deploy_nothing,
    deploy_what_is_no_archive,
    deploy_a_hostile_archive,
    deploy_with_a_wrong_strip,
    deploy_a_directory_with_a_digest,
    pack_a_directory,
    pack_for_a_node,
    pack_for_what_is_no_node,
    pack_a_file,
    pack_nothing,
    pack_a_link_that_leads_out,
];

/// The old release at `app` and the new one at `new/package`.
fn releases(world: &mut World) {
    world.file("app/version", "1.0.0\n");
    world.file("app/lib/gone.js", "old");
    world.file("new/package/version", "1.1.0\n");
    world.file("new/package/lib/deep/er.js", vec![b'x'; 70_000]);
    world.file("new/package/odd \u{fc}\n*", "");
    world.file_with_mode("new/package/bin/run", "#!/bin/sh\n", 0o755);
    world.link("new/package/bin/current", "run");
    world.dir("new/package/empty");
    world.back_up(&["app"]);
}

/// Packs what is in `top` below the root with the system's `tar`.
fn pack(world: &World, archive: &str, top: &str, options: &[&str]) {
    let made = Command::new("tar")
        .args(options)
        .args(["--sort=name", "--mtime=@1700000000", "-cf"])
        .arg(world.root.join(archive))
        .arg("-C")
        .arg(world.root.join(top))
        .arg(".")
        .status()
        .unwrap();
    assert!(made.success());
}

fn is_new(world: &World) {
    let app = world.root.join("app");
    assert_eq!(fs::read_to_string(app.join("version")).unwrap(), "1.1.0\n");
    assert_eq!(fs::read(app.join("lib/deep/er.js")).unwrap().len(), 70_000);
    assert_eq!(fs::read_link(app.join("bin/current")).unwrap(), Path::new("run"));
    assert!(app.join("empty").is_dir() && !app.join("lib/gone.js").exists());
    let left = fs::read_dir(&world.root).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with(".app.runbook-")).collect();
    assert!(left.is_empty(), "{left:?} is left");
}

fn deploy_a_directory() -> Scenario {
    Scenario::change("artifact.deploy", |world| {
        releases(world);
        json!({ "from": "new/package", "to": "app" })
    })
    .afterwards(|world, done| {
        is_new(world);
        assert_eq!(done.results.outputs["files"], 4);
        assert!(done.results.outputs["digest"].is_null());
    })
}

fn deploy_a_tar() -> Scenario {
    Scenario::change("artifact.deploy", |world| {
        releases(world);
        pack(world, "new.tar", "new/package", &["--format=gnu"]);
        json!({ "from": "new.tar", "to": "app" })
    })
    .afterwards(|world, done| {
        is_new(world);
        assert_eq!(done.results.outputs["digest"].as_str().map(str::len), Some(64));
    })
}

fn deploy_a_tgz_without_its_top() -> Scenario {
    Scenario::change("artifact.deploy", |world| {
        releases(world);
        pack(
            world,
            "new.tgz",
            "new",
            &["--format=pax", "--pax-option=exthdr.name=%d/x,delete=atime,delete=ctime", "-z"],
        );
        json!({ "from": "new.tgz", "to": "app", "strip": 1 })
    })
    .afterwards(|world, _| is_new(world))
}

fn deploy_a_new_directory() -> Scenario {
    Scenario::change("artifact.deploy", |world| {
        world.file("new/version", "1\n");
        world.back_up(&["app"]);
        json!({ "from": "new", "to": "app" })
    })
}

fn deploy_what_is_there() -> Scenario {
    Scenario::nothing_to_do("artifact.deploy", |world| {
        world.file("app/version", "1\n");
        world.file("new/version", "1\n");
        world.back_up(&["app"]);
        json!({ "from": "new", "to": "app" })
    })
}

fn deploy_what_is_there_from_an_archive() -> Scenario {
    Scenario::nothing_to_do("artifact.deploy", |world| {
        releases(world);
        pack(world, "app.tgz", "app", &["-z"]);
        json!({ "from": "app.tgz", "to": "app" })
    })
}

fn deploy_over_an_executable_bit() -> Scenario {
    Scenario::change("artifact.deploy", |world| {
        world.file_with_mode("app/run", "#!/bin/sh\n", 0o644);
        world.file_with_mode("new/run", "#!/bin/sh\n", 0o755);
        world.back_up(&["app"]);
        json!({ "from": "new", "to": "app" })
    })
}

/// Only root can make files of another user.
fn deploy_for_another_owner() -> Scenario {
    Scenario::change("artifact.deploy", |world| {
        releases(world);
        let _ = std::os::unix::fs::lchown(world.root.join("app"), Some(1234), Some(4321));
        fs::remove_dir_all(world.state.join("backups")).unwrap();
        world.back_up(&["app"]);
        pack(world, "new.tar", "new/package", &[]);
        json!({ "from": "new.tar", "to": "app" })
    })
    .afterwards(|world, _| {
        use std::os::unix::fs::MetadataExt;
        let owner = |path: &str| fs::symlink_metadata(world.root.join(path)).unwrap().uid();
        let wanted = if owner("") == 0 { 1234 } else { owner("") };
        assert_eq!([owner("app"), owner("app/lib/deep/er.js"), owner("app/bin/current")], [wanted; 3]);
    })
}

fn deploy_the_validated_archive() -> Scenario {
    Scenario::change("artifact.deploy", |world| {
        releases(world);
        pack(world, "new.tar", "new/package", &[]);
        let digest = world.reader().digest(&world.root.join("new.tar")).unwrap().unwrap();
        json!({ "from": "new.tar", "to": "app", "digest": digest.to_uppercase() })
    })
}

fn deploy_another_archive() -> Scenario {
    Scenario::refusal("artifact.deploy", "is not the validated one", |world| {
        releases(world);
        pack(world, "new.tar", "new/package", &[]);
        json!({ "from": "new.tar", "to": "app", "digest": "0".repeat(64) })
    })
}

fn deploy_without_a_backup() -> Scenario {
    Scenario::refusal("artifact.deploy", "no backup of this run covers", |world| {
        releases(world);
        world.backups.clear();
        json!({ "from": "new/package", "to": "app" })
    })
}

fn deploy_over_a_symlink() -> Scenario {
    Scenario::refusal("artifact.deploy", "is a symlink", |world| {
        world.file("real/version", "1");
        world.link("app", "real");
        world.file("new/version", "2");
        world.back_up(&["app"]);
        json!({ "from": "new", "to": "app" })
    })
}

fn deploy_over_a_file() -> Scenario {
    Scenario::refusal("artifact.deploy", "is a file", |world| {
        world.file("app", "");
        world.file("new/version", "2");
        world.back_up(&["app"]);
        json!({ "from": "new", "to": "app" })
    })
}

fn deploy_nothing() -> Scenario {
    Scenario::refusal("artifact.deploy", "is not there", |_| json!({ "from": "new.tgz", "to": "app" }))
}

fn deploy_what_is_no_archive() -> Scenario {
    Scenario::refusal("artifact.deploy", "cannot be read", |world| {
        releases(world);
        world.file("new.tgz", vec![b'#'; 5000]);
        json!({ "from": "new.tgz", "to": "app" })
    })
}

fn deploy_a_hostile_archive() -> Scenario {
    Scenario::refusal("artifact.deploy", "points out of", |world| {
        releases(world);
        world.link("new/package/out", "../../../etc");
        pack(world, "new.tar", "new/package", &[]);
        json!({ "from": "new.tar", "to": "app" })
    })
}

fn deploy_with_a_wrong_strip() -> Scenario {
    Scenario::refusal("artifact.deploy", "correct `strip`", |world| {
        releases(world);
        json!({ "from": "new/package", "to": "app", "strip": 1 })
    })
}

fn deploy_a_directory_with_a_digest() -> Scenario {
    Scenario::refusal("artifact.deploy", "which has no digest", |world| {
        releases(world);
        json!({ "from": "new/package", "to": "app", "digest": "0".repeat(64) })
    })
}

fn pack_a_directory() -> Scenario {
    Scenario::change("artifact.pack", |world| {
        releases(world);
        json!({ "path": "new/package" })
    })
    .afterwards(|_, done| {
        let outputs = &done.results.outputs;
        let archive = Path::new(outputs["path"].as_str().unwrap());
        assert_eq!(
            archive.file_name().unwrap().to_str().unwrap(),
            format!("{}.tar.zst", outputs["digest"].as_str().unwrap())
        );
        assert_eq!((&outputs["files"], &outputs["node_abi"]), (&json!(4), &json!(null)));
        let listing = runbook_backup::list_archive(fs::File::open(archive).unwrap(), archive).unwrap();
        let names: Vec<&str> = listing.keys().filter_map(|name| name.to_str()).collect();
        let packed =
            ["bin", "bin/current", "bin/run", "empty", "lib", "lib/deep", "lib/deep/er.js", "odd \u{fc}\n*", "version"];
        assert_eq!(names, packed);
    })
}

/// A stand-in that answers as node does; the real one is asked by the tests with npm.
fn pack_for_a_node() -> Scenario {
    Scenario::change("artifact.pack", |world| {
        releases(world);
        world.file_with_mode("node", "#!/bin/sh\necho 127\n", 0o755);
        json!({ "path": "app", "node": "node" })
    })
    .afterwards(|_, done| assert_eq!(done.results.outputs["node_abi"], "127"))
}

fn pack_for_what_is_no_node() -> Scenario {
    Scenario::refusal("artifact.pack", "name the node that runs what is packed", |world| {
        releases(world);
        json!({ "path": "app", "node": "/bin/false" })
    })
}

fn pack_a_file() -> Scenario {
    Scenario::refusal("artifact.pack", "is not a directory", |world| {
        world.file("app", "");
        json!({ "path": "app" })
    })
}

fn pack_nothing() -> Scenario {
    Scenario::refusal("artifact.pack", "is not there", |_| json!({ "path": "app" }))
}

fn pack_a_link_that_leads_out() -> Scenario {
    Scenario::refusal("artifact.pack", "points out of the directory", |world| {
        world.link("app/out", "/etc/passwd");
        json!({ "path": "app" })
    })
}
