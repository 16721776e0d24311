//! Whether the archives of a backup are there and whole, cheaply: what was read back and found sound is remembered with
//! the marks of its inodes, and only an archive whose marks changed is read again.
//!
//! Nobody can write to an archive, replace or cut it and keep the marks: the kernel sets the time of the change.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::backup::Backup;
use crate::copy::Counted;
use crate::digest::Digest;
use crate::error::Error;
use crate::inode::{Inode, Seen};
use crate::manifest::{EntryKind, MANIFEST};

/// The file in a backup's directory that remembers what was read back.
const MARK: &str = "verified.json";

/// An archive that was sound when it had these marks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Sound {
    file: String,
    blake3: Digest,
    bytes: u64,
    seen: Seen,
}

/// What was found sound, and the marks of the manifest that said so.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Marks {
    manifest: Option<Seen>,
    archives: Vec<Sound>,
}

/// Proves that the backup in `dir` is there and whole: its manifest, and every archive to its end. An archive that was
/// read back before and was not touched since is not read again.
pub fn whole(dir: &Path, cancel: &dyn Fn() -> bool) -> Result<(), Error> {
    if untouched(dir) { Ok(()) } else { Backup::open(dir)?.whole(cancel).map(|_| ()) }
}

impl Backup {
    /// The same for a backup that is open already. Says what it holds.
    pub fn whole(&self, cancel: &dyn Fn() -> bool) -> Result<Counted, Error> {
        let known = read(self.dir());
        let mut found =
            Marks { manifest: seen(&self.dir().join(MANIFEST)).map(|(seen, _)| seen), archives: Vec::new() };
        for (number, archive) in (0u32..).zip(&self.manifest().archives) {
            let path = self.dir().join(&archive.file);
            // Before it is read: what is written meanwhile is not vouched for.
            let before = seen(&path);
            let sound =
                before.map(|(seen, bytes)| Sound { file: archive.file.clone(), blake3: archive.blake3, bytes, seen });
            if !sound.as_ref().is_some_and(|sound| known.archives.contains(sound)) {
                self.verify_archive(number, cancel)?;
            }
            found.archives.extend(sound);
        }
        if found != known {
            // Without it the archives are read once more.
            let _ = write(self.dir(), &found);
        }
        Ok(self.holds())
    }

    fn holds(&self) -> Counted {
        let mut holds = Counted { entries: self.manifest().entries.len() as u64, files: 0, bytes: 0 };
        for entry in &self.manifest().entries {
            if let EntryKind::File { size, .. } = entry.kind {
                holds.files += 1;
                holds.bytes += if entry.hard_link_to.is_none() { size } else { 0 };
            }
        }
        holds
    }
}

/// Whether everything that was found sound is as it was then. A backup that was never read back is not.
fn untouched(dir: &Path) -> bool {
    let marks = read(dir);
    let is_same = |sound: &Sound| seen(&dir.join(&sound.file)) == Some((sound.seen, sound.bytes));
    marks.manifest.is_some()
        && marks.manifest == seen(&dir.join(MANIFEST)).map(|(seen, _)| seen)
        && marks.archives.iter().all(is_same)
}

fn seen(path: &Path) -> Option<(Seen, u64)> {
    let stat = rustix::fs::statat(rustix::fs::CWD, path, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).ok()?;
    let inode = Inode::new(&stat);
    (inode.kind == rustix::fs::FileType::RegularFile).then_some((inode.seen, inode.size))
}

/// What cannot be read is as good as nothing: everything is read back then.
fn read(dir: &Path) -> Marks {
    let bytes = std::fs::read(dir.join(MARK)).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

fn write(dir: &Path, marks: &Marks) -> Result<(), Error> {
    let (path, partial) = (dir.join(MARK), dir.join("verified.json.partial"));
    let failed = |error: std::io::Error| Error::io("write", &path, error);
    let file = crate::durable::create_private(&partial)?;
    serde_json::to_writer(file, marks).map_err(|error| failed(error.into()))?;
    std::fs::rename(&partial, &path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::create::{Options, create};
    use std::fs;
    use std::path::PathBuf;

    /// A backup of one file, found whole.
    fn made() -> (tempfile::TempDir, PathBuf) {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().canonicalize().unwrap();
        fs::write(root.join("file"), "content ".repeat(1000)).unwrap();
        let dir = root.join("backup");
        create(&dir, &[root.join("file")], 0, &|| false, &Options::default()).unwrap();
        assert!(!untouched(&dir), "nobody has read it back");
        whole(&dir, &|| false).unwrap();
        assert!(untouched(&dir));
        (scratch, dir)
    }

    #[test]
    fn what_was_read_back_is_not_read_again() {
        let (_scratch, dir) = made();
        // Cancelled at the first look, if there were one.
        whole(&dir, &|| true).unwrap();
    }

    #[test]
    fn an_archive_that_was_touched_is_read_again_and_may_be_sound() {
        let (_scratch, dir) = made();
        let archive = dir.join("archive.tar.zst");
        let content = fs::read(&archive).unwrap();
        fs::remove_file(&archive).unwrap();
        fs::write(&archive, content).unwrap();
        assert!(!untouched(&dir));
        whole(&dir, &|| false).unwrap();
        assert!(untouched(&dir));
    }

    #[test]
    fn damage_is_found_wherever_it_is() {
        type Harm = fn(&Path);
        let harms: [(&str, Harm); 5] = [
            ("gone", |dir| fs::remove_file(dir.join("archive.tar.zst")).unwrap()),
            ("cut", |dir| {
                let file = fs::OpenOptions::new().write(true).open(dir.join("archive.tar.zst")).unwrap();
                file.set_len(file.metadata().unwrap().len() - 1).unwrap();
            }),
            ("same length", |dir| {
                let mut content = fs::read(dir.join("archive.tar.zst")).unwrap();
                let middle = content.len() / 2;
                content[middle] ^= 1;
                fs::write(dir.join("archive.tar.zst"), content).unwrap();
            }),
            ("manifest gone", |dir| fs::remove_file(dir.join(MANIFEST)).unwrap()),
            ("manifest cut", |dir| fs::write(dir.join(MANIFEST), "{}").unwrap()),
        ];
        for (name, harm) in harms {
            let (_scratch, dir) = made();
            harm(&dir);
            assert!(whole(&dir, &|| false).is_err(), "{name}");
        }
    }
}
