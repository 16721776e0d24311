//! Another user swaps a directory for a link at every moment at which the work looks up: root is led nowhere.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its stage fails")]

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::rc::Rc;

use runbook_backup::{Backup, Options, create, second_pass};

/// `app` is swapped for a link to `roots` at the `nth` question; says whether it came to that.
fn swapping(top: &Path, nth: usize) -> (impl Fn() -> bool + use<'_>, Rc<Cell<usize>>) {
    let asked = Rc::new(Cell::new(0));
    let count = asked.clone();
    let ask = move || {
        count.set(count.get() + 1);
        if count.get() == nth {
            fs::rename(top.join("app"), top.join("moved")).unwrap();
            symlink("roots", top.join("app")).unwrap();
            let _ = std::os::unix::fs::lchown(top.join("app"), Some(65534), Some(65534));
        }
        false
    };
    (ask, asked)
}

fn stage(top: &Path) {
    for dir in ["app/sub", "roots/sub"] {
        fs::create_dir_all(top.join(dir)).unwrap();
    }
    for (file, content) in [("app/sub/f", "old"), ("app/sub/g", "old"), ("roots/sub/f", "root's")] {
        fs::write(top.join(file), content).unwrap();
    }
}

fn roots_are_whole(top: &Path, what: &str, nth: usize) {
    assert_eq!(fs::read_to_string(top.join("roots/sub/f")).unwrap(), "root's", "{what} {nth}");
    assert_eq!(fs::read_dir(top.join("roots")).unwrap().count(), 1, "{what} {nth}");
    assert_eq!(fs::read_dir(top.join("roots/sub")).unwrap().count(), 1, "{what} {nth}");
}

#[test]
fn whoever_swaps_a_parent_leads_root_nowhere() {
    let mut swapped = 0;
    for what in ["backup", "second pass", "restore"] {
        for nth in 1..40 {
            let scratch = tempfile::tempdir().unwrap();
            let top = scratch.path().canonicalize().unwrap();
            stage(&top);
            let paths = [top.join("app/sub")];
            let never = || false;
            let (ask, asked) = swapping(&top, nth);
            if what == "backup" {
                let made = create(&top.join("backup"), &paths, 0, &ask, &Options::default());
                // What was read is what was held, never what root has.
                if made.is_ok() {
                    let backup = Backup::open(&top.join("backup")).unwrap();
                    assert_eq!(backup.manifest().entries.len(), 3, "{nth}");
                }
            } else {
                create(&top.join("backup"), &paths, 0, &never, &Options::default()).unwrap();
                fs::write(top.join("app/sub/f"), "new").unwrap();
                if what == "restore" {
                    let restored =
                        Backup::open(&top.join("backup")).unwrap().restore(&paths[0], &top.join("aside"), &ask);
                    assert!(restored.is_err() || asked.get() < nth, "a swap is told: {nth}");
                } else {
                    let _ = second_pass(&top.join("backup"), &Vec::new, &ask, &Options::default());
                }
            }
            roots_are_whole(&top, what, nth);
            if asked.get() < nth {
                break;
            }
            swapped += 1;
        }
    }
    assert!(swapped > 10, "too few windows were tried: {swapped}");
}
