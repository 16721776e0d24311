//! The files that git knows or would take in, as text. Files that are not UTF-8 are left out: they hold no words.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

/// A list of files with their text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Repository {
    files: Vec<File>,
}

/// One file.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// Its path from the root, with `/`.
    pub(crate) path: String,
    /// What it holds.
    pub(crate) text: String,
}

impl Repository {
    /// Reads the repository that this program was built in.
    pub(crate) fn read() -> io::Result<Self> {
        let root = root();
        let paths = listed(&root)?;
        let read = |path: String| fs::read_to_string(root.join(&path)).ok().map(|text| File { path, text });
        Ok(Self { files: paths.into_iter().filter_map(read).collect() })
    }

    /// A repository of these files, each with its text.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| File { path: (*path).to_owned(), text: (*text).to_owned() };
        Self { files: files.iter().map(file).collect() }
    }

    /// How many files it has.
    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// All files.
    pub(crate) fn files(&self) -> impl Iterator<Item = &File> {
        self.files.iter()
    }

    /// Files whose name ends so.
    pub(crate) fn ending<'a>(&'a self, end: &'a str) -> impl Iterator<Item = &'a File> {
        self.files().filter(move |file| file.path.ends_with(end))
    }

    /// The text of one file; empty if it is not there.
    pub(crate) fn text(&self, path: &str) -> &str {
        self.files().find(|file| file.path == path).map_or("", |file| &file.text)
    }

    /// Whether `path` is a file, or a directory with files in it.
    pub(crate) fn has(&self, path: &str) -> bool {
        let below = format!("{path}/");
        path.is_empty() || self.files().any(|file| file.path == path || file.path.starts_with(&below))
    }
}

/// The root of the repository that this program was built in.
pub(crate) fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_path_buf()
}

/// The clone may belong to another user, as in a container; for a list of names that does not matter.
fn listed(root: &Path) -> io::Result<Vec<String>> {
    let output = Command::new("git")
        .args(["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let names = String::from_utf8_lossy(&output.stdout);
    Ok(names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}
