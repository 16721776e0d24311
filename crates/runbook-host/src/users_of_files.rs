//! Which processes use files of a tree: as their program, as their directory, open, or mapped.

use crate::procfs::proc_file;
use crate::{Process, Reader};
use runbook_model::Failure;
use std::fs;
use std::path::{Path, PathBuf};

impl Reader {
    /// The processes that use one of `trees` or something in it, with what each uses first, as far as this user may see.
    /// By name: what another mount namespace calls otherwise is not found.
    pub fn users_of(&self, trees: &[PathBuf]) -> Result<Vec<(Process, PathBuf)>, Failure> {
        let mut found = Vec::new();
        for process in self.processes()? {
            if let Some(path) = used(process.identity.pid, trees) {
                found.push((process, path));
            }
        }
        Ok(found)
    }
}

fn used(pid: u32, trees: &[PathBuf]) -> Option<PathBuf> {
    let inside = |path: &Path| trees.iter().any(|tree| path.starts_with(tree));
    let link = |name: PathBuf| fs::read_link(name).ok().filter(|path| inside(path));
    let named = ["exe", "cwd", "root"].iter().find_map(|name| link(proc_file(pid, name)));
    let open = || {
        let entries = fs::read_dir(proc_file(pid, "fd")).ok()?;
        entries.filter_map(|entry| Some(entry.ok()?.path())).find_map(link)
    };
    // `proc_pid_maps(5)`: the path is what comes after five fields.
    let mapped = || {
        let maps = fs::read_to_string(proc_file(pid, "maps")).ok()?;
        let paths = maps.lines().filter_map(|line| Some(Path::new(&line[line.find('/')?..])));
        paths.filter(|path| inside(path)).map(Path::to_path_buf).next()
    };
    // What is gone already is not what is put back now.
    let is_there = |path: &PathBuf| !path.to_string_lossy().ends_with(" (deleted)");
    named.or_else(open).or_else(mapped).filter(is_there)
}
