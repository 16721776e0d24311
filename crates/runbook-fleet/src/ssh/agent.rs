//! The program that becomes the agent: a file of this machine, its digest, and which hosts can run it.

use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Machines of ELF files, elf(5), as `uname -m` calls them.
const ELF: &[(u16, &[&str])] = &[
    (0x3e, &["x86_64", "amd64"]),
    (0xb7, &["aarch64", "arm64"]),
    (0x28, &["armv6l", "armv7l", "armv8l"]),
    (0x15, &["ppc64le", "ppc64"]),
    (0xf3, &["riscv64"]),
    (0x16, &["s390x"]),
];
/// Those of Mach-O.
const MACH: &[(u32, &[&str])] = &[(0x0100_0007, &["x86_64"]), (0x0100_000c, &["arm64"])];

/// A program that can be an agent.
#[derive(Clone, Debug)]
pub struct AgentProgram {
    pub(super) path: PathBuf,
    /// SHA-256, which hosts compare with what they have: it names the agent's directory there.
    pub(super) digest: String,
    pub(super) length: u64,
    platform: Option<Platform>,
}

/// What a program runs on, as far as its head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Platform {
    system: &'static str,
    processors: &'static [&'static str],
}

impl AgentProgram {
    /// The program in the file `path`. Fails if it cannot be read.
    pub fn read(path: &Path) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        let mut bytes = Vec::new();
        File::open(&path)?.read_to_end(&mut bytes)?;
        let digest = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { path, digest, length: bytes.len() as u64, platform: platform(&bytes) })
    }

    /// This program itself: for hosts on which it runs as it is.
    pub fn own() -> io::Result<Self> {
        Self::read(&std::env::current_exe()?)
    }

    /// The digest in hex, which names its directory on a host.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What it is for, if that is not what `system` and `processor` are; both as `uname` says them.
    pub(super) fn other_than(&self, system: &str, processor: &str) -> Option<String> {
        let Platform { system: ours, processors } = self.platform?;
        let fits = ours == system && processors.contains(&processor);
        (!fits).then(|| format!("{ours} {}", processors.first().unwrap_or(&"")))
    }
}

fn platform(head: &[u8]) -> Option<Platform> {
    let find = |processors: Option<&'static [&'static str]>, system| Some(Platform { system, processors: processors? });
    match head {
        [0x7f, b'E', b'L', b'F', _, end, ..] => {
            let bytes = [*head.get(18)?, *head.get(19)?];
            let machine = if *end == 2 { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
            find(ELF.iter().find(|(known, _)| *known == machine).map(|(_, names)| *names), "Linux")
        }
        [0xcf, 0xfa, 0xed, 0xfe, a, b, c, d, ..] => {
            let machine = u32::from_le_bytes([*a, *b, *c, *d]);
            find(MACH.iter().find(|(known, _)| *known == machine).map(|(_, names)| *names), "Darwin")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_says_what_it_is_for() {
        let own = AgentProgram::own().unwrap();
        let processor = std::env::consts::ARCH;
        assert_eq!(own.other_than("Linux", processor), None);
        assert_eq!(own.other_than("Linux", "mips"), Some(format!("Linux {processor}")));
        assert_eq!(own.other_than("Darwin", processor), Some(format!("Linux {processor}")));
        assert_eq!(own.length, std::fs::metadata(&own.path).unwrap().len());
    }

    #[test]
    fn a_script_is_for_all_and_its_digest_is_that_of_sha256sum() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agent");
        std::fs::write(&path, "abc").unwrap();
        let agent = AgentProgram::read(&path).unwrap();
        assert_eq!(agent.digest(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!((agent.length, agent.other_than("Linux", "mips")), (3, None));
        assert!(AgentProgram::read(&dir.path().join("none")).is_err());
    }

    #[test]
    fn heads_of_programs_are_known() {
        let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xb7\0".to_vec();
        assert_eq!(platform(&elf).unwrap().processors, ["aarch64", "arm64"]);
        (elf[5], elf[18], elf[19]) = (2, 0, 0x16);
        assert_eq!(platform(&elf).unwrap().processors, ["s390x"]);
        assert_eq!(platform(b"\xcf\xfa\xed\xfe\x0c\0\0\x01").unwrap().system, "Darwin");
        assert_eq!(platform(b"\x7fELF"), None);
    }
}
