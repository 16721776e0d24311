//! A test that needs other surroundings starts its own program once more, for itself alone.

use std::ffi::OsString;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The program of these tests.
///
/// # Panics
///
/// Where the system does not tell.
pub fn own_program() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// The name of a test as the runner takes it: without that of the program, which is before the first separator.
pub(crate) fn in_program(test: &str) -> &str {
    test.split_once("::").unwrap().1
}

/// The words that make the program of a test pass `test` alone.
pub(crate) fn alone(test: &str) -> [&str; 3] {
    ["--exact", test, "--nocapture"]
}

/// The test `test` of this program is passed where `command` takes it.
pub(crate) fn passes(mut command: Command, test: &str) {
    let run = command.args(alone(test)).stdin(Stdio::null()).output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let printed = said(&run.stdout);
    assert!(run.status.success() && printed.contains("1 passed"), "{printed}\n{}", said(&run.stderr));
}

/// Whether this process is one that may not do everything; else the test `name` is passed by such a one.
///
/// # Panics
///
/// Where that one does not pass it.
pub fn is_ordinary_user(name: &str) -> bool {
    let dir = tempfile::tempdir().unwrap();
    if dir.path().metadata().unwrap().uid() != 0 {
        return true;
    }
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o777)).unwrap();
    // The program may lie where only root can go.
    let program = dir.path().join("tests");
    std::fs::copy(own_program(), &program).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
    command.current_dir(dir.path()).env("TMPDIR", dir.path());
    passes(command, name);
    false
}

/// What follows `word`, if this program was started as `PROGRAM WORD ARGUMENT`.
pub fn started_as(word: &str) -> Option<OsString> {
    let mut words = std::env::args_os().skip(1);
    words.next().filter(|first| first == word)?;
    words.next()
}

/// Makes this program of tests the one that supervises services, as `PROGRAM supervise SPEC`: the runner takes both words for parts
/// of names, and so passes the test `supervise`, which is then the supervisor.
#[macro_export]
macro_rules! supervisor {
    ($supervise:path) => {
        #[test]
        fn supervise() {
            if let Some(spec) = $crate::started_as("supervise") {
                $supervise(spec.as_ref());
            }
        }
    };
}
