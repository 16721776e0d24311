//! Which paths can name something to back up.

use std::path::{Component, Path};

/// Why a path cannot name something to back up: it must be absolute, without `.` and `..`, and not the root itself.
pub(crate) fn not_plain(path: &Path) -> Option<&'static str> {
    let mut components = path.components();
    if components.next() != Some(Component::RootDir) {
        return Some("the path must be absolute");
    }
    if path.file_name().is_none() || components.any(|part| !matches!(part, Component::Normal(_))) {
        return Some("the path must name something below /, without `..`");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths() {
        for (path, plain) in [("/a", true), ("/a/", true), ("/", false), ("a", false), ("/a/../b", false), ("", false)]
        {
            assert_eq!(not_plain(Path::new(path)).is_none(), plain, "{path}");
        }
    }
}
