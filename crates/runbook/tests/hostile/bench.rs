//! A small host in a scratch directory, and the real binary on it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The binary.
pub(crate) const RUNBOOK: &str = env!("CARGO_BIN_EXE_runbook");

/// `host/` is what plans change; `state/` is the state directory; plans lie beside them.
pub(crate) struct Bench {
    dir: tempfile::TempDir,
}

/// What the binary said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        // Another user has to be able to come here.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(dir.path().join("host")).unwrap();
        Self { dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn host(&self, name: &str) -> PathBuf {
        self.path("host").join(name)
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// Writes a file and the directories above it; returns its path as text.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Writes a plan; `rest` begins with `vars:` or `steps:`, and `HOST` stands for the host's directory.
    pub(crate) fn plan(&self, name: &str, rest: &str) -> String {
        let rest = rest.replace("HOST", self.path("host").to_str().unwrap());
        self.write(&format!("{name}.yaml"), format!("kind: Plan\nversion: 1\nname: {name}\n{rest}"))
    }

    /// The binary with a clean environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.command_of(RUNBOOK, args)
    }

    /// Another program in the same environment.
    pub(crate) fn command_of(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("RUNBOOK_STATE_DIR", self.state())
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Said {
        said(self.command(args))
    }

    /// Runs, and fails the test if the exit code is another.
    pub(crate) fn expect(&self, code: i32, args: &[&str]) -> Said {
        self.run(args).expect(code)
    }

    /// A run that was killed after its `record`-th record: open, with what SQLite leaves behind.
    pub(crate) fn kill_at(&self, plan: &str, record: u32) {
        let mut command = self.command(&["apply", plan, "--yes"]);
        let output = command.env("RUNBOOK_FAULT", format!("kill-after={record}")).output().unwrap();
        assert_eq!(output.status.signal(), Some(9), "{output:?}");
    }

    /// Everything that can be told about the files below `name`, but for the times of directories: what is staged beside
    /// a file and removed again shows there.
    pub(crate) fn picture(&self, name: &str) -> BTreeMap<PathBuf, String> {
        let mut found = BTreeMap::new();
        look(&self.path(name), &mut found);
        found
    }
}

fn look(path: &Path, found: &mut BTreeMap<PathBuf, String>) {
    let Ok(meta) = fs::symlink_metadata(path) else { return };
    let content = if meta.is_file() {
        String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()
    } else if meta.is_symlink() {
        fs::read_link(path).unwrap().display().to_string()
    } else {
        String::new()
    };
    let time = if meta.is_dir() { (0, 0) } else { (meta.mtime(), meta.mtime_nsec()) };
    let facts = (meta.mode(), meta.uid(), time, meta.ino());
    found.insert(path.to_owned(), format!("{facts:?} {content}"));
    if meta.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| look(&entry.unwrap().path(), found));
    }
}

/// Runs `command` to its end.
pub(crate) fn said(mut command: Command) -> Said {
    Said::from(command.output().unwrap())
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).expect("standard output is UTF-8"),
            err: String::from_utf8(output.stderr).expect("standard error is UTF-8"),
        }
    }
}

impl Said {
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        assert!(!self.err.contains("panicked"), "{self:#?}");
        self
    }

    /// Each of `words` stands somewhere in what was said.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.out.contains(word) || self.err.contains(word), "`{word}` is missing in {self:#?}");
        }
        self
    }

    #[track_caller]
    pub(crate) fn never_says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(!self.out.contains(word) && !self.err.contains(word), "`{word}` stands in {self:#?}");
        }
        self
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// Two files, the second made from the first.
pub(crate) const SIMPLE: &str = "\
steps:
  - id: write
    uses: file.write
    with: { path: HOST/a.txt, content: \"hello\\n\" }
  - id: copy
    uses: file.copy
    with: { from: HOST/a.txt, path: HOST/b.txt }
";
