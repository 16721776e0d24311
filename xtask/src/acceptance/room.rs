//! Room on the disk, looked at before anything is fetched.

use super::Result;
use std::path::Path;

/// A GiB in bytes.
const GIB: u64 = 1 << 30;
/// What the packages take in the cache, in bytes.
const CACHE: u64 = GIB;
/// What the host takes: the package twice, its backups, npm's cache, and what a restore sets aside, in bytes.
const HOST: u64 = 5 * GIB;

/// Fails where the cache or the hosts would fill their disk.
pub(super) fn check(cache: &Path, lab: &Path) -> Result<()> {
    std::fs::create_dir_all(cache).map_err(|error| format!("{} cannot be made: {error}", cache.display()))?;
    // A file system that holds both is asked for the sum.
    let needs = if same(cache, lab)? { vec![(cache, CACHE + HOST)] } else { vec![(cache, CACHE), (lab, HOST)] };
    for (dir, needed) in needs {
        let stat = rustix::fs::statvfs(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        let free = stat.f_bavail * stat.f_frsize;
        if free < needed {
            let (free, needed) = (free / GIB, needed / GIB);
            return Err(format!(
                "{} has {free} GiB free, and {needed} are needed; make room, or name another place with --cache or RUNBOOK_LAB",
                dir.display()
            )
            .into());
        }
    }
    Ok(())
}

fn same(one: &Path, other: &Path) -> Result<bool> {
    let device = |dir: &Path| {
        rustix::fs::stat(dir).map(|stat| stat.st_dev).map_err(|error| format!("{}: {error}", dir.display()))
    };
    Ok(device(one)? == device(other)?)
}
