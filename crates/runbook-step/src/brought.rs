//! Programs that only the plan's directory has. The way back has the state directory and what is installed on the host, and
//! nothing else: what it runs must not go away with a checkout.

use std::path::Path;

/// Programs whose first argument is a script.
const INTERPRETERS: &[&str] = &["sh", "bash", "dash", "ash", "ksh", "zsh", "node", "perl", "ruby"];

/// The file of the plan's directory that this command would run: its program if that is a relative path, or the script
/// of an interpreter.
pub fn brought_by_plan(argv: &[String]) -> Option<&str> {
    let (program, arguments) = argv.split_first()?;
    if program.contains('/') {
        if !program.starts_with('/') {
            return Some(program);
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
    (!script.starts_with('/')).then_some(script)
}

/// What to do about it.
pub const INSTALL_IT: &str =
    "install it on the host, outside of the plan's directory, and name it with its absolute path or by a name in PATH";

#[cfg(test)]
mod tests {
    use super::brought_by_plan;

    #[test]
    fn what_lies_beside_the_plan_is_told_from_what_is_installed() {
        let brought = |words: &[&str]| {
            let argv: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            brought_by_plan(&argv).map(str::to_owned)
        };
        for (argv, file) in [
            (&["./check.sh"][..], "./check.sh"),
            (&["scripts/check", "a"], "scripts/check"),
            (&["../check"], "../check"),
            (&["sh", "check.sh"], "check.sh"),
            (&["/usr/bin/python3", "probe.py"], "probe.py"),
        ] {
            assert_eq!(brought(argv).as_deref(), Some(file), "{argv:?}");
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
            assert_eq!(brought(argv), None, "{argv:?}");
        }
    }
}
