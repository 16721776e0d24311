//! Which word of a command is a file of the plan. Pure.

use std::path::Path;

/// Programs whose first argument is a script.
const INTERPRETERS: &[&str] = &["sh", "bash", "dash", "ash", "ksh", "zsh", "node", "perl", "ruby"];

/// The number of the word of a command that is a file of the plan's directory: its program if that is a relative path, or the script of
/// an interpreter.
pub(crate) fn script_at(argv: &[&str]) -> Option<usize> {
    let (program, arguments) = argv.split_first()?;
    if program.contains('/') {
        if !program.starts_with('/') {
            return Some(0);
        }
    } else if program.is_empty() {
        return None;
    }
    let name = Path::new(program).file_name()?.to_str()?;
    if !(INTERPRETERS.contains(&name) || name.starts_with("python")) {
        return None;
    }
    // With an option such as `-c` or `-m` what follows is no script.
    let script = arguments.first().filter(|word| !word.is_empty() && !word.starts_with('-'))?;
    (!script.starts_with('/')).then_some(1)
}

#[cfg(test)]
mod tests {
    use super::script_at;

    #[test]
    fn what_lies_beside_the_plan_is_told_from_what_is_installed() {
        for (argv, at) in [
            (&["./check.sh"][..], 0),
            (&["scripts/check", "a"], 0),
            (&["../check"], 0),
            (&["sh", "check.sh"], 1),
            (&["/usr/bin/python3", "probe.py"], 1),
        ] {
            assert_eq!(script_at(argv), Some(at), "{argv:?}");
        }
        for argv in [
            &["openclaw", "status"][..],
            &["/usr/local/bin/check"],
            &["test", "-e", "ok"],
            &["sh", "-c", "./check.sh"],
            &["node", "/srv/chat.mjs"],
            &["sh"],
            &[],
        ] {
            assert_eq!(script_at(argv), None, "{argv:?}");
        }
    }
}
