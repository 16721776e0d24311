//! The database as it was at one moment, read without a lock, a shared index or a trace: its file with the committed
//! part of the write-ahead log laid over it, as <https://www.sqlite.org/fileformat2.html#the_write_ahead_log> has it.
//!
//! The writer keeps the index of the log in its own memory, so that no full disk can turn a mapped file into a signal.
//! SQLite then lets nobody else read; this module does, also in the process of the writer.

use crate::readable::whole;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// How often a read begins again when a writer moves the log into the database meanwhile.
const TRIES: usize = 100;

/// Two files are read one after the other. The moment is one if the log was the same before and after: what is moved from
/// it into the database is in it still. Without a log, the database itself has to be the same.
#[derive(PartialEq, Eq)]
enum Moment {
    Log(Vec<u8>),
    File { ino: u64, size: u64, changed: (i64, i64) },
}

/// The file beside the database whose name ends in `suffix`.
pub(crate) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(database);
    name.push(suffix);
    PathBuf::from(name)
}

/// The database with everything that was committed; `None` if there is none, empty if nothing was ever committed.
pub(crate) fn read(database: &Path) -> io::Result<Option<Vec<u8>>> {
    let log = beside(database, "-wal");
    for _ in 0..TRIES {
        let Some(before) = moment(database, &log)? else { return Ok(None) };
        let mut image = whole(database)?;
        let frames = if_there(fs::read(&log))?.unwrap_or_default();
        if moment(database, &log)? == Some(before) {
            lay_over(&mut image, &frames);
            return Ok(Some(image));
        }
    }
    Err(io::Error::new(io::ErrorKind::WouldBlock, "it never holds still"))
}

fn moment(database: &Path, log: &Path) -> io::Result<Option<Moment>> {
    let Some(found) = if_there(fs::metadata(database))? else { return Ok(None) };
    if !found.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    if let Some(file) = if_there(File::open(log))? {
        let mut header = Vec::new();
        file.take(LOG_HEADER as u64).read_to_end(&mut header)?;
        if header.len() == LOG_HEADER {
            return Ok(Some(Moment::Log(header)));
        }
    }
    let changed = (found.mtime(), found.mtime_nsec());
    Ok(Some(Moment::File { ino: found.ino(), size: found.size(), changed }))
}

/// What is not there is no error.
pub(crate) fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Lays the committed frames of the log over the database. A frame whose checksum is wrong ends the log, for SQLite too.
fn lay_over(image: &mut Vec<u8>, log: &[u8]) {
    if let Some((pages, count)) = Log::of(log).map(Log::committed).filter(|(_, count)| *count > 0) {
        let size = pages.values().next().map_or(0, |page| page.len());
        image.resize(count * size, 0);
        for (number, page) in pages {
            let begin = (number - 1) * size;
            if let Some(place) = image.get_mut(begin..begin + size) {
                place.copy_from_slice(page);
            }
        }
    }
    // Versions 1 mean: without a log. A database in memory can have none.
    if let Some(versions) = image.get_mut(18..20).filter(|versions| *versions == [2, 2]) {
        versions.copy_from_slice(&[1, 1]);
    }
}

/// A log whose header is whole.
struct Log<'a> {
    frames: &'a [u8],
    page: usize,
    salt: [u8; 8],
    big_endian: bool,
    sum: (u32, u32),
}

impl<'a> Log<'a> {
    fn of(log: &'a [u8]) -> Option<Self> {
        let (header, frames) = log.split_at_checked(LOG_HEADER)?;
        let big_endian = match number(header, 0)? {
            0x377f_0682 => false,
            0x377f_0683 => true,
            _ => return None,
        };
        let page = usize::try_from(number(header, 8)?).ok().filter(|page| page.is_power_of_two() && *page >= 512)?;
        let sum = checksum(&header[..24], big_endian, (0, 0));
        let salt = header[16..24].try_into().ok()?;
        (sum == (number(header, 24)?, number(header, 28)?)).then_some(Self { frames, page, salt, big_endian, sum })
    }

    /// The last committed content of each page that the log has, and how many pages the database has with it.
    fn committed(mut self) -> (HashMap<usize, &'a [u8]>, usize) {
        let (mut committed, mut pending, mut count) = (HashMap::new(), Vec::new(), 0);
        for frame in self.frames.chunks_exact(FRAME_HEADER + self.page) {
            let Some((page, content, pages_after)) = self.frame(frame) else { break };
            pending.push((page, content));
            if pages_after > 0 {
                committed.extend(pending.drain(..));
                count = pages_after;
            }
        }
        (committed, count)
    }

    fn frame(&mut self, frame: &'a [u8]) -> Option<(usize, &'a [u8], usize)> {
        let (header, content) = frame.split_at_checked(FRAME_HEADER)?;
        self.sum = checksum(content, self.big_endian, checksum(&header[..8], self.big_endian, self.sum));
        let sound = header[8..16] == self.salt && self.sum == (number(header, 16)?, number(header, 20)?);
        let page = usize::try_from(number(header, 0)?).ok().filter(|page| *page > 0)?;
        sound.then_some((page, content, usize::try_from(number(header, 4)?).ok()?))
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn checksum(bytes: &[u8], big_endian: bool, (mut a, mut b): (u32, u32)) -> (u32, u32) {
    let word = |word: &[u8]| {
        let word = [word[0], word[1], word[2], word[3]];
        if big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
    };
    for pair in bytes.chunks_exact(8) {
        a = a.wrapping_add(word(&pair[..4])).wrapping_add(b);
        b = b.wrapping_add(word(&pair[4..])).wrapping_add(a);
    }
    (a, b)
}

#[cfg(test)]
mod tests {
    use super::{beside, lay_over, read};
    use rusqlite::Connection;
    use std::fs;
    use std::path::Path;

    /// A database in which each of `commits` rows is a commit of its own, with the log as a crash leaves it.
    fn crashed(dir: &Path, commits: usize) -> (Vec<u8>, Vec<u8>) {
        let path = dir.join("live.db");
        let live = Connection::open(&path).unwrap();
        live.pragma_update(None, "locking_mode", "EXCLUSIVE").unwrap();
        live.pragma_update(None, "journal_mode", "WAL").unwrap();
        live.execute_batch("CREATE TABLE t (n INTEGER, text TEXT)").unwrap();
        for n in 0..commits {
            live.execute("INSERT INTO t VALUES (?1, ?2)", (n as i64, "x".repeat(n % 3000))).unwrap();
        }
        (fs::read(&path).unwrap(), fs::read(beside(&path, "-wal")).unwrap())
    }

    fn rows(image: &[u8]) -> i64 {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.deserialize_read_exact("main", image, image.len(), true).unwrap();
        let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
        connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn an_image_holds_what_sqlite_itself_finds_however_the_log_was_cut() {
        let temp = tempfile::tempdir().unwrap();
        let (database, log) = crashed(temp.path(), 300);
        for cut in [log.len(), log.len() - 1, log.len() / 2, log.len() / 3, 9000] {
            let mut image = database.clone();
            lay_over(&mut image, &log[..cut]);
            let path = temp.path().join("copy.db");
            fs::write(&path, &database).unwrap();
            fs::write(beside(&path, "-wal"), &log[..cut]).unwrap();
            assert_eq!(read(&path).unwrap().unwrap(), image);
            let found: i64 = Connection::open(&path)
                .unwrap()
                .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 't'", [], |row| row.get(0))
                .unwrap();
            if found == 1 {
                let sqlite = Connection::open(&path).unwrap();
                let wanted: i64 = sqlite.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
                assert_eq!(rows(&image), wanted, "cut at {cut} of {}", log.len());
            }
        }
    }

    #[test]
    fn a_reader_beside_a_writer_sees_whole_commits_and_never_fewer() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("busy.db");
        let live = Connection::open(&path).unwrap();
        live.pragma_update(None, "locking_mode", "EXCLUSIVE").unwrap();
        live.pragma_update(None, "journal_mode", "WAL").unwrap();
        live.pragma_update(None, "synchronous", "OFF").unwrap();
        live.pragma_update(None, "wal_autocheckpoint", 20).unwrap();
        live.execute_batch("CREATE TABLE t (n INTEGER)").unwrap();
        let reading = path.clone();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let (look, looked) = std::sync::mpsc::channel::<()>();
        let reader = std::thread::spawn(move || {
            let mut seen = 0;
            while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                let now = rows(&read(&reading).unwrap().unwrap());
                assert!(now >= seen && now % 10 == 0, "{now} after {seen}");
                seen = now;
                let _ = look.send(());
            }
        });
        for begin in 0..300 {
            let values: Vec<String> = (0..10).map(|n| format!("({})", begin * 10 + n)).collect();
            live.execute_batch(&format!("INSERT INTO t VALUES {}", values.join(","))).unwrap();
            // In the middle of it all somebody has looked.
            if begin % 100 == 50 {
                looked.recv().unwrap();
            }
        }
        drop(stop);
        reader.join().unwrap();
        assert_eq!(rows(&read(&path).unwrap().unwrap()), 3000);
    }
}
