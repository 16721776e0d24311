//! Whether a program of Linux is static, from what its headers ask for; elf(5).

/// Segments: what is loaded beside the program, and who loads it.
const DYNAMIC: u32 = 2;
const INTERPRETER: u32 = 3;
/// An entry of the dynamic segment that names a library.
const NEEDED: u64 = 1;

/// Refuses what another file is needed for before it runs.
pub(super) fn is_static(file: &[u8]) -> Result<(), String> {
    let is_known = file.starts_with(b"\x7fELF\x02\x01");
    let headers = is_known.then(|| headers(file)).flatten().ok_or("it is no ELF file of 64 bits, little end first")?;
    for [kind, from, length] in headers {
        if kind == u64::from(INTERPRETER) {
            return Err("it is loaded by another program (PT_INTERP)".to_owned());
        }
        let entries = usize::try_from(from).ok().and_then(|from| file.get(from..)).unwrap_or_default().chunks_exact(16);
        let count = usize::try_from(length / 16).unwrap_or(usize::MAX);
        if kind == u64::from(DYNAMIC) && entries.take(count).any(|entry| number(entry, 0, 8) == Some(NEEDED)) {
            return Err("it needs a library (DT_NEEDED)".to_owned());
        }
    }
    Ok(())
}

/// The kind, the place and the length of each segment.
fn headers(file: &[u8]) -> Option<Vec<[u64; 3]>> {
    let (table, size, count) = (number(file, 0x20, 8)?, number(file, 0x36, 2)?, number(file, 0x38, 2)?);
    let header = |at: u64| {
        let at = usize::try_from(table.checked_add(at.checked_mul(size)?)?).ok()?;
        Some([number(file, at, 4)?, number(file, at.checked_add(8)?, 8)?, number(file, at.checked_add(32)?, 8)?])
    };
    (0..count).map(header).collect()
}

fn number(file: &[u8], at: usize, bytes: usize) -> Option<u64> {
    let part = file.get(at..at.checked_add(bytes)?)?;
    Some(part.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with these segments, and one entry in a dynamic segment.
    fn elf(kinds: &[u32], entry: u64) -> Vec<u8> {
        let mut file = vec![0; 0x40];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[0x20] = 0x40;
        file[0x36] = 56;
        file[0x38] = u8::try_from(kinds.len()).unwrap();
        let end = u64::try_from(0x40 + 56 * kinds.len()).unwrap();
        for kind in kinds {
            let mut header = [0; 56];
            header[..4].copy_from_slice(&kind.to_le_bytes());
            header[8..16].copy_from_slice(&end.to_le_bytes());
            header[32..40].copy_from_slice(&16_u64.to_le_bytes());
            file.extend(header);
        }
        file.extend(entry.to_le_bytes());
        file.extend([0; 24]);
        file
    }

    #[test]
    fn what_needs_nothing_is_static() {
        assert_eq!(is_static(&elf(&[1, 1, 6], NEEDED)), Ok(()));
        // One that may be loaded anywhere has a dynamic segment, and loads itself.
        assert_eq!(is_static(&elf(&[1, DYNAMIC], 7)), Ok(()));
    }

    #[test]
    fn what_needs_another_file_is_not() {
        for (file, why) in [
            (elf(&[1, INTERPRETER], 0), "PT_INTERP"),
            (elf(&[1, DYNAMIC], NEEDED), "DT_NEEDED"),
            (b"#!/bin/sh\n".to_vec(), "no ELF"),
            (elf(&[1, 1], 0)[..0x50].to_vec(), "no ELF"),
        ] {
            assert!(is_static(&file).unwrap_err().contains(why), "{why}");
        }
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(is_static(&own).unwrap_err().contains("PT_INTERP"));
    }
}
