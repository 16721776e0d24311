//! What is saved with a run is enough to go on with it or to take it back.

use crate::bench::{Bench, Said, said};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// An external kind that makes a file. Once `moved` is there it does not say any more what it is.
const MARK: &str = r#"#!/bin/sh
read -r call
case "$1" in
  capabilities) test ! -e HOST/moved || exit 9
     echo '{"protocol":1,"name":"mark","summary":"Makes a file","purpose":"principal","undo":"own","probe":"read-only","effects":{"writes":[{"path":"HOST/mark"}]}}' ;;
  probe) test -e HOST/mark && said=no-change || said=change; echo "{\"prediction\":\"$said\",\"summary\":\"a mark\"}" ;;
  prepare) echo '{"undo":{}}' ;;
  apply) touch HOST/mark; echo '{"summary":"marked"}' ;;
  confirm) test -e HOST/mark && said=there || said=not-there; echo "{\"state\":\"$said\",\"summary\":\"no mark\"}" ;;
  undo) rm -f HOST/mark; echo '{"summary":"no mark any more"}' ;;
esac
"#;

const PLAN: &str = "steps:\n  - { id: a, uses: file.write, with: { path: HOST/a, content: a } }\n  \
                    - { id: m, uses: mark, needs: [a] }\n  \
                    - { id: z, uses: file.write, needs: [m], with: { path: HOST/z, content: z } }\n";

fn run(bench: &Bench, args: &[&str], fault: &str) -> Said {
    let mut command = bench.command(args);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", bench.path("bin").display())).env("RUNBOOK_FAULT", fault);
    said(command)
}

/// A bench with the external kind, whose capabilities have `more` in them, and its plan.
fn marking(more: &str) -> (Bench, String) {
    let bench = Bench::new();
    bench.write("host/kept", "");
    let host = bench.path("host").display().to_string();
    let script = MARK.replace("HOST", &host).replace(r#""probe""#, &format!(r#"{more}"probe""#));
    let program = bench.write("bin/runbook-step-mark", script);
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    let plan = bench.plan("plan", PLAN);
    (bench, plan)
}

#[test]
fn a_report_asks_for_the_roles_of_an_external_kind() {
    for (more, wanted) in [
        (r#""roles":["install"],"#, "| checked | The update was installed | `m`: marked"),
        ("", "| not applicable | The update was installed |"),
    ] {
        let (bench, plan) = marking(more);
        run(&bench, &["apply", &plan, "--yes"], "").expect(0);
        let report = run(&bench, &["report"], "").expect(0);
        assert!(report.out.contains(wanted), "{}", report.out);
    }
}

#[test]
fn an_external_kind_is_not_asked_again_what_it_is() {
    for (way, there) in [("resume", true), ("rollback", false)] {
        // At these records `mark` has not begun, is about to act, and is over.
        for killed in [7, 9, 12] {
            let (bench, plan) = marking("");
            let begun = run(&bench, &["apply", &plan, "--yes"], &format!("kill-after={killed}"));
            assert_eq!(begun.code, None, "{begun:#?}");
            fs::remove_file(&plan).unwrap();
            bench.write("host/moved", "");
            run(&bench, &[way, "--yes"], "").expect(0);
            let found = ["a", "mark", "z"].map(|name| bench.host(name).exists());
            assert_eq!(found, [there; 3], "{way} after record {killed}");
        }
    }
}

/// The program that is installed is run as long as it is what was judged, for it may need what lies beside it; else the copy is.
#[test]
fn the_program_of_an_external_kind_is_kept_with_the_run() {
    for (way, there) in [("resume", true), ("rollback", false)] {
        for upgraded in [Some("#!/bin/sh\nexit 9\n"), None] {
            let bench = Bench::new();
            let host = bench.path("host").display().to_string();
            let program = bench.write("bin/runbook-step-mark", MARK.replace("HOST", &host));
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
            let plan = bench.plan("plan", PLAN);
            let begun = run(&bench, &["apply", &plan, "--yes"], "kill-after=9");
            assert_eq!(begun.code, None, "{begun:#?}");
            match upgraded {
                Some(other) => fs::write(&program, other).unwrap(),
                None => fs::remove_file(&program).unwrap(),
            }
            run(&bench, &[way, "--yes"], "").expect(0);
            let found = ["a", "mark", "z"].map(|name| bench.host(name).exists());
            assert_eq!(found, [there; 3], "{way}, upgraded to {upgraded:?}");
        }
    }
}
