//! The bundle: the files that a plan brings, addressed by content. Pure; where the contents are is in `plan_files.rs`, and what a
//! plan names is in `brought.rs`.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The files that a plan brings, as they are saved with a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// Files beside the plan, by the path that the plan writes.
    #[serde(default)]
    pub files: BTreeMap<String, Brought>,
    /// Relative paths that a step of the plan writes: they are files of the host.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub made: BTreeSet<String>,
    /// The programs of external kinds, by the name of the kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub programs: BTreeMap<String, Brought>,
}

/// One file of a bundle, without its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brought {
    digest: String,
    size: u64,
    mode: u32,
}

impl Brought {
    /// A file with this content and these permission bits; setuid, setgid and sticky are not kept.
    pub fn of(content: &[u8], mode: u32) -> Self {
        Self { digest: digest_of(content), size: content.len() as u64, mode: mode & 0o777 }
    }

    /// BLAKE3 of its content, in hex.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The size of its content in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Its permission bits.
    pub fn mode(&self) -> u32 {
        self.mode
    }

    /// Whether its owner may execute it.
    pub fn is_executable(&self) -> bool {
        self.mode & 0o100 != 0
    }

    /// Where the content of the file that is called `name` lies below `dir`. The name stays, for programs go by its ending.
    pub fn place(&self, dir: &Path, name: &str) -> PathBuf {
        dir.join(&self.digest).join(Path::new(name).file_name().unwrap_or(OsStr::new("file")))
    }
}

impl Bundle {
    /// Every file with its name, the programs of external kinds by the name of the kind.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Brought)> {
        self.files.iter().chain(&self.programs).map(|(name, file)| (name.as_str(), file))
    }

    /// The digest of a plan that brings this, in hex, from the digest of the plan's own text. Of a file its path, its content
    /// and whether it is executable count: other bits differ between checkouts.
    pub fn digest(&self, plan: &str) -> String {
        if self.all().next().is_none() {
            return plan.to_owned();
        }
        let mut hasher = blake3::Hasher::new();
        let mut feed = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        feed(plan);
        for part in [&self.files, &self.programs] {
            feed(&part.len().to_string());
            for (name, file) in part {
                [name.as_str(), file.digest(), if file.is_executable() { "x" } else { "" }]
                    .into_iter()
                    .for_each(&mut feed);
            }
        }
        hasher.finalize().to_hex().to_string()
    }
}

/// BLAKE3 in hex.
pub(crate) fn digest_of(content: &[u8]) -> String {
    blake3::hash(content).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::{Brought, Bundle};

    fn with(files: &[(&str, &[u8], u32)]) -> String {
        let files = files.iter().map(|(name, content, mode)| ((*name).to_owned(), Brought::of(content, *mode)));
        Bundle { files: files.collect(), ..Bundle::default() }.digest("plan")
    }

    #[test]
    fn the_digest_goes_by_path_content_and_the_executable_bit() {
        assert_eq!(with(&[]), "plan");
        let one = with(&[("a", b"text", 0o644)]);
        assert_eq!(one, with(&[("a", b"text", 0o600)]), "the umask of a checkout");
        for other in [
            with(&[("b", b"text", 0o644)]),
            with(&[("a", b"Text", 0o644)]),
            with(&[("a", b"text", 0o755)]),
            with(&[("a", b"text", 0o644), ("b", b"text", 0o644)]),
        ] {
            assert_ne!(one, other);
        }
    }

    /// What lies in it as a file and what lies in it as a program are two things.
    #[test]
    fn a_program_is_told_from_a_file() {
        let part = || [("a".to_owned(), Brought::of(b"text", 0o755))].into();
        let file = Bundle { files: part(), ..Bundle::default() };
        let program = Bundle { programs: part(), ..Bundle::default() };
        assert_ne!(file.digest("plan"), program.digest("plan"));
    }

    #[test]
    fn the_name_of_a_file_stays() {
        let file = Brought::of(b"", 0o644);
        let place = file.place("/run".as_ref(), "../bin/chat.mjs");
        assert!(place.starts_with("/run") && place.ends_with(format!("{}/chat.mjs", file.digest())), "{place:?}");
    }
}
