//! Another user who swaps a directory of root's plan for a link, all the while: whatever comes of the run, nothing happens
//! behind the link. Every window of the writer, of removal, exchange, staging and restore is open to it many times.

use crate::bench::Bench;
use crate::waits::until;
use std::fs;
use std::os::unix::fs::chown;
use std::process::{Child, Command, Stdio};

const NOBODY: u32 = 65534;

/// Swaps `sub`, a directory, and `alt`, a link, as fast as it can.
const SWAPS: &str = ": > swapping; while :; do mv -T sub t; mv -T alt sub; mv -T sub alt; mv -T t sub; done";

struct Swapper(Child);

impl Drop for Swapper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn swapper(bench: &Bench) -> Swapper {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "sh", "-c", SWAPS]);
    let child = command.current_dir(bench.host("app")).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let swapper = Swapper(child);
    until("somebody who swaps", || bench.host("app/swapping").exists());
    swapper
}

#[test]
fn a_directory_that_is_swapped_for_a_link_leads_root_nowhere() {
    if !rustix::process::geteuid().is_root() {
        test_rules::skip("only root can be led elsewhere");
        return;
    }
    let bench = Bench::new();
    bench.write("host/roots/keep", "root's");
    bench.write("host/roots/old", "root's");
    bench.write("host/roots/tree/x", "root's");
    for file in ["old", "tree/x", "edit.json"] {
        bench.write(&format!("host/app/sub/{file}"), "{}");
    }
    std::os::unix::fs::symlink(bench.host("roots"), bench.host("app/alt")).unwrap();
    for path in ["app", "app/sub", "app/sub/old", "app/sub/tree", "app/sub/tree/x", "app/sub/edit.json"] {
        chown(bench.host(path), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let step = |id: &str, uses: &str, with: &str| {
        format!("  - {{ id: {id}, uses: {uses}, needs: [backup], on_failure: continue, with: {{ {with} }} }}\n")
    };
    let steps = [
        "steps:\n  - { id: backup, uses: backup.create, with: { paths: [HOST/app] } }\n".to_owned(),
        step("write", "file.write", "path: HOST/app/sub/new, content: planted"),
        step("copy", "file.copy", "from: HOST/roots/keep, path: HOST/app/sub/copy"),
        step("link", "file.link", "path: HOST/app/sub/link, to: /nowhere"),
        step("dir", "file.directory", "path: HOST/app/sub/made"),
        step("json", "json.edit", "path: HOST/app/sub/edit.json, set: { /a: 1 }"),
        step("remove", "file.remove", "path: HOST/app/sub/old"),
        step("tree", "file.remove", "path: HOST/app/sub/tree"),
        "  - { id: z, uses: command.run, needs: [write, copy, link, dir, json, remove, tree], with: { run: [\"false\"], undo: { run: [\"true\"] } } }\n".to_owned(),
    ];
    let plan = bench.plan("swapped", &steps.concat());
    let before = bench.picture("host/roots");
    let swapper = swapper(&bench);
    for round in 0..25 {
        bench.run(&["apply", &plan, "--yes"]);
        bench.run(&["rollback", "--yes"]);
        bench.run(&["recover", "--accept", "the test goes on"]);
        assert_eq!(bench.picture("host/roots"), before, "round {round}: root was led behind the link");
    }
    drop(swapper);
    assert!(fs::symlink_metadata(bench.host("roots")).unwrap().is_dir());
}
