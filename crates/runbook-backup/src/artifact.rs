//! Packs a directory as an artifact: a standard archive of what is in it, which any host can be given.
//!
//! What comes of unpacking one is in `foreign.rs`, which judges it here as well.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use crate::digest::{Digest, HashingWriter};
use crate::durable;
use crate::error::Error;
use crate::foreign::list_archive;
use crate::frames::Frames;
use crate::manifest::EntryKind;
use crate::mounts::Mounts;
use crate::pack::Packer;
use crate::recorder::Recorder;
use crate::spot::Spot;
use crate::tree::walk;

/// zstd's level: an artifact is packed once and goes to many hosts.
const LEVEL: i32 = 3;
/// What the file is called before its digest is known.
const UNNAMED: &str = "artifact.partial";

/// An artifact that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The archive.
    pub path: PathBuf,
    /// Of the archive, which has its name from it.
    pub digest: Digest,
    /// The size of the archive.
    pub bytes: u64,
    /// Regular files in it, each name counted.
    pub files: u64,
}

/// Packs what is in the directory `from` into a new file in the directory `into`, with names that begin at `from`. It is called
/// `DIGEST.tar.zst`. Durable when it returns; when it fails, nothing of it is left.
///
/// # Errors
/// `from` is no directory, something in it changed while it was read, or could not be unpacked elsewhere: a socket, a device, a mount, or a link
/// that leads out of it.
pub fn pack_directory(from: &Path, into: &Path, cancel: &dyn Fn() -> bool) -> Result<Artifact, Error> {
    let unnamed = into.join(UNNAMED);
    let made = packed(from, &unnamed, cancel).and_then(|artifact| named(artifact, into));
    made.inspect_err(|_| {
        // The first error is the one to report.
        let _ = std::fs::remove_file(unnamed);
    })
}

/// Gives it the name of its digest.
fn named(artifact: Artifact, into: &Path) -> Result<Artifact, Error> {
    let path = into.join(format!("{}.tar.zst", artifact.digest));
    std::fs::rename(&artifact.path, &path).map_err(|error| Error::io("name", &path, error))?;
    durable::sync_directory(into)?;
    Ok(Artifact { path, ..artifact })
}

fn packed(from: &Path, to: &Path, cancel: &dyn Fn() -> bool) -> Result<Artifact, Error> {
    let spot = Spot::known(from)?;
    let cannot = |path: &Path, why| Err(Error::BadPath { path: path.to_path_buf(), why });
    if !spot.stat()?.is_some_and(|stat| FileType::from_raw_mode(stat.st_mode).is_dir()) {
        return cannot(from, "an artifact is made from a directory that is there");
    }
    let failed = |error| Error::io("write", to, error);
    let out = HashingWriter::new(BufWriter::with_capacity(1 << 17, durable::create_private(to)?));
    let packer = Packer::new(Frames::new(out, LEVEL).map_err(failed)?, &|_| None).below(from);
    let mut recorder = Recorder::new(packer, (0, to), None, cancel);
    walk(&spot, &Mounts::read()?, &mut recorder)?;
    if let Some(skipped) = recorder.skipped.first() {
        return cannot(
            &skipped.path,
            "an artifact cannot hold it: it is a socket or a mount, or vanished while it was read",
        );
    }
    if let Some(changed) = recorder.changed_while_read.first() {
        return cannot(changed, "it changed while it was read; an artifact is made of what stays as it was proven");
    }
    let files = recorder.entries.iter().filter(|entry| matches!(entry.kind, EntryKind::File { .. })).count() as u64;
    let (frames, _) = recorder.packer.finish().map_err(failed)?;
    let (out, digest, bytes) = frames.finish().map_err(failed)?.finish();
    let file = out.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(|error| Error::io("make durable", to, error))?;
    // Whatever a host would refuse is refused before it is sent to any.
    list_archive(File::open(to).map_err(|error| Error::io("open", to, error))?, to)?;
    Ok(Artifact { path: to.to_path_buf(), digest, bytes, files })
}
