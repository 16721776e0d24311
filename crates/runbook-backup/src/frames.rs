//! zstd in frames that can be read one by one: any zstd unpacks the whole, and with the table at its end a part is read.
//!
//! The table is that of zstd's seekable format: a frame that readers skip, with the sizes of all others.

use std::io::{self, Write};

use zstd::bulk::Compressor;

/// How much content a frame holds: what is lost at most where a transfer or a disk harms a byte.
pub(crate) const FRAME: usize = 4 << 20;
const SKIPPABLE: u32 = 0x184D_2A5E;
const SEEKABLE: u32 = 0x8F92_EAB1;

/// Cuts what is written into frames, each with a checksum of its own.
pub(crate) struct Frames<W> {
    out: W,
    compressor: Compressor<'static>,
    content: Vec<u8>,
    /// The compressed and the whole size of each frame.
    table: Vec<(u32, u32)>,
}

impl<W: Write> Frames<W> {
    pub(crate) fn new(out: W, level: i32) -> io::Result<Self> {
        let mut compressor = Compressor::new(level)?;
        compressor.include_checksum(true)?;
        Ok(Self { out, compressor, content: Vec::with_capacity(FRAME), table: Vec::new() })
    }

    fn frame(&mut self) -> io::Result<()> {
        let packed = self.compressor.compress(&self.content)?;
        self.out.write_all(&packed)?;
        self.table.push((size(packed.len())?, size(self.content.len())?));
        self.content.clear();
        Ok(())
    }

    /// Writes the last frame and the table.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        if !self.content.is_empty() {
            self.frame()?;
        }
        let rows: Vec<u8> = self
            .table
            .iter()
            .flat_map(|(packed, whole)| [packed.to_le_bytes(), whole.to_le_bytes()].concat())
            .collect();
        let footer = [size(self.table.len())?.to_le_bytes().as_slice(), &[0], &SEEKABLE.to_le_bytes()].concat();
        self.out.write_all(&SKIPPABLE.to_le_bytes())?;
        self.out.write_all(&size(rows.len() + footer.len())?.to_le_bytes())?;
        self.out.write_all(&rows)?;
        self.out.write_all(&footer)?;
        Ok(self.out)
    }
}

fn size(length: usize) -> io::Result<u32> {
    u32::try_from(length).map_err(io::Error::other)
}

impl<W: Write> Write for Frames<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let now = bytes.len().min(FRAME - self.content.len());
        self.content.extend_from_slice(bytes.get(..now).unwrap_or_default());
        if self.content.len() == FRAME {
            self.frame()?;
        }
        Ok(now)
    }

    fn flush(&mut self) -> io::Result<()> {
        // Nothing leaves before its frame is full.
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_and_each_frame_can_be_read() {
        let content: Vec<u8> = (0..FRAME * 2 + 17).map(|at| (at / 1000) as u8).collect();
        let mut frames = Frames::new(Vec::new(), 1).unwrap();
        frames.write_all(&content).unwrap();
        let packed = frames.finish().unwrap();
        assert!(zstd::decode_all(packed.as_slice()).unwrap() == content);

        let number = |at: usize| u32::from_le_bytes(packed[at..at + 4].try_into().unwrap());
        let end = packed.len();
        assert_eq!((number(end - 4), number(end - 9), packed[end - 5]), (SEEKABLE, 3, 0));
        let table = end - 9 - 3 * 8;
        let mut at = 0;
        for frame in 0..3 {
            let (size, whole) = (number(table + frame * 8) as usize, number(table + frame * 8 + 4) as usize);
            let part = zstd::bulk::decompress(&packed[at..at + size], FRAME).unwrap();
            assert!(part == content[frame * FRAME..frame * FRAME + whole]);
            at += size;
        }
        assert_eq!((number(at), at + 8), (SKIPPABLE, table));
    }

    #[test]
    fn nothing_is_an_archive_of_nothing() {
        let packed = Frames::new(Vec::new(), 1).unwrap().finish().unwrap();
        assert_eq!(zstd::decode_all(packed.as_slice()).unwrap(), b"");
    }
}
