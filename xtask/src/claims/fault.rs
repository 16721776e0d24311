//! What goes wrong while the plan runs.

use fastrand::Rng;

/// A fault, which [`Session`](super::session::Session) brings about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing.
    None,
    /// SIGKILL after a record of the journal.
    KillAtRecord(u32),
    /// SIGKILL at a system call.
    KillAtCall { call: &'static str, nth: u32 },
    /// An error from a system call.
    ErrorFromCall { call: &'static str, error: &'static str, nth: u32 },
    /// So little room for the state directory.
    FullState { kib: u32 },
    /// So little room for the host.
    FullHost { kib: u32 },
    /// A terminal's Ctrl-C, once, while a command runs.
    Interrupt,
    /// The journal is damaged after the run, at this part of its length.
    Damage { how: Damage, percent: u32 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    Gone,
    Cut,
    Flipped,
    LogGone,
}

const CALLS: &[&str] = &[
    "openat",
    "openat2",
    "renameat",
    "renameat2",
    "rename",
    "unlinkat",
    "unlink",
    "mkdirat",
    "mkdir",
    "linkat",
    "symlinkat",
    "fchmod",
    "fchown",
    "utimensat",
    "fsync",
    "fdatasync",
    "pwrite64",
    "write",
    "ftruncate",
    "execve",
];

const ERRORS: &[&str] = &["EIO", "ENOSPC", "EPERM", "EACCES", "EROFS", "EINTR"];

impl Fault {
    pub(super) fn draw(random: &mut Rng) -> Self {
        let pick = |random: &mut Rng, of: &'static [&'static str]| {
            of.get(random.usize(..of.len())).copied().unwrap_or("write")
        };
        match random.u32(0..20) {
            0..4 => Self::None,
            4..8 => Self::KillAtRecord(random.u32(1..26)),
            8..12 => Self::KillAtCall { call: pick(random, CALLS), nth: random.u32(1..60) },
            12..15 => {
                Self::ErrorFromCall { call: pick(random, CALLS), error: pick(random, ERRORS), nth: random.u32(1..60) }
            }
            15 => Self::FullState { kib: random.u32(64..700) },
            16 => Self::FullHost { kib: random.u32(64..140) },
            17 => Self::Interrupt,
            _ => {
                let how = [Damage::Gone, Damage::Cut, Damage::Flipped, Damage::LogGone];
                let how = how.get(random.usize(..how.len())).copied().unwrap_or(Damage::Gone);
                Self::Damage { how, percent: random.u32(0..100) }
            }
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::None => "no fault",
            Self::KillAtRecord(_) => "killed at a record",
            Self::KillAtCall { .. } => "killed at a system call",
            Self::ErrorFromCall { .. } => "an error from a system call",
            Self::FullState { .. } => "a full disk under the state directory",
            Self::FullHost { .. } => "a full disk under the host",
            Self::Interrupt => "interrupted",
            Self::Damage { .. } => "a damaged journal",
        }
    }
}
