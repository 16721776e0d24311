//! One file a group of kinds, one function a case. A group ends with `scenarios!`, which makes a test of each case.

pub(crate) mod artifacts;
pub(crate) mod backups;
pub(crate) mod commands;
pub(crate) mod external;
pub(crate) mod files;
pub(crate) mod gates;
pub(crate) mod json;
pub(crate) mod launchd;
pub(crate) mod npm;
pub(crate) mod process;
pub(crate) mod systemd;

use crate::harness::Scenario;

/// Every scenario of every group; those of systemd are tried on hosts of their own.
pub(crate) fn all() -> impl Iterator<Item = Scenario> {
    [
        artifacts::ALL,
        backups::ALL,
        commands::ALL,
        external::ALL,
        files::ALL,
        gates::ALL,
        json::ALL,
        launchd::ALL,
        npm::ALL,
        process::ALL,
        systemd::ON_A_HOST,
    ]
    .into_iter()
    .flatten()
    .map(|scenario| scenario())
}
