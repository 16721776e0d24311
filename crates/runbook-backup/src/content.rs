//! The content of an archive's member: its digest, and the file that it becomes.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use crate::digest::{Digest, update_zeros};
use crate::error::Error;
use crate::escaped::name_of;
use crate::unpack::{Member, Members, Piece};

/// Why the content of a member was not read to its end.
enum Stop {
    Cancelled,
    Damaged(std::io::Error),
    Failed(Error),
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Damaged(error)
    }
}

impl Stop {
    fn within(self, archive: &Path, member: &Member) -> Error {
        match self {
            Self::Cancelled => Error::Cancelled,
            Self::Failed(error) => error,
            Self::Damaged(error) => Error::ArchiveDamaged {
                archive: archive.to_path_buf(),
                why: format!("{error}, in {}", name_of(&member.name).display()),
            },
        }
    }
}

/// The digest of a member's content.
pub(crate) fn content_digest<R: std::io::Read>(
    members: &mut Members<R>,
    member: &Member,
    archive: &Path,
    cancel: &dyn Fn() -> bool,
) -> Result<Digest, Error> {
    let mut hasher = blake3::Hasher::new();
    let taken = members.content(member, |piece| hash(&mut hasher, &piece, cancel));
    taken.map_err(|stop| stop.within(archive, member))?;
    Ok(Digest::from_hasher(&hasher))
}

fn hash(hasher: &mut blake3::Hasher, piece: &Piece<'_>, cancel: &dyn Fn() -> bool) -> Result<(), Stop> {
    match piece {
        Piece::Data(bytes) => drop(hasher.update(bytes)),
        Piece::Hole(length) => update_zeros(hasher, *length),
    }
    if cancel() { Err(Stop::Cancelled) } else { Ok(()) }
}

/// Writes a member's content to a new file, leaving holes where it had them.
pub(crate) fn write_content<R: io::Read>(
    file: &mut File,
    members: &mut Members<R>,
    member: &Member,
    archive: &Path,
    path: &Path,
    cancel: &dyn Fn() -> bool,
) -> Result<Digest, Error> {
    let mut hasher = blake3::Hasher::new();
    let failed = |error: io::Error| Stop::Failed(Error::io("write", path, error));
    let mut ends_in_hole = false;
    let written = members.content(member, |piece| {
        match piece {
            Piece::Data(bytes) => file.write_all(bytes).map_err(failed)?,
            Piece::Hole(length) => {
                let length = i64::try_from(length).unwrap_or(i64::MAX);
                file.seek(SeekFrom::Current(length)).map_err(failed)?;
            }
        }
        ends_in_hole = matches!(piece, Piece::Hole(_));
        hash(&mut hasher, &piece, cancel)
    });
    written.map_err(|stop| stop.within(archive, member))?;
    if ends_in_hole {
        file.set_len(member.size).map_err(|error| Error::io("write", path, error))?;
    }
    Ok(Digest::from_hasher(&hasher))
}
