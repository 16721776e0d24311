//! What is true of a package that was built in another place than it will be in: read from its files.

use super::program::Program;
use memchr::memmem::Finder;
use runbook_host::{Command, Reader};
use runbook_model::Failure;
use runbook_step::{Work, normalise};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What a walk over a tree found.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Native modules, by their path below the tree.
    pub(super) native: Vec<PathBuf>,
    /// Why it would not work at another place, if it would not.
    pub(super) fixed: Option<String>,
    /// An entry that does not belong to this user.
    pub(super) foreign: Option<PathBuf>,
}

/// Walks over the package at `tree`, which was built in the prefix `stage`.
pub(super) fn survey(host: &Reader, tree: &Path, stage: &Path) -> Result<Survey, Failure> {
    let mut survey = Survey::default();
    let real = host.canonical(stage)?.unwrap_or_else(|| stage.to_path_buf());
    let names = [stage, &real].map(|path| Finder::new(path.as_os_str().as_bytes()).into_owned());
    let mut left = vec![PathBuf::new()];
    while let Some(below) = left.pop() {
        let dir = tree.join(&below);
        for name in host.list(&dir)?.unwrap_or_default() {
            let (below, path) = (below.join(&name), dir.join(&name));
            let Some(found) = host.lstat(&path)? else { continue };
            if found.uid() != host.own_uid() {
                survey.foreign.get_or_insert(path.clone());
            }
            if let Some(target) = host.read_link(&path)? {
                if target.is_absolute() || !normalise(&dir.join(&target)).starts_with(tree) {
                    let out = || format!("{} is a link out of the package, to {}", below.display(), target.display());
                    survey.fixed.get_or_insert_with(out);
                }
            } else if found.is_dir() {
                left.push(below);
            } else if found.is_file() {
                if below.extension().is_some_and(|extension| extension == "node") {
                    survey.native.push(below.clone());
                }
                if survey.fixed.is_none() && !is_of_gyp(host, tree, &below) && holds(host, &path, &names)? {
                    survey.fixed = Some(format!("{} names the directory in which it was built", below.display()));
                }
            }
        }
    }
    survey.native.sort();
    Ok(survey)
}

/// Whether node-gyp made a file: it writes down where it built, and nobody reads that again.
fn is_of_gyp(host: &Reader, tree: &Path, below: &Path) -> bool {
    let is_build = |above: &Path| {
        above.ends_with("build") && matches!(host.lstat(&tree.join(above).join("config.gypi")), Ok(Some(_)))
    };
    below.ancestors().skip(1).any(is_build)
}

/// Whether a file holds one of the texts.
fn holds(host: &Reader, path: &Path, texts: &[Finder<'static>; 2]) -> Result<bool, Failure> {
    const PIECE: usize = 1 << 16;
    let Some(mut file) = host.open(path)? else { return Ok(false) };
    let overlap = texts.iter().map(|text| text.needle().len()).max().unwrap_or(0);
    let mut piece = vec![0; PIECE + overlap];
    let mut kept = 0;
    loop {
        let room = piece.get_mut(kept..).unwrap_or_default();
        let read = file.read(room).map_err(|error| runbook_host::io_failure("read", path, &error))?;
        let end = kept + read;
        let seen = piece.get(..end).unwrap_or_default();
        if texts.iter().any(|text| text.find(seen).is_some()) {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
        kept = overlap.min(end);
        piece.copy_within(end - kept..end, 0);
    }
}

/// Loads each file that it is told, and says how that went. It names each before it loads it, for one may end the process.
const LOAD: &str = "const fs = require('fs');
const say = (line) => fs.writeSync(1, JSON.stringify(line) + '\\n');
for (const file of JSON.parse(fs.readFileSync(0, 'utf8'))) {
  say([file, 'it ends the process that loads it']);
  try { process.dlopen({ exports: {} }, file); say([file, null]); } catch (error) { say([file, String(error.message)]); }
}
process.reallyExit(0);
";

/// A native module of `tree` that its node cannot load, and why; none where each loads, is for another system, or does not
/// load from the same place in `old` either.
pub(super) fn unloadable(
    work: &Work<'_>,
    npm: &Program,
    native: &[PathBuf],
    tree: &Path,
    old: &Path,
) -> Result<Option<String>, Failure> {
    let host = work.host;
    let own = machine(host, npm.node())?;
    let mut for_here = Vec::new();
    for below in native {
        if machine(host, &tree.join(below))? == own {
            for_here.push(below);
        }
    }
    if for_here.is_empty() {
        return Ok(None);
    }
    let at = |root: &Path| for_here.iter().map(|below| root.join(below)).collect::<Vec<_>>();
    let faults = load(work, npm, &at(tree))?;
    let is_new = |path: &Path, why: &String, before: &BTreeMap<PathBuf, Option<String>>| {
        let foreign = ["musl", "ld-linux"].iter().any(|libc| why.contains(libc));
        let was = path.strip_prefix(tree).ok().and_then(|below| before.get(&old.join(below)));
        !foreign && !was.is_some_and(Option::is_some)
    };
    if faults.values().all(Option::is_none) {
        return Ok(None);
    }
    let before = load(work, npm, &at(old))?;
    let mut told = faults.iter().filter_map(|(path, why)| Some((path, why.as_ref()?)));
    let fault = told.find(|(path, why)| is_new(path, why, &before));
    Ok(fault.map(|(path, why)| format!("the native module {} does not load: {why}", path.display())))
}

/// What keeps each of the files that are there from being loaded.
fn load(work: &Work<'_>, npm: &Program, files: &[PathBuf]) -> Result<BTreeMap<PathBuf, Option<String>>, Failure> {
    let mut left = Vec::new();
    for file in files {
        if work.host.lstat(file)?.is_some() {
            left.push(file.clone());
        }
    }
    let mut known = BTreeMap::new();
    while !left.is_empty() {
        let node = npm.node().to_string_lossy().into_owned();
        let stdin = Some(json!(left).to_string().into_bytes());
        let cwd = Some(work.dir.to_path_buf());
        let command = Command { stdin, cwd, ..Command::new([node, "-e".to_owned(), LOAD.to_owned()]) };
        let output = work.host.run(&command)?;
        let count = known.len();
        for line in output.stdout.split(|byte| *byte == b'\n') {
            if let Ok((file, fault)) = serde_json::from_slice::<(PathBuf, Option<String>)>(line) {
                known.insert(file, fault);
            }
        }
        if known.len() == count {
            return Err(Failure::failed("node could not try the native modules").detail(output.tail()));
        }
        // One that ends the process leaves the others for the next one.
        left.retain(|file| !known.contains_key(file));
    }
    Ok(known)
}

/// For which machine a file is made: the class and the machine of an ELF header; for anything else its first bytes.
fn machine(host: &Reader, path: &Path) -> Result<Vec<u8>, Failure> {
    let mut head = [0; 20];
    let Some(mut file) = host.open(path)? else { return Ok(Vec::new()) };
    let mut read = 0;
    while let Some(room) = head.get_mut(read..).filter(|room| !room.is_empty()) {
        match file.read(room).map_err(|error| runbook_host::io_failure("read", path, &error))? {
            0 => break,
            count => read += count,
        }
    }
    Ok(match head {
        [0x7f, b'E', b'L', b'F', class, .., low, high] => vec![class, low, high],
        [first, second, third, fourth, ..] => vec![first, second, third, fourth],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_also_where_two_pieces_meet() {
        let dir = tempfile::tempdir().unwrap();
        let host = Reader::new(dir.path(), dir.path());
        let names = ["/srv/stage", "/other"].map(|text| Finder::new(text).into_owned());
        for (before, is_there) in [(0, true), ((1 << 16) + 5, true), (1 << 17, true), (7, false)] {
            let path = dir.path().join("f");
            let text = if is_there { "/srv/stage/x" } else { "/srv/stag/e" };
            std::fs::write(&path, [&vec![b'.'; before], text.as_bytes()].concat()).unwrap();
            assert_eq!(holds(&host, &path, &names).unwrap(), is_there, "{before}");
        }
    }
}
