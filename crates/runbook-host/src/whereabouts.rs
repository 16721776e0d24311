//! Where a path really is, or would be.

use crate::Reader;
use std::path::{Path, PathBuf};

/// How many links that lead nowhere are followed one after the other.
const LINKS: u8 = 16;

impl Reader {
    /// `path` with every link followed. Of what is not there, that is still known for the directories above it: where it
    /// would be.
    pub fn where_it_would_be(&self, path: &Path) -> PathBuf {
        real(self, path, LINKS)
    }
}

fn real(host: &Reader, path: &Path, links: u8) -> PathBuf {
    match host.canonical(path) {
        Ok(Some(real)) => return real,
        Ok(None) => {}
        Err(_) => return path.to_owned(),
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return path.to_owned() };
    match (host.read_link(path), links.checked_sub(1)) {
        (Ok(Some(target)), Some(left)) => real(host, &parent.join(target), left),
        _ => real(host, parent, links).join(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn what_a_step_has_removed_is_where_its_directory_really_is() {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        let host = Reader::new(&root, &root);
        fs::create_dir_all(root.join("disk/lib/demo")).unwrap();
        symlink("disk", root.join("prefix")).unwrap();
        symlink("disk/lib/demo", root.join("current")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        let demo = root.join("disk/lib/demo");
        let real = |name: &str| host.where_it_would_be(&root.join(name));
        let check = || {
            assert_eq!(real("prefix/lib/demo"), demo);
            assert_eq!(real("current"), demo);
        };
        check();
        fs::remove_dir(&demo).unwrap();
        check();
        fs::remove_dir(root.join("disk/lib")).unwrap();
        check();
        fs::remove_dir(root.join("disk")).unwrap();
        check();
        assert_eq!(real("loop"), root.join("loop"));
        assert_eq!(host.where_it_would_be(Path::new("/")), Path::new("/"));
    }
}
