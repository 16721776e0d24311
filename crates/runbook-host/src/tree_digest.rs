//! What a whole directory tree holds, as one digest.

use crate::Reader;
use runbook_model::Failure;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

impl Reader {
    /// A BLAKE3 digest in hex over the names, types, executable bits, link targets and contents below `root`, times and
    /// owners aside; `None` if nothing is there. Entries for which `skip` is true, by their path below `root`, are left
    /// out with all below them. Two equal trees have equal digests on every host.
    pub fn tree_digest(&self, root: &Path, skip: &dyn Fn(&Path) -> bool) -> Result<Option<String>, Failure> {
        if self.lstat(root)?.is_none() {
            return Ok(None);
        }
        let mut hasher = blake3::Hasher::new();
        self.hash_entry(root, Path::new(""), skip, &mut hasher)?;
        Ok(Some(hasher.finalize().to_hex().to_string()))
    }

    fn hash_entry(
        &self,
        root: &Path,
        below: &Path,
        skip: &dyn Fn(&Path) -> bool,
        hasher: &mut blake3::Hasher,
    ) -> Result<(), Failure> {
        let path = root.join(below);
        let Some(found) = self.lstat(&path)? else { return Ok(()) };
        let mut field = |bytes: &[u8]| {
            // The length first, so that no two sequences of fields run together to the same bytes.
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        field(below.as_os_str().as_bytes());
        if found.is_dir() {
            field(b"directory");
            for name in self.list(&path)?.unwrap_or_default() {
                let next = below.join(name);
                if !skip(&next) {
                    self.hash_entry(root, &next, skip, hasher)?;
                }
            }
        } else if let Some(target) = self.read_link(&path)? {
            field(b"link");
            field(target.as_os_str().as_bytes());
        } else if found.is_file() {
            field(if found.permissions().mode() & 0o100 == 0 { b"file" } else { b"program" });
            field(self.digest(&path)?.unwrap_or_default().as_bytes());
        } else {
            field(b"special");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_digest_sees_names_contents_modes_and_links_but_not_what_is_skipped() {
        let dir = tempfile::tempdir().unwrap();
        let host = Reader::new(dir.path(), dir.path());
        let root = dir.path().join("tree");
        let digest = || host.tree_digest(&root, &|path| path.ends_with(".cache")).unwrap();
        assert_eq!(digest(), None);
        fs::create_dir_all(root.join("a")).unwrap();
        fs::write(root.join("a/f"), "1").unwrap();
        let first = digest();
        fs::create_dir(root.join(".cache")).unwrap();
        fs::write(root.join(".cache/x"), "1").unwrap();
        assert_eq!(digest(), first, "a skipped directory does not count");
        let changes: [&dyn Fn(); 4] = [
            &|| fs::write(root.join("a/f"), "2").unwrap(),
            &|| fs::set_permissions(root.join("a/f"), fs::Permissions::from_mode(0o755)).unwrap(),
            &|| fs::rename(root.join("a/f"), root.join("a/g")).unwrap(),
            &|| std::os::unix::fs::symlink("a/g", root.join("l")).unwrap(),
        ];
        let mut seen = vec![first];
        for change in changes {
            change();
            assert!(!seen.contains(&digest()), "every change changes the digest");
            seen.push(digest());
        }
    }
}
