//! Makes a backup: all of it, durably, or nothing.
//!
//! The second pass over a live tree is `second_pass.rs`.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufWriter};
use std::num::NonZero;
use std::path::{Path, PathBuf};

use zstd::stream::write::Encoder;

use crate::descent::{Id, id_of};
use crate::digest::HashingWriter;
use crate::durable;
use crate::error::Error;
use crate::ground::Ground;
use crate::limit::Limit;
use crate::manifest::{Archive, Entry, EntryKind, FORMAT, MANIFEST, Manifest, Root, Skipped};
use crate::mounts::Mounts;
use crate::pack::{Owner, Packer};
use crate::plain_path::not_plain;
use crate::recorder::{INSIDE, Recorder};
use crate::spot::{Spot, ids_up_from, real};
use crate::timestamp::Timestamp;
use crate::tree::{Found, Visit, walk};

/// How an archive is made.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// Tells the names that stand beside the numbers of owners, for other programs that open the archive.
    pub names: &'a dyn Fn(Owner) -> Option<String>,
    /// zstd's level. Higher is smaller and slower.
    pub level: i32,
    /// Threads that compress, beside the one that reads.
    pub threads: u32,
}

impl Default for Options<'_> {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self { names: &|_| None, level: 1, threads: u32::try_from(cores.min(4)).unwrap_or(1) }
    }
}

/// What a new backup holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Created {
    /// Regular files, each name counted.
    pub files: u64,
    /// Everything, directories and links among it.
    pub entries: u64,
    /// Bytes of content that were read, holes not counted.
    pub bytes: u64,
    /// The size of the archive.
    pub archive_bytes: u64,
    /// Files that changed every time they were read; their copy may mix old and new.
    pub changed_while_read: Vec<PathBuf>,
    /// What was there and was left out, with the reason.
    pub skipped: Vec<Skipped>,
    /// What was there and cannot be brought back as it was.
    pub limits: Vec<Limit>,
    /// Paths where nothing was. A restore moves away what is there then.
    pub missing: Vec<PathBuf>,
}

/// Backs up `paths` into the new directory `dir`.
///
/// `dir` must not exist; what an interrupted attempt left there is replaced. Paths are absolute; each may be a file, a
/// link (saved as a link), a directory, or missing. Other file systems that are mounted inside a path are left out and
/// noted. When this returns `Ok`, the backup survives a power cut; when it fails, nothing of it is left.
pub fn create(
    dir: &Path,
    paths: &[PathBuf],
    created_at_ms: i64,
    cancel: &dyn Fn() -> bool,
    options: &Options<'_>,
) -> Result<Created, Error> {
    let mounts = Mounts::read()?;
    let roots = roots(dir, paths, &mounts)?;
    clear_interrupted(dir)?;
    durable::create_private_directory(dir)?;
    let made = fill(dir, &roots, &mounts, created_at_ms, cancel, options);
    made.map_err(|error| {
        // Removed also when it is only half there; the first error is the one to report.
        let _ = std::fs::remove_dir_all(dir);
        explain_no_space(error, dir, &roots, &mounts)
    })
}

fn fill(
    dir: &Path,
    roots: &[PathBuf],
    mounts: &Mounts,
    created_at_ms: i64,
    cancel: &dyn Fn() -> bool,
    options: &Options<'_>,
) -> Result<Created, Error> {
    let started = Timestamp::now();
    let (pass, archive) = pass(dir, 0, roots, mounts, None, cancel, options)?;
    let archive_bytes = archive.bytes;
    let mut manifest = Manifest {
        format: FORMAT,
        created_at_ms,
        started,
        roots: pass.roots,
        archives: vec![archive],
        skipped: pass.skipped,
        changed_while_read: pass.changed_while_read,
        limits: Vec::new(),
        entries: pass.entries,
    };
    manifest.entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    manifest.find_limits(&pass.links);
    manifest.write(dir)?;
    if let Some(parent) = dir.parent() {
        durable::sync_directory(parent)?;
    }
    let limits = manifest.limits_below(Path::new("/"));
    let is_file = |entry: &&Entry| matches!(entry.kind, EntryKind::File { .. });
    Ok(Created {
        files: manifest.entries.iter().filter(is_file).count() as u64,
        entries: manifest.entries.len() as u64,
        bytes: pass.bytes,
        archive_bytes,
        changed_while_read: manifest.changed_while_read,
        skipped: manifest.skipped,
        limits,
        missing: manifest.roots.into_iter().filter(|root| !root.present).map(|root| root.path).collect(),
    })
}

/// What one walk over all roots recorded.
pub(crate) struct Pass {
    pub(crate) roots: Vec<Root>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) changed_while_read: Vec<PathBuf>,
    pub(crate) bytes: u64,
    /// How many names files have, where it is more than one.
    pub(crate) links: HashMap<Id, u64>,
}

/// Writes one durable archive of the roots, or of what is wanted below them.
pub(crate) fn pass(
    dir: &Path,
    number: u32,
    roots: &[PathBuf],
    mounts: &Mounts,
    wanted: Option<&HashSet<PathBuf>>,
    cancel: &dyn Fn() -> bool,
    options: &Options<'_>,
) -> Result<(Pass, Archive), Error> {
    let name = if number == 0 { "archive.tar.zst".to_owned() } else { format!("archive.{}.tar.zst", number + 1) };
    let path = dir.join(&name);
    let path = path.as_path();
    let fail = |doing| move |error: io::Error| Error::io(doing, path, error);
    let out = HashingWriter::new(BufWriter::with_capacity(1 << 17, durable::create_private(path)?));
    let encoder = encoder(out, options).map_err(fail("write"))?;
    let packer = Packer::new(encoder, options.names);
    let mut recorder = Recorder::new(packer, (number, path), wanted, cancel);
    recorder.refused = own_directories(dir)?;
    let mut found = Vec::with_capacity(roots.len());
    for root in roots {
        let Some(spot) = Spot::find(root)? else {
            let (path, real) = (root.clone(), real(root)?);
            found.push(Root { path, present: false, real, ground: None, inside: None });
            continue;
        };
        let (ground, inside) = (Ground::of(spot.fd()), Ground::inside(&spot));
        let (path, real) = (root.clone(), spot.real().to_path_buf());
        found.push(Root { path, present: walk(&spot, mounts, &mut recorder)?, real, ground, inside });
    }
    let (encoder, members) = recorder.packer.finish().map_err(fail("write"))?;
    let (out, blake3, bytes) = encoder.finish().map_err(fail("write"))?.finish();
    let file: File = out.into_inner().map_err(io::IntoInnerError::into_error).map_err(fail("write"))?;
    file.sync_all().map_err(fail("make durable"))?;
    let pass = Pass {
        roots: found,
        entries: recorder.entries,
        skipped: recorder.skipped,
        changed_while_read: recorder.changed_while_read,
        bytes: recorder.bytes,
        links: recorder.links,
    };
    Ok((pass, Archive { file: name, bytes, members, blake3, removed_before: Vec::new() }))
}

fn encoder<W: io::Write>(out: W, options: &Options) -> io::Result<Encoder<'static, W>> {
    let mut encoder = Encoder::new(out, options.level)?;
    encoder.include_checksum(true)?;
    if options.threads > 0 {
        encoder.multithread(options.threads)?;
    }
    Ok(encoder)
}

/// The directory that is made: no path may lead to it, by whatever name.
fn own_directories(dir: &Path) -> Result<Vec<Id>, Error> {
    ids_up_from(dir).map(|ids| ids.into_iter().take(1).collect())
}

/// The paths in order, without those that another one covers already. One that has another above it by name, and leads out
/// of it through a link, is taken as what it leads to: below a link there is nothing.
fn roots(dir: &Path, paths: &[PathBuf], mounts: &Mounts) -> Result<Vec<PathBuf>, Error> {
    let bad = |path: &Path, why| Err(Error::BadPath { path: path.to_path_buf(), why });
    if let Some(why) = not_plain(dir) {
        return bad(dir, why);
    }
    // By what it is and not by its name: a link, a bind mount or another spelling may lead to the same directory.
    let (above, dir_real) = (ids_up_from(dir)?, real(dir)?);
    let mut sorted: Vec<(PathBuf, PathBuf)> = Vec::with_capacity(paths.len());
    for path in paths {
        if let Some(why) = not_plain(path) {
            return bad(path, why);
        }
        let found = real(path)?;
        let mut leads_out = false;
        for above in paths.iter().filter(|above| path.starts_with(above)) {
            leads_out |=
                path.strip_prefix(above).is_ok_and(|rest| real(above).is_ok_and(|above| above.join(rest) != found));
        }
        let holds_it = match Spot::find(path)? {
            Some(spot) => spot.stat()?.is_some_and(|stat| above.contains(&id_of(&stat))),
            None => false,
        };
        if holds_it || dir.starts_with(path) || dir_real.starts_with(&found) {
            return bad(path, INSIDE);
        }
        // Without a trailing slash, which the caller's form may have.
        let path: PathBuf = if leads_out { found.clone() } else { path.components().collect() };
        sorted.push((path, found));
    }
    sorted.sort_unstable();
    let mut roots: Vec<(PathBuf, PathBuf)> = Vec::with_capacity(sorted.len());
    for (path, found) in sorted {
        if !roots.iter().any(|(root, at)| path.starts_with(root) && !mounts.between(at, &found)) {
            roots.push((path, found));
        }
    }
    Ok(roots.into_iter().map(|(path, _)| path).collect())
}

/// Whether a backup of these paths could be made into the directory `dir`, which need not be there: what [`create`] would
/// refuse is refused.
pub fn check_paths(dir: &Path, paths: &[PathBuf]) -> Result<(), Error> {
    roots(dir, paths, &Mounts::read()?).map(drop)
}

/// Removes what an attempt without a manifest left; anything else that is there stays and is an error.
fn clear_interrupted(dir: &Path) -> Result<(), Error> {
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|error| Error::io("create", dir, error))?,
    };
    let ours = |name: &std::ffi::OsStr| {
        name != MANIFEST && (name == "manifest.json.partial" || name.as_encoded_bytes().ends_with(b".tar.zst"))
    };
    for entry in entries {
        let entry = entry.map_err(|error| Error::io("list", dir, error))?;
        if !ours(&entry.file_name()) {
            return Err(Error::Exists { path: dir.to_path_buf() });
        }
    }
    std::fs::remove_dir_all(dir).map_err(|error| Error::io("clear the interrupted backup", dir, error))
}

/// A full disk is told with how much would have been enough.
pub(crate) fn explain_no_space(error: Error, dir: &Path, roots: &[PathBuf], mounts: &Mounts) -> Error {
    if !error.is_no_space() {
        return error;
    }
    let mut size = Size(0);
    for root in roots {
        // What cannot be measured is left out of an estimate.
        if let Ok(Some(spot)) = Spot::find(root) {
            let _ = walk(&spot, mounts, &mut size);
        }
    }
    let at = dir.parent().unwrap_or(dir);
    Error::NoSpace { path: dir.to_path_buf(), needed: size.0, free: durable::free_space(at) }
}

/// An upper bound of what an archive of the tree takes: content that is on disk, and headers.
struct Size(u64);

impl Visit for Size {
    fn found(&mut self, found: &Found<'_>) -> Result<(), Error> {
        self.0 += found.inode.size.min(found.inode.allocated) + 2048;
        Ok(())
    }
}
