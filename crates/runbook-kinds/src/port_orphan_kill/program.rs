//! Whether a process executes the program that a plan expects. Pure, but for following symlinks.

use runbook_host::Executed;
use runbook_launch::NODE_WITH_VALUE;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// How the names of programs begin that are given their program as an argument.
const INTERPRETERS: &[&str] =
    &["node", "bun", "deno", "python", "ruby", "perl", "php", "bash", "dash", "sh", "tsx", "java"];
/// Options whose value is the next argument, of those beside Node.
const WITH_VALUE: &[&str] = &["-W", "-X", "-I"];
/// What some of them want before the program.
const VERBS: &[&str] = &["run"];

/// Whether `executed` is the program `expect`: a path, or the last part of one. It may be
/// * the program file, also if it was replaced or removed since;
/// * the script that an interpreter was given;
/// * the title that the program of an interpreter gave itself, which takes the place of all its arguments.
///
/// `follow` gives a path with every symlink followed; `None` if nothing is there.
pub(super) fn is(expect: &str, executed: &Executed, follow: &dyn Fn(&Path) -> Option<PathBuf>) -> bool {
    let expect = Path::new(expect);
    let matches = |path: &Path| {
        let followed = follow(path);
        let paths = [Some(path), followed.as_deref()];
        match expect.components().count() {
            1 => paths.into_iter().flatten().any(|path| path.file_name() == Some(expect.as_os_str())),
            _ => {
                let meant = follow(expect);
                let is = |path: &Path| path == expect || Some(path) == meant.as_deref();
                paths.into_iter().flatten().any(is)
            }
        }
    };
    let Some(exe) = executed.exe.as_deref() else { return false };
    if matches(exe) {
        return true;
    }
    if !exe.file_name().is_some_and(interprets) {
        return false;
    }
    match title(executed) {
        Some(title) => OsStr::new(title) == expect.as_os_str(),
        None => script(executed).is_some_and(|script| matches(&script)),
    }
}

fn interprets(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    INTERPRETERS.iter().any(|begin| {
        // `python3.11` and `nodejs` are, `shutdown` is not.
        let rest = name.strip_prefix(begin).unwrap_or("x");
        rest.chars().all(|c| c.is_ascii_digit() || c == '.') || rest == "js"
    })
}

/// The first word of a title: it is written over the arguments, and what it does not fill is left empty.
fn title(executed: &Executed) -> Option<&str> {
    let (first, rest) = executed.argv.split_first()?;
    let title = first.split_whitespace().next()?;
    let exe = executed.exe.as_deref().and_then(Path::file_name);
    let is_exe = Path::new(title).file_name() == exe;
    (rest.iter().all(String::is_empty) && !is_exe).then(|| title.trim_end_matches(':'))
}

/// The first argument that is neither an option nor the value of one.
fn script(executed: &Executed) -> Option<PathBuf> {
    let mut arguments = executed.argv.iter().skip(1);
    loop {
        let argument = arguments.next()?;
        if NODE_WITH_VALUE.contains(&argument.as_str()) || WITH_VALUE.contains(&argument.as_str()) {
            arguments.next()?;
        } else if !argument.starts_with('-') && !VERBS.contains(&argument.as_str()) {
            return Some(executed.cwd.as_deref().unwrap_or(Path::new("/")).join(argument));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expects(expect: &str, exe: &str, argv: &[&str]) -> bool {
        let argv = argv.iter().map(|arg| (*arg).to_owned()).collect();
        let executed = Executed { exe: Some(exe.into()), argv, cwd: Some("/opt/gw".into()), ..Executed::default() };
        let follow = |path: &Path| match path.to_str() {
            Some("/usr/local/bin/openclaw") => Some("/usr/local/lib/node_modules/openclaw/openclaw.mjs".into()),
            Some("/usr/bin/python3") => Some("/usr/bin/python3.11".into()),
            _ => None,
        };
        is(expect, &executed, &follow)
    }

    #[test]
    fn a_program_is_known_by_its_file_its_script_or_its_title() {
        let node = "/usr/local/bin/node";
        let openclaw = ["node", "/usr/local/bin/openclaw", "gateway", "run"];
        for expect in [
            "node",
            node,
            "openclaw",
            "openclaw.mjs",
            "/usr/local/bin/openclaw",
            "/usr/local/lib/node_modules/openclaw/openclaw.mjs",
        ] {
            assert!(expects(expect, node, &openclaw), "{expect}");
        }
        for expect in ["gateway", "run", "bin/openclaw", "/usr/bin/openclaw", "openclaw-gateway", ""] {
            assert!(!expects(expect, node, &openclaw), "{expect}");
        }
        assert!(expects("index.js", node, &["node", "--require", "hook.js", "--inspect", "index.js", "x"]));
        assert!(!expects("hook.js", node, &["node", "--require", "hook.js", "index.js"]));
        assert!(expects("/opt/gw/index.js", node, &["node", "index.js"]));
        assert!(expects("/usr/bin/python3", "/usr/bin/python3.11", &["python3", "/srv/a.py"]));
        assert!(expects("openclaw-gateway", node, &["openclaw-gateway", "", "", ""]));
        assert!(expects("openclaw-gateway", node, &["openclaw-gateway: worker", ""]));
        assert!(!expects("openclaw", node, &["openclaw-gateway", "", ""]));
    }

    #[test]
    fn an_argument_of_a_program_is_not_its_name() {
        assert!(!expects("gateway", "/usr/bin/socat", &["socat", "gateway"]));
        assert!(!expects("gateway", "/usr/bin/socat", &["gateway"]));
        assert!(!expects("gateway", "/usr/bin/shutdown", &["shutdown", "gateway"]));
        assert!(!is("gateway", &Executed { argv: vec!["gateway".into()], ..Executed::default() }, &|_| None));
    }
}
