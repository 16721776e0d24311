//! The files that an attempt was made from, as they were when it began: whoever goes on with it needs no checkout.

use runbook_model::Retention;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The files of an attempt, and what was given beside them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Where the rollout was.
    pub rollout: PathBuf,
    /// The environment that was named beside it.
    pub env: Option<String>,
    /// The variables that were given beside it, as `NAME=VALUE`.
    pub vars: Vec<String>,
    /// How long the attempt is kept: as long as the plan that keeps its runs longest.
    pub retention: Retention,
    files: Vec<MadeFile>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct MadeFile {
    path: PathBuf,
    mode: u32,
    content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Content {
    Text(String),
    Bytes(Vec<u8>),
}

impl Made {
    /// With the files at `paths`, all absolute, as they are now; of the rollout itself `text` is the content, for it may have come from a pipe.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub fn read(rollout: PathBuf, text: &str, paths: &BTreeSet<PathBuf>) -> io::Result<Self> {
        let own = MadeFile { path: rollout.clone(), mode: 0o600, content: Content::Text(text.to_owned()) };
        let others = paths.iter().filter(|path| **path != rollout).map(|path| {
            let mode = fs::metadata(path)?.permissions().mode() & 0o777;
            let content = String::from_utf8(fs::read(path)?)
                .map_or_else(|error| Content::Bytes(error.into_bytes()), Content::Text);
            Ok(MadeFile { path: path.clone(), mode, content })
        });
        let files = std::iter::once(Ok(own)).chain(others).collect::<io::Result<_>>()?;
        Ok(Self { rollout, files, ..Self::default() })
    }

    /// Puts the files below `dir`, each where it was from there, and gives the rollout's.
    ///
    /// # Errors
    /// One of them cannot be written.
    pub fn lay_out(&self, dir: &Path) -> io::Result<PathBuf> {
        for MadeFile { path, mode, content } in &self.files {
            let place = below(dir, path);
            fs::create_dir_all(place.parent().unwrap_or(dir))?;
            let bytes = match content {
                Content::Text(text) => text.as_bytes(),
                Content::Bytes(bytes) => bytes,
            };
            fs::write(&place, bytes)?;
            fs::set_permissions(&place, fs::Permissions::from_mode(*mode | 0o600))?;
        }
        Ok(below(dir, &self.rollout))
    }
}

fn below(dir: &Path, path: &Path) -> PathBuf {
    dir.join(path.strip_prefix("/").unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::Made;
    use std::collections::BTreeSet;

    #[test]
    fn files_come_back_byte_for_byte_where_they_were() {
        let (checkout, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let [rollout, plan, program] =
            ["estate/rollout.yaml", "plan.yaml", "bin/check"].map(|name| checkout.path().join(name));
        for (path, bytes) in [(&plan, b"kind: Plan".as_slice()), (&program, b"\xff\0")] {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        let made =
            Made::read(rollout.clone(), "from a pipe", &BTreeSet::from([plan.clone(), program.clone()])).unwrap();
        let made: Made = serde_json::from_str(&serde_json::to_string(&made).unwrap()).unwrap();
        drop(checkout);
        let at = made.lay_out(dir.path()).unwrap();
        assert_eq!(std::fs::read_to_string(&at).unwrap(), "from a pipe");
        let there = |path: &std::path::Path| std::fs::read(dir.path().join(path.strip_prefix("/").unwrap())).unwrap();
        assert_eq!(
            (there(&plan).as_slice(), there(&program).as_slice()),
            (b"kind: Plan".as_slice(), b"\xff\0".as_slice())
        );
    }
}
