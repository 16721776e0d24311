//! A file system on which an exchange of two names changes the times of what is exchanged, as no other does: a restore has the
//! last word about them, and a second one finds nothing to do.

use crate::bench::{Bench, RUNBOOK, said};

#[test]
fn a_restore_on_xfs_comes_to_an_end() {
    if !rustix::process::geteuid().is_root() {
        test_rules::skip("mounting a small disk needs root");
        return;
    }
    let bench = Bench::new();
    let plan = bench.plan(
        "xfs",
        "steps:\n  - { id: backup, uses: backup.create, with: { paths: [HOST/app] } }\n  - id: change\n    uses: command.run\n    needs: [backup]\n    with:\n      \
         run: [sh, -c, \"echo 2 > HOST/app/V; touch HOST/app/bin/new\"]\n      effects: { writes: [{ path: HOST/app }] }\n  \
         - { id: z, uses: command.run, needs: [change], with: { run: [\"false\"], undo: { run: [\"true\"] } } }\n",
    );
    let host = bench.path("host").display().to_string();
    let script = format!(
        "truncate -s 320M disk; mkfs.xfs -q disk; mount -o loop disk {host}; mkdir -p {host}/app/bin; echo 1 > {host}/app/V; \
         touch -d 2020-01-01 {host}/app/V {host}/app/bin {host}/app; \
         look() {{ stat -c '%n %y' {host}/app {host}/app/V {host}/app/bin; }}; look > before; \
         rc=0; $RUNBOOK apply {plan} --yes || rc=$?; echo \"apply $rc\"; look > after; cmp before after && echo same; \
         backup=$($RUNBOOK backup list --format ndjson | sed -n 's/.*\"backup\":\"\\([^\"]*\\)\".*/\\1/p'); \
         echo 3 > {host}/app/V; $RUNBOOK backup restore $backup {host}/app --yes; look > after; cmp before after && echo same; \
         $RUNBOOK backup restore $backup {host}/app --yes"
    );
    let mut command = bench.command_of("unshare", &["--mount", "sh", "-euc", &script]);
    command.env("RUNBOOK", RUNBOOK);
    let told = said(command);
    if told.err.contains("loop device") || told.err.contains("unknown filesystem") {
        test_rules::skip("no loop devices, or a kernel without XFS");
        return;
    }
    let told = told.expect(0).says(&["apply 3"]);
    assert_eq!(told.out.matches("same\n").count(), 2, "{told:#?}");
    let last = told
        .out
        .lines()
        .chain(told.err.lines())
        .rfind(|line| line.contains("identical") || line.contains("as in the backup"));
    assert!(last.is_some(), "{told:#?}");
}
