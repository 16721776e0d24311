//! A host that loses its power while a run changes it.

use crate::stage::{install_runbook, print};
use std::time::Duration;
use test_hosts::Lab;

const PLAN: &str = r#"
kind: Plan
version: 1
name: two-files
summary: The second step never ends by itself.
steps:
  - id: first
    uses: file.write
    with: { path: /etc/first, content: "changed\n" }
  - id: second
    needs: [first]
    uses: command.run
    with:
      run: [sleep, infinity]
      effects: { writes: [{ path: /etc/second }] }
      undo: { run: [rm, -f, /etc/second] }
"#;

#[test]
fn a_run_that_lost_its_power_is_rolled_back() {
    let Some(lab) = Lab::for_test() else { return };
    let mut host = lab.boot("power").unwrap();
    install_runbook(&host);
    host.write("/etc/first", "as it was\n").unwrap();
    host.write("/srv/plan.yaml", PLAN).unwrap();

    let mut run = host.command(["runbook", "apply", "/srv/plan.yaml", "--yes"]).unwrap().spawn().unwrap();
    host.wait_for("pgrep -x sleep", Duration::from_secs(30)).unwrap();
    assert_eq!(host.read("/etc/first").unwrap(), "changed\n");
    host.power_off_hard().unwrap();
    assert!(!run.wait().unwrap().success());

    host.boot_again().unwrap();
    assert!(host.run(["runbook", "status"]).unwrap().stdout.contains("two-files"));
    print(host.run(["runbook", "rollback", "--yes"]));
    assert_eq!(host.read("/etc/first").unwrap(), "as it was\n");
}
