//! Makes a backup: all of it, durably, or nothing.
//!
//! The second pass over a live tree is `settle.rs`.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter};
use std::num::NonZero;
use std::path::{Path, PathBuf};

use zstd::stream::write::Encoder;

use crate::digest::HashingWriter;
use crate::durable;
use crate::error::Error;
use crate::manifest::{Archive, Entry, EntryKind, FORMAT, MANIFEST, Manifest, Root, SkipReason, Skipped};
use crate::place::{not_plain, real};
use crate::recorder::Recorder;
use crate::timestamp::Timestamp;
use crate::tree::{Found, Mounts, Visit, walk};

/// How an archive is compressed.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// zstd's level. Higher is smaller and slower.
    pub level: i32,
    /// Threads that compress, beside the one that reads.
    pub threads: u32,
}

impl Default for Options {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self { level: 1, threads: u32::try_from(cores.min(4)).unwrap_or(1) }
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
    options: &Options,
) -> Result<Created, Error> {
    let mounts = Mounts::read();
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
    options: &Options,
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
        entries: pass.entries,
    };
    manifest.entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    manifest.write(dir)?;
    if let Some(parent) = dir.parent() {
        durable::sync_directory(parent)?;
    }
    let is_file = |entry: &&Entry| matches!(entry.kind, EntryKind::File { .. });
    Ok(Created {
        files: manifest.entries.iter().filter(is_file).count() as u64,
        entries: manifest.entries.len() as u64,
        bytes: pass.bytes,
        archive_bytes,
        changed_while_read: manifest.changed_while_read,
        skipped: manifest.skipped,
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
}

/// Writes one durable archive of the roots, or of what is wanted below them.
pub(crate) fn pass(
    dir: &Path,
    number: u32,
    roots: &[PathBuf],
    mounts: &Mounts,
    wanted: Option<&HashSet<PathBuf>>,
    cancel: &dyn Fn() -> bool,
    options: &Options,
) -> Result<(Pass, Archive), Error> {
    let name = if number == 0 { "archive.tar.zst".to_owned() } else { format!("archive.{}.tar.zst", number + 1) };
    let path = dir.join(&name);
    let path = path.as_path();
    let fail = |doing| move |error: io::Error| Error::io(doing, path, error);
    let out = HashingWriter::new(BufWriter::with_capacity(1 << 17, durable::create_private(path)?));
    let encoder = encoder(out, options).map_err(fail("write"))?;
    let mut recorder = Recorder::new(encoder, (number, path), wanted, cancel);
    let mut found = Vec::with_capacity(roots.len());
    for root in roots {
        let real = real(root)?;
        found.push(Root { path: root.clone(), present: walk(root, mounts, &mut recorder)?, real });
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

/// The paths in order, without those that another one covers already. One that has another above it by name, and leads out
/// of it through a link, is taken as what it leads to: below a link there is nothing.
fn roots(dir: &Path, paths: &[PathBuf], mounts: &Mounts) -> Result<Vec<PathBuf>, Error> {
    let bad = |path: &Path, why| Err(Error::BadPath { path: path.to_path_buf(), why });
    if let Some(why) = not_plain(dir) {
        return bad(dir, why);
    }
    let mut sorted: Vec<PathBuf> = Vec::with_capacity(paths.len());
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
        // Without a trailing slash, which the caller's form may have.
        let path: PathBuf = if leads_out { found } else { path.components().collect() };
        if dir.starts_with(&path) {
            return bad(dir, "the backup would be inside what it backs up; choose another place");
        }
        sorted.push(path);
    }
    sorted.sort_unstable();
    let mut roots: Vec<PathBuf> = Vec::with_capacity(sorted.len());
    for path in sorted {
        if !roots.iter().any(|root| path.starts_with(root) && !mounts.between(root, &path)) {
            roots.push(path);
        }
    }
    Ok(roots)
}

/// Removes what an attempt without a manifest left; anything else that is there stays and is an error.
fn clear_interrupted(dir: &Path) -> Result<(), Error> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io("create", dir, error)),
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
        let _ = walk(root, mounts, &mut size);
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

    fn skipped(&mut self, _: &Path, _: SkipReason) -> Result<(), Error> {
        Ok(())
    }
}
