//! What these tests share: hosts that have this `runbook`, plans on them, and what it says.

use crate::ways::runbook;
use std::cell::Cell;
use test_hosts::{Host, Output};

/// Puts the program that these tests were built with where a shell on the host finds it.
pub(crate) fn install_runbook(host: &Host) {
    host.copy_in(env!("CARGO_BIN_EXE_runbook"), "/usr/local/bin/runbook", 0o755).unwrap();
}

/// What a command that must succeed printed.
pub(crate) fn print(output: test_hosts::Result<Output>) -> String {
    output.unwrap().ok().unwrap()
}

/// Puts a plan with these steps where [`apply`] looks.
pub(crate) fn plan(host: &Host, steps: &str) {
    let text = format!("kind: Plan\nversion: 1\nname: test\nsummary: A plan of a test.\nsteps:\n{steps}");
    host.write("/srv/plan.yaml", &text).unwrap();
}

/// Applies the plan that was put there, as root.
pub(crate) fn apply(host: &Host) -> Output {
    runbook(host, &["apply", "/srv/plan.yaml", "--yes"])
}

/// Applies a plan with these steps.
pub(crate) fn apply_steps(host: &Host, steps: &str) -> Output {
    plan(host, steps);
    apply(host)
}

/// Applies a change, and after it the step `id` of that kind. The change is another one each time: a step that is no reason to
/// run a plan needs one that is.
pub(crate) fn change_and(host: &Host, id: &str, uses: &str, with: &str) -> Output {
    thread_local! { static SERIAL: Cell<u32> = const { Cell::new(0) } }
    let serial = SERIAL.replace(SERIAL.get() + 1);
    apply_steps(
        host,
        &format!(
            "  - {{ id: change, uses: file.write, with: {{ path: /etc/change.conf, content: n{serial} }} }}\n  \
             - {{ id: {id}, needs: [change], uses: {uses}, with: {{ {with} }} }}\n"
        ),
    )
}

/// Asserts the exit code, and that everything of `said` was printed.
pub(crate) fn assert_said(output: &Output, code: i32, said: &[&str]) {
    assert_told(output.code, &format!("{}{}", output.stdout, output.stderr), code, said);
}

/// The same for a program that ended with the code `ended` and printed `printed`.
pub(crate) fn assert_told(ended: i32, printed: &str, code: i32, said: &[&str]) {
    // Lines are broken where the terminal ends, also inside a long name, with the time that a step took beside the first.
    let is_time = |word: &&str| word.strip_suffix('s').is_some_and(|number| number.parse::<f64>().is_ok());
    let words = |text: &str| text.split_whitespace().filter(|word| !is_time(word)).collect::<String>();
    assert_eq!(ended, code, "{printed}");
    for part in said {
        assert!(words(printed).contains(&words(part)), "`{part}` was not said:\n{printed}");
    }
}
