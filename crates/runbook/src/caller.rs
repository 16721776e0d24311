//! How the commands are typed that go on from here.

use runbook_model::Caller;
use runbook_session::{state_dir, unnamed_state_dir};
use std::env;
use std::path::{Path, PathBuf};

/// How a command is typed that is to find the same state directory.
pub(crate) fn caller(given: Option<&Path>) -> Caller {
    let dir = state_dir(given);
    let variable = env::var_os("RUNBOOK_STATE_DIR").map(PathBuf::from);
    // sudo hands no variables on: the next command has only those that are typed with it.
    let persists = env::var_os("SUDO_UID").is_none();
    if is_found(dir.path(), variable.as_deref(), persists, &unnamed_state_dir()) {
        Caller::default()
    } else {
        Caller::naming(dir.path())
    }
}

/// Whether the next command finds `dir` unnamed: by the variable, if it is there for that one too and does not depend on
/// where it is typed, or because it is the one that is meant without it.
fn is_found(dir: &Path, variable: Option<&Path>, persists: bool, unnamed: &Path) -> bool {
    match variable {
        Some(variable) => dir == variable && variable.is_absolute() && (persists || dir == unnamed),
        None => dir == unnamed,
    }
}

#[cfg(test)]
mod tests {
    use super::is_found;
    use std::path::Path;

    #[test]
    fn a_directory_is_named_unless_the_next_command_finds_it() {
        let (dir, other, unnamed) = (Path::new("/srv/state"), Path::new("/other"), Path::new("/var/lib/runbook"));
        for (variable, persists, at, found) in [
            (None, true, dir, false),
            (None, true, unnamed, true),
            (None, false, unnamed, true),
            (Some(dir), true, dir, true),
            (Some(dir), false, dir, false),
            (Some(other), true, dir, false),
            (Some(other), true, unnamed, false),
            (Some(unnamed), false, unnamed, true),
            (Some(Path::new("state")), true, dir, false),
        ] {
            assert_eq!(is_found(at, variable, persists, unnamed), found, "{variable:?} {persists} {at:?}");
        }
    }
}
