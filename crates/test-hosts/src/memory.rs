//! How many hosts fit into the memory that is free.

use crate::error::{Result, WithPath};

/// What a booting host may take, in KiB: systemd, journald, dbus, logind and sshd with some room for what a test starts.
const HOST: usize = 200 * 1024;

/// How many hosts could boot now.
pub(crate) fn room_for_hosts() -> Result<usize> {
    let source = "/proc/meminfo";
    let text = std::fs::read_to_string(source).with_path(source)?;
    Ok(available(&text).unwrap_or_default() / HOST)
}

/// The memory that is available, in KiB.
fn available(meminfo: &str) -> Option<usize> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_available_counts() {
        assert_eq!(available("MemTotal: 900 kB\nMemAvailable:     409600 kB\n"), Some(2 * HOST));
        assert_eq!(available("MemTotal: 900 kB\n"), None);
    }
}
