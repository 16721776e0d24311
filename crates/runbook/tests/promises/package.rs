//! What the real package showed: evidence that is whole, variables that are complete, files that keep their owner.

use crate::bench::Bench;

#[test]
fn an_environment_to_start_from_has_the_variables_without_a_value() {
    let bench = Bench::new();
    let plan = bench.plan(
        "vars",
        "vars:\n  target: { type: version }\n  port: { type: int, default: 1 }\n  token: { type: secret, from: { env: TOKEN } }\n\
         steps:\n  - id: a\n    uses: file.write\n    with: { path: HOST/a, content: \"{{ vars.target }} {{ vars.port }}\" }\n",
    );
    let said = bench.run(&["vars", &plan, "--as-environment"]);
    assert!(said.out.contains("port: 1\n"), "{said:#?}");
    assert!(said.out.contains("  # target:   # version, has no value yet\n"), "{said:#?}");
    assert!(said.out.contains("# token is a secret"), "{said:#?}");
}

#[test]
fn the_file_of_an_archive_and_its_digest_are_told() {
    let bench = Bench::new();
    bench.write("host/app/main.js", "1");
    let plan = bench.plan("pack", "steps:\n  - id: pack\n    uses: backup.create\n    with: { paths: [HOST/app] }\n");
    bench.expect(0, &["apply", &plan, "--yes"]);
    let listed = bench.expect(0, &["backup", "list", "--format", "json"]).json();
    let (dir, archive) = (listed[0]["dir"].as_str().unwrap(), &listed[0]["archives"][0]);
    let file = std::path::Path::new(dir).join(archive["file"].as_str().unwrap());
    // Deployed as the page of the playbooks says: the whole path is in it.
    let strip = bench.host("app").components().count() - 1;
    let steps = format!(
        "steps:\n  - id: backup\n    uses: backup.create\n    with: {{ paths: [HOST/other] }}\n  - id: deploy\n    uses: artifact.deploy\n    \
         with: {{ from: \"{}\", digest: {}, to: HOST/other, strip: {strip} }}\n",
        file.display(),
        archive["blake3"]
    );
    // What decides is what the log says; here it is a file that says nothing wrong.
    bench.write("host/app.log", "");
    let verify = "  - id: verify\n    uses: verify.signals\n    with:\n      log: HOST/app.log\n      watch: 100ms\n      signals:\n        \
                  works: { command: [test, -e, HOST/other/main.js], kind: functional }\n        \
                  bad: { log_absent: error, kind: negative }\n";
    let deploy = bench.plan("deploy", &(steps + verify));
    bench.expect(0, &["apply", &deploy, "--yes"]);
    assert_eq!(std::fs::read_to_string(bench.host("other/main.js")).unwrap(), "1");
}

#[test]
fn what_is_red_before_any_change_is_told_before_the_question() {
    let bench = Bench::new();
    let verify = "  - id: verify\n    uses: verify.signals\n    with:\n      within: 1s\n      signals:\n        \
                  answers: { port: 1 }\n        there: { command: [test, -e, HOST], acts: false, kind: functional }\n";
    let write = "steps:\n  - id: a\n    uses: file.write\n    with: { path: HOST/a, content: x }\n";
    let plan = bench.plan("red", &format!("{write}{verify}"));
    for args in [&["apply", &plan, "--dry-run"][..], &["plan", &plan][..]] {
        bench.expect(0, args).says(&["already red: `answers`"]).never_says(&["already red: `there`"]);
    }
    let tried = bench.plan("acts", &format!("{write}{}", verify.replace("acts: false, ", "")));
    bench.expect(0, &["plan", &tried]).says(&["tried once before the first change"]);
}

/// A copy beside the file of a user is that user's; a copy into the system is root's, whoever owns the source.
#[test]
fn a_copy_belongs_to_whom_its_directory_and_its_source_belong() {
    use std::os::unix::fs::{MetadataExt, chown};
    if !rustix::process::geteuid().is_root() {
        test_rules::skip("only root gives files to others");
        return;
    }
    let bench = Bench::new();
    bench.write("host/home/session.jsonl", "{}");
    bench.write("host/etc/keep", "");
    for of_user in ["home", "home/session.jsonl"] {
        chown(bench.host(of_user), Some(65534), Some(65534)).unwrap();
    }
    let copy = |id: &str, to: &str| {
        format!("  - id: {id}\n    uses: file.copy\n    with: {{ from: HOST/home/session.jsonl, path: HOST/{to} }}\n")
    };
    let plan = bench.plan(
        "copy",
        &format!("steps:\n{}{}", copy("beside", "home/session.jsonl.aside"), copy("into", "etc/session")),
    );
    bench.expect(0, &["apply", &plan, "--yes"]);
    let owner = |name: &str| bench.host(name).metadata().unwrap().uid();
    assert_eq!([owner("home/session.jsonl.aside"), owner("etc/session")], [65534, 0]);
}
