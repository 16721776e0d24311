//! Another user swaps a directory of root's plan for a link to root's, in every window of a run and of its way back: nothing
//! happens behind the link, and the run does not say that it did what it was asked for when that is somewhere else.
//!
//! A call on one name in a directory that is held looks up nothing above it: it is the same before the swap and after it. So
//! the windows are the moments after every call by a path, and after every call that changes something; for a directory
//! inside of a tree, those after every call that names it.

use crate::bench::{Bench, Said};
use crate::stops::{can_stop, stopping};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What there is below `app/sub`, all of another user, and in `new`; and from the directory that is swapped on, in `roots`.
const TREE: &[&str] = &["old", "edit.json", "tree/x", "tree/in/y", "jiti/a-0a1b2c3d.cjs"];

/// What a run does to the host.
struct Case {
    /// The directory below `app` that is swapped for a link. Who swaps it stands in the directory that holds it.
    swapped: &'static str,
    steps: &'static str,
    /// Whether it is done, by what is in `app`.
    done: fn(&Path) -> bool,
}

/// A shell of another user that swaps when it is told to. It holds the directory that it stands in, wherever that is moved.
struct Swapper(Child, ChildStdin, BufReader<ChildStdout>);

impl Swapper {
    fn new(dir: &Path, name: &str) -> Self {
        let script = format!("while read go; do mv -T {name} moved && mv -T alt {name}; echo $?; done");
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "sh", "-c", &script]);
        let mut child = command.current_dir(dir).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self(child, stdin, BufReader::new(stdout))
    }

    /// Whether it is swapped now: not when what would be swapped is gone.
    fn swap(&mut self) -> bool {
        self.1.write_all(b"go\n").unwrap();
        let mut said = String::new();
        self.2.read_line(&mut said).unwrap();
        said == "0\n"
    }
}

impl Drop for Swapper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn stage(swapped: &str) -> (Bench, Swapper) {
    let bench = Bench::new();
    for at in ["app/sub", "new"] {
        TREE.iter().for_each(|file| drop(bench.write(&format!("host/{at}/{file}"), "{}")));
    }
    // Behind the link it looks just like what the plan is about.
    for file in TREE {
        if let Ok(rest) = Path::new("sub").join(file).strip_prefix(swapped) {
            bench.write(&format!("host/roots/{}", rest.display()), "{}");
        }
    }
    let path = bench.host("app").join(swapped);
    let (above, name) = (path.parent().unwrap(), path.file_name().unwrap().to_str().unwrap());
    symlink(bench.host("roots"), above.join("alt")).unwrap();
    given_away(&bench.host("app"));
    let swapper = Swapper::new(above, name);
    (bench, swapper)
}

fn given_away(dir: &Path) {
    assert!(Command::new("chown").args(["-hR", "65534:65534"]).arg(dir).status().unwrap().success());
}

/// Whether what is swapped can have been looked up by this call, or something was changed.
fn is_window(call: &str, swapped: &str) -> bool {
    let (name, args) = call.split_once('(').unwrap_or_default();
    if swapped != "sub" {
        let name = Path::new(swapped).file_name().unwrap().display();
        return [format!("\"{name}\""), format!("/{name}\"")].iter().any(|named| args.contains(named));
    }
    let acts = ["mkdirat", "rename", "unlink", "symlink", "linkat", "chmod", "chown", "fchmodat", "fchownat"];
    let is_act = call.contains("O_CREAT") || acts.iter().any(|act| name.starts_with(act));
    is_act || !args.starts_with(|first: char| first.is_ascii_digit())
}

/// Runs what `scene` sets, with a swap in the `nth` window, for every `nth`. Says how many there are.
fn every_window(swapped: &str, is_done: &dyn Fn(&Path) -> bool, scene: &dyn Fn(&Bench) -> Scene) -> usize {
    for nth in 1.. {
        let (bench, mut swapper) = stage(swapped);
        let Scene { args, about } = scene(&bench);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let before = bench.picture("host/roots");
        let (mut windows, mut done, mut after) = (0, false, None);
        let said = stopping(&bench, "%file", &args, about.to_str().unwrap(), |call| {
            if after.is_none() && is_window(call, swapped) {
                windows += 1;
                if windows == nth {
                    done = is_done(&bench.host("app"));
                    after = swapper.swap().then(|| call.to_owned());
                }
            }
        });
        let told = || format!("{args:?} with a swap in window {nth}, after {after:?}: {said:#?}");
        assert_eq!(bench.picture("host/roots"), before, "root was led behind the link by {}", told());
        assert!(!said.err.contains("panicked"), "{}", told());
        if after.is_some() && !done && swapped == "sub" {
            assert_ne!(said.code, Some(0), "it was done elsewhere, which is not told by {}", told());
            assert!(names_it(&said), "nobody is told why by {}", told());
        }
        if windows < nth {
            assert!(windows > 2, "hardly anything was looked up: {}", told());
            return windows;
        }
    }
    0
}

/// A command, and what the calls that count are about.
struct Scene {
    args: Vec<String>,
    about: PathBuf,
}

fn scene(bench: &Bench, args: &[&str]) -> Scene {
    Scene { args: args.iter().map(|arg| (*arg).to_owned()).collect(), about: bench.host("app") }
}

/// Whether what was said names what was met.
fn names_it(said: &Said) -> bool {
    let all = format!("{} {}", said.out, said.err);
    let all = all.split_whitespace().collect::<Vec<_>>().join(" ");
    ["that user 65534 made to", "was swapped for"].iter().any(|words| all.contains(words))
}

/// A run that nobody disturbs, without what makes it durable.
fn quickly(bench: &Bench, args: &[&str]) {
    stopping(bench, "personality", args, "", |_| {}).expect(0);
}

fn can_be_led() -> bool {
    let can = rustix::process::geteuid().is_root() && can_stop();
    if !can {
        test_rules::skip("only root can be led elsewhere, and only strace stops it in time");
    }
    can
}

fn there(case: &Case) {
    let Case { swapped, steps, done } = case;
    if can_be_led() {
        let windows =
            every_window(swapped, done, &|bench| scene(bench, &["apply", &bench.plan("plan", steps), "--yes"]));
        println!("{windows} windows of {steps}");
    }
}

fn there_and_back(case: &Case) {
    there(case);
    let Case { swapped, steps, done } = case;
    if can_be_led() {
        let windows = every_window(swapped, &|app| !done(app), &|bench| {
            quickly(bench, &["apply", &bench.plan("plan", steps), "--yes"]);
            scene(bench, &["rollback", "--yes"])
        });
        println!("{windows} windows back");
    }
}

fn holds(path: &Path, content: &str) -> bool {
    fs::read_to_string(path).is_ok_and(|found| found == content)
}

#[test]
fn of_writing_a_file() {
    there_and_back(&Case {
        swapped: "sub",
        steps: "steps:\n  - { id: a, uses: file.write, with: { path: HOST/app/sub/old, content: planted } }\n",
        done: |app| holds(&app.join("sub/old"), "planted"),
    });
}

#[test]
fn of_writing_a_new_file() {
    there_and_back(&Case {
        swapped: "sub",
        steps: "steps:\n  - { id: a, uses: file.write, with: { path: HOST/app/sub/new, content: planted, mode: '0600' } }\n",
        done: |app| holds(&app.join("sub/new"), "planted"),
    });
}

#[test]
fn of_copying_a_file() {
    there_and_back(&Case {
        swapped: "sub",
        steps: "steps:\n  - { id: a, uses: file.copy, with: { from: HOST/new/old, path: HOST/app/sub/copy } }\n",
        done: |app| holds(&app.join("sub/copy"), "{}"),
    });
}

#[test]
fn of_making_a_link() {
    there_and_back(&Case {
        swapped: "sub",
        steps: "steps:\n  - { id: a, uses: file.link, with: { path: HOST/app/sub/old, to: HOST/new } }\n",
        done: |app| app.join("sub/old").is_symlink(),
    });
}

#[test]
fn of_making_a_directory() {
    there_and_back(&Case {
        swapped: "sub",
        steps: "steps:\n  - { id: a, uses: file.directory, with: { path: HOST/app/sub/made, mode: '0711' } }\n",
        done: |app| app.join("sub/made").metadata().is_ok_and(|found| found.mode() & 0o7777 == 0o711),
    });
}

/// The directory itself is swapped, and the one above it.
#[test]
fn of_changing_a_mode() {
    for swapped in ["sub", "sub/tree"] {
        there_and_back(&Case {
            swapped,
            steps: "steps:\n  - { id: a, uses: file.directory, with: { path: HOST/app/sub/tree, mode: '0711' } }\n",
            done: |app| app.join("sub/tree").metadata().is_ok_and(|found| found.mode() & 0o7777 == 0o711),
        });
    }
}

#[test]
fn of_editing_a_file() {
    there_and_back(&Case {
        swapped: "sub",
        steps: "steps:\n  - { id: a, uses: json.edit, with: { path: HOST/app/sub/edit.json, set: { /a: 1 } } }\n",
        done: |app| !holds(&app.join("sub/edit.json"), "{}"),
    });
}

#[test]
fn of_removing_a_file() {
    there_and_back(&Case {
        swapped: "sub",
        steps: "steps:\n  - { id: a, uses: file.remove, with: { path: HOST/app/sub/old } }\n",
        done: |app| !app.join("sub/old").exists(),
    });
}

/// The directory above is swapped, the tree itself, and a directory in it.
#[test]
fn of_removing_a_tree() {
    for swapped in ["sub", "sub/tree", "sub/tree/in"] {
        there_and_back(&Case {
            swapped,
            steps: "steps:\n  - { id: a, uses: file.remove, with: { path: HOST/app/sub/tree } }\n",
            done: |app| !app.join("sub/tree/x").exists(),
        });
    }
}

/// What is replaced is exchanged, and set aside.
#[test]
fn of_deploying() {
    const STEPS: &str = "\
steps:
  - { id: b, uses: backup.create, with: { paths: [HOST/app/sub/tree] } }
  - id: a
    uses: artifact.deploy
    needs: [b]
    with: { from: HOST/new, to: HOST/app/sub/tree }
    allow: [{ rule: verify-is-functional, because: a test }, { rule: verify-is-negative, because: a test }]
";
    for swapped in ["sub", "sub/tree/in"] {
        there_and_back(&Case { swapped, steps: STEPS, done: |app| app.join("sub/tree/old").exists() });
    }
}

#[test]
fn of_clearing_a_cache() {
    for swapped in ["sub", "sub/jiti"] {
        there(&Case {
            swapped,
            steps: "steps:\n  - { id: a, uses: jiti-cache.clear, with: { dir: HOST/app/sub/jiti, owner: nobody } }\n",
            done: |app| !app.join("sub/jiti").exists(),
        });
    }
}

/// A process in a directory that was set aside stays in it, where nobody else can come.
#[test]
fn of_forgetting_what_was_set_aside() {
    if !can_be_led() {
        return;
    }
    let steps = "retention: { keep_for: 1ms, keep_last: 1 }\nsteps:\n  - { id: a, uses: file.remove, with: { path: HOST/app/sub/tree } }\n";
    let windows = every_window("sub/tree/in", &|_| true, &|bench| {
        let plan = bench.plan("plan", steps);
        let tree = bench.host("app/sub/tree");
        // The tree of somebody else is there when that of the plan comes back.
        fs::rename(&tree, bench.host("theirs")).unwrap();
        bench.write("host/app/sub/tree/x", "{}");
        quickly(bench, &["apply", &plan, "--yes"]);
        fs::rename(bench.host("theirs"), &tree).unwrap();
        quickly(bench, &["rollback", "--yes"]);
        Scene { about: bench.path("state/runs/.removed-"), ..scene(bench, &["apply", &plan, "--yes"]) }
    });
    println!("{windows} windows");
}
