//! What a crashed `runbook` left: commands that run, ended before anything is probed or repeated, and files that had not
//! taken their place yet.

use runbook_host::{Notes, end_noted, remove_staged};
use runbook_journal::StateDir;
use runbook_model::RunId;
use std::fs;

/// Ends what the notes of the run say is running, or may be, and removes what was staged. What is kept of the notes is
/// which steps ran a command.
pub fn end_leftovers(dir: &StateDir, run: &RunId) {
    let path = dir.running(run);
    let Ok(bytes) = fs::read(&path) else { return };
    let text = String::from_utf8_lossy(&bytes);
    let notes = Notes::read(&text);
    end_noted(&notes);
    remove_staged(&notes, run.as_str());
    // In one rename: a crash here leaves the notes as they were, and all of this can be done again.
    let fresh = path.with_extension("new");
    if fs::write(&fresh, notes.commands()).is_ok() {
        let _ = fs::rename(&fresh, &path);
    }
}

#[cfg(test)]
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command};

    fn sleeper(tag: &str) -> Child {
        Command::new("sleep").arg("1000").env("RUNBOOK_STEP", tag).process_group(0).spawn().unwrap()
    }

    fn runs(child: &mut Child) -> bool {
        child.try_wait().unwrap().is_none()
    }

    /// What a crash between the start of a command and its note leaves, beside what it must not be taken for.
    #[test]
    fn a_command_that_was_only_announced_is_ended_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::at(dir.path());
        let run = RunId::new("r1").unwrap();
        let path = state.running(&run);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let tag = |step| format!("{}/{step}", dir.path().display());
        let [mut unknown, mut ended, mut other] = [tag("a"), tag("a"), tag("b")].map(|tag| sleeper(&tag));
        let left_by_an_earlier_one = ended.id();
        let notes = format!("?{0}\n+{left_by_an_earlier_one} {0}\n-{left_by_an_earlier_one}\n?{0}\n", tag("a"));
        fs::write(&path, notes).unwrap();
        end_leftovers(&state, &run);
        unknown.wait().unwrap();
        assert!(runs(&mut ended) && runs(&mut other));
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("={}\n", tag("a")));
        for mut child in [ended, other] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}
