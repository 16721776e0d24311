//! Traces of the machine on which something was written: absolute paths of a person or a build, and package registries.

use super::finding::Finding;
use super::repository::{File, Repository};

/// Beginnings of paths that exist on one machine only. Split, so that this file does not find itself.
const PATHS: &[&str] =
    &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/Us", "ers/"), concat!("/home/", "runner/")];

/// Hosts that serve packages. A page or a test that needs one takes it from the user's own configuration.
const HOSTS: &[&str] = &[
    concat!("registry.npm", "js.org"),
    concat!("registry.yarn", "pkg.com"),
    concat!("index.crates", ".io"),
    concat!("static.crates", ".io"),
    concat!("py", "pi.org"),
    concat!("files.python", "hosted.org"),
    concat!("proxy.go", "lang.org"),
    concat!("deb.deb", "ian.org"),
];

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    repository.files().filter(|file| file.path != "Cargo.lock").flat_map(judge).collect()
}

fn judge(file: &File) -> Vec<Finding> {
    let mut found = Vec::new();
    for (at, line) in file.text.lines().enumerate() {
        if let Some(path) = PATHS.iter().find(|path| begins(line, path)) {
            found.push(Finding::at(&file.path, at + 1, format!("`{path}` is a path of one machine")));
        }
        if let Some(host) = HOSTS.iter().find(|host| line.contains(**host)) {
            found.push(Finding::at(
                &file.path,
                at + 1,
                format!("`{host}` is a registry; leave it to the user's configuration"),
            ));
        }
    }
    found
}

/// Whether a path begins so in `line`: `../wo…` is another path.
fn begins(line: &str, path: &str) -> bool {
    line.match_indices(path)
        .any(|(from, _)| !line[..from].ends_with(|before: char| before.is_alphanumeric() || "._-~}".contains(before)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> usize {
        check(&Repository::of(&[("a.md", text)])).len()
    }

    #[test]
    fn traces_are_found() {
        for text in
            [concat!("see /wo", "rk/a"), concat!("\"/ro", "ot/x\""), concat!("https://registry.npm", "js.org/x")]
        {
            assert_eq!(found(text), 1, "{text}");
        }
    }

    #[test]
    fn other_paths_are_fine() {
        assert_eq!(found(concat!("../../wo", "rk/demo and out/ro", "ot/x and /var/lib/runbook")), 0);
    }

    #[test]
    fn the_lock_file_names_its_source() {
        assert!(check(&Repository::of(&[("Cargo.lock", concat!("index.crates", ".io"))])).is_empty());
    }
}
