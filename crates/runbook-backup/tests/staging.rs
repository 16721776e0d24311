//! Putting something prepared in place of something else, on file systems that can exchange names and on those that cannot.

#[expect(dead_code, reason = "each test binary uses its own part")]
mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use runbook_backup::{Backup, Error, Model, Options, Staging, create, digest_tree, finish_interrupted, unfinished};
use support::{go_on, is_root, names};

#[test]
fn what_was_there_is_set_aside() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    fs::write(at("from"), "new").unwrap();
    let put = |from: &str| {
        let mut staging = Staging::beside(&at("target")).unwrap();
        staging.copy(&at(from), None).unwrap();
        staging.put_in_place(&at("aside"))
    };
    assert_eq!(put("from").unwrap(), None);
    fs::create_dir(at("directory")).unwrap();
    assert_eq!(put("directory").unwrap().map(|it| it.path), Some(at("aside/target")));
    assert_eq!(put("from").unwrap().map(|it| it.path), Some(at("aside/target.2")));
    assert!(at("aside/target").is_file() && at("aside/target.2").is_dir());
    Staging::beside(&at("target")).unwrap().put_in_place(&at("aside")).unwrap_err();
    assert_eq!(fs::read_to_string(at("target")).unwrap(), "new");
    assert_eq!(names(scratch.path()), ["aside", "directory", "from", "target"].map(Path::new));
}

#[test]
fn what_is_half_made_goes_and_what_is_original_stays() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    let staged = |random: &str, entries: &[(&str, &str)]| {
        let dir = at(&format!(".target.runbook-{random}"));
        fs::create_dir(&dir).unwrap();
        fs::set_permissions(&dir, PermissionsExt::from_mode(0o700)).unwrap();
        for (name, content) in entries {
            fs::write(dir.join(name), content).unwrap();
        }
        dir
    };
    fs::write(at("target"), "now").unwrap();
    staged("half", &[("new", "half made")]);
    let whole = staged("whole", &[("new", "whole")]);
    fs::write(whole.join("ready"), fs::metadata(whole.join("new")).unwrap().ino().to_string()).unwrap();
    assert_eq!(unfinished(&at("target")).unwrap().len(), 2);
    assert_eq!(finish_interrupted(&at("target"), &at("aside")).unwrap(), None);
    staged("exchanged", &[("new", "exchanged"), ("ready", "0")]);
    let kept = finish_interrupted(&at("target"), &at("aside")).unwrap().unwrap();
    assert_eq!(fs::read_to_string(kept.path).unwrap(), "exchanged");
    staged("moved", &[("new", "new"), ("old", "moved out"), ("ready", "0")]);
    fs::remove_file(at("target")).unwrap();
    let dir = unfinished(&at("target")).unwrap().remove(0);
    fs::write(dir.join("ready"), fs::metadata(dir.join("new")).unwrap().ino().to_string()).unwrap();
    assert_eq!(finish_interrupted(&at("target"), &at("aside")).unwrap(), None);
    assert_eq!(fs::read_to_string(at("target")).unwrap(), "moved out");
    let open_to_all = staged("notours", &[("new", "x")]);
    fs::set_permissions(&open_to_all, PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(finish_interrupted(&at("target"), &at("aside")).unwrap(), None);
    assert!(open_to_all.exists(), "a directory that is not ours stays");
}

/// A directory of a lower layer can neither be exchanged nor renamed.
#[test]
fn a_directory_of_a_lower_layer_comes_back() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    for dir in ["lower/app/sub", "upper", "work", "merged"] {
        fs::create_dir_all(at(dir)).unwrap();
    }
    for (name, content) in [("lower/app/version", "1"), ("lower/app/sub/deep", "deep")] {
        fs::write(at(name), content).unwrap();
    }
    symlink("version", at("lower/app/link")).unwrap();
    let layers = ["lower", "upper", "work"].map(|layer| format!("{layer}dir={}", at(layer).display())).join(",");
    let mut mount = Command::new("mount");
    mount.args(["-t", "overlay", "overlay", "-o", &layers]).arg(at("merged"));
    if !is_root() || mount.output().map_or(true, |output| !output.status.success()) {
        test_rules::skip("mounting an overlay needs root");
        return;
    }
    let _unmount = Unmount(at("merged"));
    let app = at("merged/app");
    let before = digest_tree(&app).unwrap();
    create(&at("backup"), std::slice::from_ref(&app), 0, &go_on, &Options::default()).unwrap();
    fs::write(app.join("version"), "2").unwrap();
    fs::remove_file(app.join("sub/deep")).unwrap();
    let changed = digest_tree(&app).unwrap();
    let restored = Backup::open(&at("backup")).unwrap().restore(&app, &at("merged/aside"), &go_on).unwrap();
    assert_eq!(digest_tree(&app).unwrap(), before);
    assert_eq!(restored.replaced.map(|it| it.path), Some(at("merged/aside/app")));
    assert_eq!(digest_tree(&at("merged/aside/app")).unwrap(), changed);
    assert_eq!(names(&at("merged")), ["app", "aside"].map(Path::new));
}

#[test]
fn a_path_with_a_mount_below_is_not_exchanged() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    fs::create_dir_all(at("app/volume")).unwrap();
    fs::create_dir(at("new")).unwrap();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "none"]).arg(at("app/volume"));
    if !is_root() || mount.output().map_or(true, |output| !output.status.success()) {
        test_rules::skip("mounting needs root");
        return;
    }
    let _unmount = Unmount(at("app/volume"));
    fs::write(at("app/volume/precious"), "").unwrap();
    let mut staging = Staging::beside(&at("app")).unwrap();
    staging.copy(&at("new"), None).unwrap();
    let refused = staging.put_in_place(&at("aside"));
    assert!(matches!(refused, Err(Error::MountPoint { .. })), "{refused:?}");
    assert!(at("app/volume/precious").exists());
    assert_eq!(names(scratch.path()), ["app", "new"].map(Path::new));
}

#[test]
fn an_archive_is_unpacked_for_its_owner_out_of_reach() {
    if !is_root() {
        test_rules::skip("giving files away needs root");
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    fs::create_dir_all(at("from/package/bin")).unwrap();
    fs::write(at("from/package/bin/run"), "").unwrap();
    symlink("run", at("from/package/bin/link")).unwrap();
    // Only the file and the link are listed; the directories above them are not.
    let packed = Command::new("tar")
        .args(["-C"])
        .arg(at("from"))
        .arg("-cf")
        .arg(at("a.tar"))
        .args(["package/bin/run", "package/bin/link"])
        .status()
        .unwrap();
    assert!(packed.success());
    let mut staging = Staging::beside(&at("target")).unwrap();
    fs::create_dir(at("model")).unwrap();
    std::os::unix::fs::chown(at("model"), Some(1234), Some(4321)).unwrap();
    let model = Model::of(&at("model")).unwrap().unwrap();
    staging.unpack(&at("a.tar"), Some(&model)).unwrap();
    staging.strip(1).unwrap();
    let dir = staging.new_path().parent().unwrap().to_path_buf();
    let found = fs::metadata(&dir).unwrap();
    assert_eq!((found.uid(), found.mode() & 0o777), (0, 0o700), "nobody else can enter it");
    staging.dress(&model).unwrap();
    staging.put_in_place(&at("aside")).unwrap();
    for path in ["", "bin", "bin/run", "bin/link"] {
        let found = fs::symlink_metadata(at("target").join(path)).unwrap();
        assert_eq!((found.uid(), found.gid()), (1234, 4321), "{path}");
        assert!(!found.is_dir() || found.mode() & 0o777 == 0o755, "{path}: others look into it as into any directory");
    }
}

struct Unmount(PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}
