//! What is told of a run: who reads it late at night must be able to take it word for word.

use crate::bench::{Bench, file};

#[test]
fn a_capture_that_fails_is_told_wherever_the_run_is() {
    let bench = Bench::new(&format!(
        "  - id: backup\n    uses: backup.create\n    with:\n      paths: [./kept]\n      \
         capture: {{ plugins: [sh, -c, exit 7], absent: [no-such-program-anywhere] }}\n{}",
        file("a", "backup")
    ));
    bench.write("kept", "precious");
    let told = "the capture `plugins` ended with exit code 7";
    bench.apply().ends(0).says(told).says("capture `absent` failed: ");
    bench.run(&["show"]).ends(0).says(told);
    bench.run(&["report"]).ends(0).says(told);
}

#[test]
fn a_step_whose_change_is_there_already_serves_nothing_and_says_so() {
    let bench =
        Bench::new(&(file("a", "") + &file("b", "") + &file("c", "").replace("with:", "if: \"false\"\n    with:")));
    bench.write("a.txt", "a");
    let as_wanted = format!("a   {} is as wanted", bench.path("a.txt").display());
    bench.apply().ends(0).says(&as_wanted).says("c   its condition is false");
}

#[test]
fn what_a_step_kept_itself_is_not_called_a_backup() {
    let bench = Bench::new(&file("a", ""));
    bench.write("a.txt", "before");
    bench.apply().ends(0);
    let back = bench.run(&["rollback", "--yes"]).ends(0).says("put back from what the step had kept of it, 1 entry");
    assert!(!back.out.contains("the backup"), "{}", back.out);
    assert_eq!(bench.read("a.txt").unwrap(), "before");
}

#[test]
fn one_step_is_one_step() {
    let bench = Bench::new(&file("a", ""));
    bench.apply().ends(0);
    bench.apply().ends(0).says("(1 step read, ");
}

#[test]
fn a_restore_that_replaced_nothing_names_no_place() {
    let bench = Bench::new(&format!(
        "  - id: backup\n    uses: backup.create\n    with: {{ paths: [./kept] }}\n{}",
        file("a", "backup")
    ));
    bench.write("kept", "precious");
    bench.apply().ends(0);
    let backup = format!("{}-backup", bench.latest());
    let restore = |format| bench.run(&["backup", "restore", &backup, "--yes", "--format", format]).ends(0);
    let same = restore("text").says("was as in the backup");
    assert!(!same.err.contains("what was there before"), "{}", same.err);
    assert!(restore("json").out.contains("\"aside\": null"));
    bench.write("kept", "spoilt");
    let other = restore("text").says("put back");
    let aside = other.err.split("what was there before is in ").nth(1).unwrap().trim().to_owned();
    assert!(std::fs::read_dir(aside).unwrap().count() > 0);
}
