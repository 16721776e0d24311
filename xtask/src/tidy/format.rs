//! Files whose modules a macro makes: `cargo fmt` does not look into macros, so they are given to rustfmt by name.

use super::finding::Finding;
use super::repository::{Repository, root};
use std::path::Path;
use std::process::Command;

/// How a table begins that makes the modules of its entries.
const TABLES: [&str; 3] = [concat!("kinds", "! {"), concat!("rules", "! {"), concat!("table", "! {")];

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    match unformatted(&root(), &beside_tables(repository)) {
        Ok(paths) => paths.iter().map(|path| Finding::whole(path, "is not formatted; run: rustfmt on it")).collect(),
        Err(what) => vec![Finding::whole("rustfmt.toml", what)],
    }
}

/// The sources in the directories of all tables.
fn beside_tables(repository: &Repository) -> Vec<&str> {
    let is_table = |text: &str| text.lines().any(|line| TABLES.iter().any(|table| line.trim_end().ends_with(table)));
    let directory = |path: &str| path.rsplit_once('/').map(|(directory, _)| directory.to_owned());
    let tables = repository.ending(".rs").filter(|file| is_table(&file.text));
    let directories: Vec<_> = tables.map(|file| directory(&file.path)).collect();
    let beside = repository.ending(".rs").filter(|file| directories.contains(&directory(&file.path)));
    beside.map(|file| file.path.as_str()).collect()
}

/// The files that rustfmt would change, from `root`, with those that their `mod` lines lead to.
fn unformatted(root: &Path, files: &[&str]) -> Result<Vec<String>, String> {
    // Without files, rustfmt waits for text on standard input.
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let output = Command::new("rustfmt")
        .args(["--check", "--files-with-diff", "--edition", "2024"])
        .args(files)
        .current_dir(root)
        .output()
        .map_err(|error| format!("rustfmt does not start: {error}"))?;
    let listed = String::from_utf8_lossy(&output.stdout);
    let mut paths: Vec<String> = listed
        .lines()
        .map(|line| Path::new(line).strip_prefix(root).unwrap_or(Path::new(line)).display().to_string())
        .collect();
    paths.sort();
    paths.dedup();
    match output.status.success() || !paths.is_empty() {
        true => Ok(paths),
        false => Err(format!("rustfmt: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_beside_a_table_is_looked_at() {
        let repository = Repository::of(&[
            ("crates/a/src/lib.rs", concat!("kinds", "! {\n    one::One,\n}\n")),
            ("crates/a/src/one.rs", ""),
            ("crates/b/src/lib.rs", "mod two;\n"),
            ("crates/b/src/two.rs", ""),
        ]);
        assert_eq!(beside_tables(&repository), ["crates/a/src/lib.rs", "crates/a/src/one.rs"]);
    }

    #[test]
    fn what_is_not_formatted_is_found() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("good.rs"), "fn f() {}\n").unwrap();
        std::fs::write(dir.path().join("bad.rs"), "fn f( ) { }\n").unwrap();
        assert_eq!(unformatted(dir.path(), &["good.rs", "bad.rs"]).unwrap(), ["bad.rs"]);
        assert_eq!(unformatted(dir.path(), &["good.rs"]).unwrap(), Vec::<String>::new());
    }
}
