//! What a whole directory tree holds, as one digest.

use crate::Reader;
use runbook_model::Failure;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
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

    /// A BLAKE3 digest in hex over what `stat` says of everything below `root`: names, inodes, modes, owners, sizes, times of
    /// change. It changes with every change of the tree, and reads no file. `None` if nothing is there.
    ///
    /// Of `root` itself only the inode and the mode count: moving it changes its times.
    pub fn tree_marks(&self, root: &Path) -> Result<Option<String>, Failure> {
        let Some(top) = self.lstat(root)? else { return Ok(None) };
        let mut hasher = blake3::Hasher::new();
        hasher.update(&[top.dev(), top.ino(), top.mode().into()].map(u64::to_le_bytes).concat());
        let mut left = vec![root.to_path_buf()];
        while let Some(dir) = left.pop() {
            for name in self.list(&dir)?.unwrap_or_default() {
                let path = dir.join(&name);
                let Some(found) = self.lstat(&path)? else { continue };
                let marks = [found.ino(), found.mode().into(), found.uid().into(), found.gid().into(), found.size()];
                let times = [found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec()];
                hasher.update(&(name.len() as u64).to_le_bytes());
                hasher.update(name.as_bytes());
                hasher.update(&marks.map(u64::to_le_bytes).concat());
                hasher.update(&times.map(i64::to_le_bytes).concat());
                if found.is_dir() {
                    left.push(path);
                }
            }
        }
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

    #[test]
    fn marks_see_a_change_that_keeps_size_and_time_and_not_that_the_tree_was_moved() {
        let dir = tempfile::tempdir().unwrap();
        let host = Reader::new(dir.path(), dir.path());
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("tree/a")).unwrap();
        fs::create_dir(at("other")).unwrap();
        fs::write(at("tree/a/f"), "1").unwrap();
        let first = host.tree_marks(&at("tree")).unwrap();
        fs::rename(at("tree"), at("other/tree")).unwrap();
        assert_eq!(host.tree_marks(&at("other/tree")).unwrap(), first);
        assert_eq!(host.tree_marks(&at("tree")).unwrap(), None);
        let file = fs::File::options().write(true).open(at("other/tree/a/f")).unwrap();
        let before = file.metadata().unwrap().modified().unwrap();
        fs::write(at("other/tree/a/f"), "2").unwrap();
        file.set_modified(before).unwrap();
        assert_ne!(host.tree_marks(&at("other/tree")).unwrap(), first);
    }
}
