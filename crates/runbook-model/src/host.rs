//! Facts of the host that templates may use as `host.*`.

use serde::{Deserialize, Serialize};

/// What a host is; read once when a plan is loaded there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFacts {
    /// `linux` or `macos`.
    pub os: String,
    /// `x86_64`, `aarch64`, …
    pub arch: String,
    /// `gnu`, `musl` or `system`.
    pub libc: String,
    /// `systemd`, `launchd` or `none`.
    pub init: String,
    /// The host's name.
    pub name: String,
    /// The name of the user that runs `runbook`.
    pub user: String,
    /// That user's home directory, absolute.
    pub home: String,
}

impl HostFacts {
    /// The names under `host.`, for checks and suggestions.
    pub const NAMES: [&'static str; 7] = ["os", "arch", "libc", "init", "name", "user", "home"];
}
