//! A name is not a place: what is covered, put back and removed is decided by what is there.

use crate::bench::{Bench, RUNBOOK, Said, said};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A later step that fails.
const F: &str = "  - { id: z, uses: command.run, needs: [a], with: { run: [\"false\"], undo: { run: [\"true\"] } } }\n";

/// A backup of `paths`, a shell script that says what it writes, and a failure.
fn plan(bench: &Bench, paths: &str, script: &str, writes: &str) -> String {
    let steps = format!(
        "steps:\n  - {{ id: b, uses: backup.create, with: {{ paths: [{paths}] }} }}\n  - id: a\n    uses: command.run\n    \
         needs: [b]\n    with: {{ run: [sh, -c, \"{script}\"], effects: {{ writes: [{{ path: {writes} }}] }} }}\n{F}"
    );
    bench.plan("p", &steps)
}

/// Each of `words` stands somewhere in what was said, wherever a line ends.
#[track_caller]
fn tells(said: &Said, words: &[&str]) {
    let all = format!("{} {}", said.out, said.err);
    // A step's time stands at the end of a line that may go on.
    let is_time = |word: &&str| word.strip_suffix('s').is_some_and(|time| time.parse::<f64>().is_ok());
    let all: Vec<&str> = all.split_whitespace().filter(|word| !is_time(word)).collect();
    let all = all.join(" ");
    words.iter().for_each(|words| assert!(all.contains(words), "`{words}` is missing in {said:#?}"));
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn read(path: PathBuf) -> Option<String> {
    fs::read_to_string(path).ok()
}

fn beside(bench: &Bench, dir: &str) -> Vec<String> {
    let entries = fs::read_dir(bench.path(dir)).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The everyday forms: `DynamicUser=`, `~/.openclaw -> /data`, a chain, a link to a file.
#[test]
fn a_path_that_is_a_link_comes_back_with_what_it_leads_to() {
    for (link, target, inside) in [
        ("d", "real", "d/f"),
        ("d", "../host/real", "d/f"),
        ("d", "private/x", "d/f"),
        ("d", "chain", "d/f"),
        ("d", "real/f", "d"),
    ] {
        let bench = Bench::new();
        for file in ["host/real/f", "host/private/x/f"] {
            bench.write(file, "old");
        }
        symlink("real", bench.host("chain")).unwrap();
        symlink(target, bench.host(link)).unwrap();
        let before = bench.picture("host");
        let script = format!("echo new > HOST/{inside}; rm HOST/d; mkdir HOST/d");
        let plan = plan(&bench, "HOST/d", &script, "HOST/d");
        tells(&bench.expect(0, &["apply", &plan, "--dry-run"]), &["to which a link among them leads"]);
        bench.expect(3, &["apply", &plan, "--yes"]);
        let content = |picture: std::collections::BTreeMap<PathBuf, String>| -> Vec<(PathBuf, String)> {
            // But for the inode numbers.
            picture
                .into_iter()
                .map(|(path, facts)| (path, facts.rsplit(' ').next().unwrap_or_default().to_owned()))
                .collect()
        };
        assert_eq!(content(bench.picture("host")), content(before), "{link} → {target}");
    }
}

#[test]
fn what_a_dangling_link_leads_to_was_not_there() {
    let bench = Bench::new();
    bench.write("host/x", "");
    symlink("gone", bench.host("d")).unwrap();
    let plan = plan(&bench, "HOST/d", "echo new > HOST/d", "HOST/d");
    bench.expect(3, &["apply", &plan, "--yes"]);
    assert_eq!(beside(&bench, "host"), ["d", "x"]);
}

#[test]
fn links_in_a_circle_are_refused_before_anything_changes() {
    let bench = Bench::new();
    bench.write("host/x", "");
    symlink("e", bench.host("d")).unwrap();
    symlink("d", bench.host("e")).unwrap();
    let plan = plan(&bench, "HOST/d", "echo new > HOST/x", "HOST/d");
    tells(&bench.run(&["apply", &plan, "--dry-run"]), &["in a circle"]);
    let said = bench.run(&["apply", &plan, "--yes"]);
    assert_ne!(said.code, Some(0), "{said:#?}");
    tells(&said, &["in a circle"]);
    assert_eq!(read(bench.host("x")).unwrap(), "");
}

#[test]
fn a_step_that_writes_through_a_link_that_leads_out_is_refused() {
    let bench = Bench::new();
    bench.write("host/app/v", "1");
    bench.write("host/real/f", "old");
    symlink("../real", bench.host("app/out")).unwrap();
    for path in ["HOST/app/out/f", "HOST/app/out"] {
        let plan = plan(&bench, "HOST/app", "echo new > HOST/app/out/f", path);
        let said = bench.expect(3, &["apply", &plan, "--yes"]);
        tells(&said, &["no backup of this run covers", "host/real"]);
        assert_eq!(read(bench.host("real/f")).unwrap(), "old");
    }
}

/// The command says that it writes the whole tree. What is behind the link is nobody's to put back, and is named.
#[test]
fn a_link_inside_that_leads_out_is_told_before_and_after() {
    let bench = Bench::new();
    bench.write("host/app/v", "1");
    bench.write("host/real/f", "old");
    symlink("../real", bench.host("app/out")).unwrap();
    let plan = plan(&bench, "HOST/app", "echo new > HOST/app/v", "HOST/app");
    let said = bench.expect(0, &["apply", &plan, "--dry-run"]);
    tells(&said, &["app/out leads to", "which is not in the backup"]);
    bench.expect(3, &["apply", &plan, "--yes"]);
    let state = bench.expect(0, &["show", "--format", "json"]).out;
    assert!(state.contains("not-compared") && state.contains("app/out"), "{state}");
    assert_eq!(read(bench.host("app/v")).unwrap(), "1");
}

/// Reached by a link, and by a bind mount; a way back would take the journal back.
#[test]
fn the_state_directory_is_not_backed_up_by_any_name() {
    let bench = Bench::new();
    fs::create_dir_all(bench.host("app/runbook")).unwrap();
    symlink(bench.host("app/runbook"), bench.path("state")).unwrap();
    let plan = plan(&bench, "HOST/app", "echo new > HOST/app/v", "HOST/app");
    let [dry, wet] = ["--dry-run", "--yes"].map(|how| bench.run(&["apply", &plan, how]));
    assert_ne!(wet.code, Some(0), "{wet:#?}");
    [dry, wet].iter().for_each(|said| tells(said, &["the state directory of runbook is inside"]));
    assert_eq!(read(bench.host("app/v")), None);
    if !is_root() {
        test_rules::skip("mounting needs root");
        return;
    }
    let bench = Bench::new();
    for dir in ["host/app/runbook", "state"] {
        fs::create_dir_all(bench.path(dir)).unwrap();
    }
    let plan = self::plan(&bench, "HOST/app", "echo new > HOST/app/v", "HOST/app");
    let (state, runbook) = (bench.state(), bench.host("app/runbook"));
    let script = format!("mount --bind {} {}; exec {RUNBOOK} apply {plan} --yes", runbook.display(), state.display());
    let said = said(bench.command_of("unshare", &["--mount", "sh", "-euc", &script]));
    assert_ne!(said.code, Some(0));
    tells(&said, &["the state directory of runbook is inside"]);
    assert_eq!(read(bench.host("app/v")), None);
}

/// The undo must not write into the file system that hides the right one, and must not call it identical.
#[test]
fn a_mount_over_the_place_is_noticed_by_the_undo() {
    if !is_root() {
        test_rules::skip("mounting needs root");
        return;
    }
    for (covered, mounted) in [("HOST/d/f", "HOST/d"), ("HOST/d", "HOST/d"), ("HOST/d", "HOST/d/inner")] {
        let bench = Bench::new();
        bench.write("host/d/f", "old");
        bench.write("host/d/inner/f", "old");
        let plan = plan(&bench, covered, &format!("echo new > HOST/d/f; mount -t tmpfs none {mounted}"), covered);
        let host = bench.path("host");
        let script = format!(
            "rc=0; {RUNBOOK} apply {plan} --yes || rc=$?; findmnt -rno TARGET -t tmpfs | grep host/d; \
             find {0} -type f; umount {1}; exit $rc",
            host.display(),
            mounted.replace("HOST", host.to_str().unwrap())
        );
        let said = said(bench.command_of("unshare", &["--mount", "sh", "-uc", &script])).expect(5);
        said.says(&["mount"]).never_says(&["identical", "host is as it was"]);
        // With the mount gone, the way back is free.
        bench.expect(0, &["rollback", "--yes"]);
        assert_eq!(read(bench.host("d/f")).unwrap(), "old", "{covered} under {mounted}");
    }
}

/// Both are set aside under the same name, which has no room for a suffix.
#[test]
fn names_of_full_length_are_replaced_and_come_back() {
    let bench = Bench::new();
    let paths = ["d", "e"].map(|dir| format!("{dir}/{}", "n".repeat(255)));
    for path in &paths {
        bench.write(&format!("host/{path}"), "old");
    }
    let [one, other] = &paths;
    let script = format!("echo new > HOST/{one}; echo new > HOST/{other}");
    let steps = format!(
        "steps:\n  - {{ id: b, uses: backup.create, with: {{ paths: [HOST/{one}, HOST/{other}] }} }}\n  - id: a\n    \
         uses: command.run\n    needs: [b]\n    with: {{ run: [sh, -c, \"{script}\"], effects: {{ writes: [{{ path: \
         HOST/{one} }}, {{ path: HOST/{other} }}] }} }}\n{F}"
    );
    let plan = bench.plan("long", &steps);
    bench.expect(3, &["apply", &plan, "--yes"]);
    for path in &paths {
        assert_eq!(read(bench.host(path)).unwrap(), "old");
    }
}

/// A user of a service can make such a tree, and root has to come back from it all the same.
#[test]
fn a_tree_of_nine_thousand_levels_does_not_stop_a_rollback() {
    let bench = Bench::new();
    bench.write("host/app/v", "1");
    let dig = "cd HOST/app; i=0; while [ $i -lt 90 ]; do d=d/d/d/d/d/d/d/d/d/d; \
               mkdir -p $d/$d/$d/$d/$d/$d/$d/$d/$d/$d; cd -P $d/$d/$d/$d/$d/$d/$d/$d/$d/$d; i=$((i+1)); done; echo x > f";
    let plan = plan(&bench, "HOST/app", dig, "HOST/app");
    let script = format!("ulimit -n 256; exec {RUNBOOK} apply {plan} --yes");
    said(bench.command_of("sh", &["-c", &script])).expect(3);
    assert_eq!(beside(&bench, "host/app"), ["v"]);
    // It is set aside, and leaves with the run.
    bench.expect(0, &["backup", "list"]);
    let removed = Command::new("rm").arg("-rf").arg(bench.state()).status().unwrap();
    assert!(removed.success());
}

#[test]
fn a_deep_tree_is_backed_up_removed_and_put_back() {
    let bench = Bench::new();
    bench.write("host/app/v", "1");
    let dig = "cd \"$0\"; i=0; while [ $i -lt 20 ]; do d=d/d/d/d/d/d/d/d/d/d; \
               mkdir -p $d/$d/$d/$d/$d/$d/$d/$d/$d/$d; cd -P $d/$d/$d/$d/$d/$d/$d/$d/$d/$d; i=$((i+1)); done; echo x > f";
    assert!(Command::new("sh").arg("-c").arg(dig).arg(bench.host("app")).status().unwrap().success());
    let plan =
        bench.plan("deep", &format!("steps:\n  - {{ id: a, uses: file.remove, with: {{ path: HOST/app }} }}\n{F}"));
    let script = format!("ulimit -n 256; exec {RUNBOOK} apply {plan} --yes");
    said(bench.command_of("sh", &["-c", &script])).expect(3);
    // From there, for the name of the place itself may have the letter.
    let found = Command::new("find").args([".", "-name", "f"]).current_dir(bench.host("app")).output().unwrap();
    assert_eq!(found.stdout.iter().filter(|byte| **byte == b'd').count(), 2000);
    assert!(Command::new("rm").arg("-rf").arg(bench.host("app")).status().unwrap().success());
}

#[test]
fn what_happens_to_a_link_is_predicted() {
    let bench = Bench::new();
    bench.write("host/real", "old");
    bench.write("host/from", "new");
    symlink("real", bench.host("l")).unwrap();
    for (kind, with) in [("file.write", "content: new"), ("file.copy", "from: HOST/from")] {
        let steps = format!("steps:\n  - {{ id: a, uses: {kind}, with: {{ path: HOST/l, {with} }} }}\n{F}");
        let plan = bench.plan("linked", &steps);
        let said = bench.expect(0, &["apply", &plan, "--dry-run"]).never_says(&["is created"]);
        tells(&said, &["the link", "host/l → real is replaced by a"]);
        bench.expect(3, &["apply", &plan, "--yes"]);
        assert_eq!(fs::read_link(bench.host("l")).unwrap(), Path::new("real"));
        assert_eq!(read(bench.host("real")).unwrap(), "old");
    }
}

/// Nothing stays where a service looks, and what was replaced is with the run.
#[test]
fn what_is_set_aside_from_another_file_system_stays_with_the_run() {
    if !is_root() {
        test_rules::skip("mounting needs root");
        return;
    }
    let bench = Bench::new();
    let plan = bench.plan(
        "other",
        "steps:\n  - { id: b, uses: backup.create, with: { paths: [HOST/plugins/slack] } }\n  - id: a\n    uses: \
         artifact.deploy\n    needs: [b]\n    with: { from: HOST/new, to: HOST/plugins/slack }\n    allow:\n      - { rule: \
         verify-is-functional, because: a test }\n      - { rule: verify-is-negative, because: a test }\n  - { id: w, uses: \
         file.write, needs: [a], with: { path: HOST/f.conf, content: new } }\n  - { id: z, uses: command.run, needs: [w], \
         with: { run: [\"false\"], undo: { run: [\"true\"] } } }\n",
    );
    let (host, state) = (bench.path("host"), bench.state());
    let script = format!(
        "mount -t tmpfs none {host}; cd {host}; mkdir -p plugins/slack new; echo old > plugins/slack/v; echo new > new/v; \
         echo old > f.conf; rc=0; {RUNBOOK} apply {plan} --yes || rc=$?; echo HOST; find . | sort; cat plugins/slack/v f.conf; \
         echo STATE; find {state} -path '*aside*' | sort; exit $rc",
        host = host.display(),
        state = state.display()
    );
    let said = said(bench.command_of("unshare", &["--mount", "sh", "-euc", &script])).expect(3);
    let after = said.out.split("HOST\n").nth(1).unwrap();
    let (there, aside) = after.split_once("STATE\n").unwrap();
    assert_eq!(there, ".\n./f.conf\n./new\n./new/v\n./plugins\n./plugins/slack\n./plugins/slack/v\nold\nold\n");
    assert!(aside.contains("/a/aside/slack") && aside.contains("/w/aside/f.conf"), "{aside}");
}

#[test]
fn a_file_with_other_names_is_the_same_file_again() {
    let json = "json.edit, with: { path: HOST/f, set: { /a: 2 } }";
    for step in ["file.write, with: { path: HOST/f, content: new }", json, "file.remove, with: { path: HOST/f }"] {
        let bench = Bench::new();
        bench.write("host/f", "{\"a\": 1}\n");
        fs::hard_link(bench.host("f"), bench.host("same")).unwrap();
        let plan = bench.plan("linked", &format!("steps:\n  - {{ id: a, uses: {step} }}\n{F}"));
        let said = bench.expect(0, &["apply", &plan, "--dry-run"]);
        tells(&said, &["its other name keeps what it holds now"]);
        bench.expect(3, &["apply", &plan, "--yes"]);
        let inode = |name: &str| fs::metadata(bench.host(name)).unwrap().ino();
        assert_eq!(inode("f"), inode("same"), "{step}");
        assert_eq!(read(bench.host("same")).unwrap(), "{\"a\": 1}\n");
    }
}

/// Written through the other name meanwhile: then the file comes back from the archive, and that they are two is said.
#[test]
fn names_that_came_apart_are_told() {
    let bench = Bench::new();
    bench.write("host/f", "old");
    fs::hard_link(bench.host("f"), bench.host("same")).unwrap();
    let plan = bench.plan(
        "apart",
        "steps:\n  - { id: w, uses: file.write, with: { path: HOST/f, content: new } }\n  - { id: a, uses: command.run, \
         needs: [w], with: { run: [sh, -c, \"echo else > HOST/same; exit 1\"], undo: { run: [\"true\"] } } }\n",
    );
    bench.expect(3, &["apply", &plan, "--yes"]);
    assert_eq!(read(bench.host("f")).unwrap(), "old");
    let state = bench.expect(0, &["show", "--format", "json"]).out;
    assert!(state.contains("has another name outside"), "{state}");
}

#[test]
fn flags_come_back_and_sockets_are_told() {
    let bench = Bench::new();
    let file = bench.write("host/app/f", "old");
    let _socket = UnixListener::bind(bench.host("app/s")).unwrap();
    let flagged = |flags: &str, path: &str| Command::new("chattr").args([flags, path]).status();
    let flags = || Command::new("lsattr").arg(&file).output().map(|out| String::from_utf8(out.stdout).unwrap());
    if !is_root() || !flagged("+iA", &file).is_ok_and(|status| status.success()) {
        test_rules::skip("no flags here");
        return;
    }
    let before = flags().unwrap();
    let plan = plan(&bench, "HOST/app", "chattr -iA HOST/app/f; rm -r HOST/app; mkdir HOST/app", "HOST/app");
    tells(&bench.expect(0, &["apply", &plan, "--dry-run"]), &["app/s is a socket"]);
    bench.expect(3, &["apply", &plan, "--yes"]);
    assert_eq!(flags().unwrap(), before);
    let state = bench.expect(0, &["show", "--format", "json"]).out;
    assert!(state.contains("lost") && state.contains("app/s"), "{state}");
    let changed = self::plan(
        &bench,
        "HOST/app",
        "chattr -i HOST/app/f; echo more >> HOST/app/f; chattr +i HOST/app/f",
        "HOST/app",
    );
    bench.expect(3, &["apply", &changed, "--yes"]);
    assert_eq!((flags().unwrap(), read(bench.host("app/f"))), (before, Some("old".to_owned())));
    assert!(flagged("-i", &file).unwrap().success());
    assert!(Command::new("chattr").args(["-R", "-i"]).arg(bench.path(".")).status().is_ok());
}

/// The owner of a link decides where it leads, also a moment later.
#[test]
fn root_does_not_follow_the_link_of_another_user() {
    if !is_root() {
        test_rules::skip("only root can be led");
        return;
    }
    let bench = Bench::new();
    bench.write("host/roots/f", "old");
    fs::create_dir(bench.host("app")).unwrap();
    symlink("../roots", bench.host("app/sub")).unwrap();
    std::os::unix::fs::lchown(bench.host("app/sub"), Some(65534), Some(65534)).unwrap();
    fs::set_permissions(bench.host("app"), fs::Permissions::from_mode(0o777)).unwrap();
    for step in [
        "file.write, with: { path: HOST/app/sub/f, content: new }",
        "file.remove, with: { path: HOST/app/sub/f }",
        "file.directory, with: { path: HOST/app/sub/d }",
        "file.link, with: { path: HOST/app/sub/f, to: HOST/roots }",
        "backup.create, with: { paths: [HOST/app/sub/f] }",
    ] {
        let plan = bench.plan("led", &format!("steps:\n  - {{ id: a, uses: {step} }}\n{F}"));
        let said = bench.run(&["apply", &plan, "--yes"]);
        assert_ne!(said.code, Some(0), "{step}");
        tells(&said, &["a symlink that user 65534 made"]);
        assert_eq!(beside(&bench, "host/roots"), ["f"], "{step}");
        assert_eq!(read(bench.host("roots/f")).unwrap(), "old", "{step}");
    }
}
