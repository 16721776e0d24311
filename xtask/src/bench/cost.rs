//! What a command costs: time, CPU of this machine, and CPU of the host that it works on.

use super::Result;
use std::fmt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use test_hosts::Host;

/// What one command took.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    /// From its start to its end.
    pub(super) wall: Duration,
    /// User and system time of the command and of all that it waited for.
    pub(super) here: Duration,
    /// User and system time of everything on the host.
    pub(super) there: Duration,
}

impl Cost {
    /// The median of each part.
    pub(super) fn median(costs: &[Self]) -> Self {
        let of = |part: fn(&Self) -> Duration| {
            let mut parts: Vec<Duration> = costs.iter().map(part).collect();
            parts.sort();
            parts.get(parts.len() / 2).copied().unwrap_or_default()
        };
        Self { wall: of(|cost| cost.wall), here: of(|cost| cost.here), there: of(|cost| cost.there) }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |part: Duration| part.as_millis();
        write!(f, "{:>6} ms  CPU {:>5} + {:>5} ms", ms(self.wall), ms(self.here), ms(self.there))
    }
}

/// Runs a command that must succeed.
pub(super) fn measured(mut command: Command, host: &Host) -> Result<Cost> {
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let (here, there) = (of_children()?, of_host(host)?);
    let began = Instant::now();
    let output = command.output()?;
    let wall = began.elapsed();
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?} ended with {}: {said}", output.status).into());
    }
    Ok(Cost { wall, here: of_children()?.saturating_sub(here), there: of_host(host)?.saturating_sub(there) })
}

/// CPU time of the children that were waited for: proc(5), cutime and cstime, in ticks of 10 ms.
fn of_children() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The name of the program, which may hold anything, ends with the last parenthesis; the field behind it is the third.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = fields.get(13..15).unwrap_or_default().iter().map(|field| field.parse::<u64>().unwrap_or_default());
    Ok(Duration::from_millis(ticks.sum::<u64>() * 10))
}

/// CPU time of all that runs on the host, by its control group.
fn of_host(host: &Host) -> Result<Duration> {
    let stat = host.sh("cat /sys/fs/cgroup/cpu.stat")?.ok()?;
    let used = stat.lines().find_map(|line| line.strip_prefix("usage_usec "));
    Ok(Duration::from_micros(used.ok_or("the host has no cpu.stat")?.trim().parse()?))
}
