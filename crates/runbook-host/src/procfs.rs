//! Reading processes and listening sockets from `/proc`: Linux only. Signalling them is in `pidfd.rs`.

use crate::process::{Executed, Identity, Listener, PortOwners, Process};
use crate::{Reader, io_failure};
use runbook_backup::{BOOT_ID, boot_id};
use runbook_model::{Failure, Uptime};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// In one second, as `/proc` counts; Linux shows this to programs on every platform (`USER_HZ`).
const TICKS: u64 = 100;
/// The state of a listening socket in `/proc/net/tcp`.
const LISTEN: &str = "0A";

impl Reader {
    /// The process that has the number `pid` now; `None` if there is none.
    pub fn process(&self, pid: u32) -> Result<Option<Process>, Failure> {
        Ok(read_stat(pid, &self.boot()?))
    }

    /// The permission bits that files of the process `pid` never have; `None` where the kernel does not tell.
    pub fn umask_of(&self, pid: u32) -> Result<Option<u32>, Failure> {
        let status = self.read_text(&std::path::PathBuf::from(format!("/proc/{pid}/status")))?.unwrap_or_default();
        let umask = status.lines().find_map(|line| line.strip_prefix("Umask:"));
        Ok(umask.and_then(|bits| u32::from_str_radix(bits.trim(), 8).ok()))
    }

    /// Every process of the host in the order of numbers, those that ended left out.
    pub fn processes(&self) -> Result<Vec<Process>, Failure> {
        let boot = self.boot()?;
        Ok(pids()?.into_iter().filter_map(|pid| read_stat(pid, &boot)).filter(|process| !process.ended).collect())
    }

    /// The numbers of the children of this process, of all its threads; none where the kernel does not list them.
    pub(crate) fn own_children(&self) -> Vec<u32> {
        let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        let text = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok()).collect::<String>();
        text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
    }

    /// The processes whose environment had exactly `name=value` when they were started, as far as this user may see.
    pub fn processes_with_env(&self, name: &str, value: &Path) -> Result<Vec<Process>, Failure> {
        let wanted = [name.as_bytes(), b"=", value.as_os_str().as_bytes()].concat();
        let has = |process: &Process| self.environment_of(process.identity.pid).contains(&wanted);
        Ok(self.processes()?.into_iter().filter(has).collect())
    }

    /// `NAME=value` of each variable that a process was started with; none that this user may not see, and none in the moment
    /// in which it becomes another program.
    pub fn environment_of(&self, pid: u32) -> Vec<Vec<u8>> {
        let environ = fs::read(proc_file(pid, "environ")).unwrap_or_default();
        environ.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()).map(<[u8]>::to_vec).collect()
    }

    /// When exactly this process was started, in nanoseconds since 1970 by the clock that also stamps files, as it goes
    /// now; up to a tick of 10 ms too early.
    pub fn started_ns(&self, identity: &Identity) -> u64 {
        use rustix::time::{ClockId, clock_gettime};
        let now = |clock| {
            let time = clock_gettime(clock);
            let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
            seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
        };
        // Seconds asleep count in both.
        let booted = now(ClockId::Realtime).saturating_sub(now(ClockId::Boottime));
        booted.saturating_add(identity.start.saturating_mul(1_000_000_000 / TICKS))
    }

    /// What exactly this process executes; `None` if it is gone.
    pub fn executed(&self, identity: &Identity) -> Result<Option<Executed>, Failure> {
        let argv = fs::read(proc_file(identity.pid, "cmdline")).unwrap_or_default();
        let mut argv: Vec<String> =
            argv.split(|byte| *byte == 0).map(|arg| String::from_utf8_lossy(arg).into_owned()).collect();
        argv.pop();
        let executed = Executed {
            exe: fs::read_link(proc_file(identity.pid, "exe")).ok().map(without_deleted),
            argv,
            cwd: fs::read_link(proc_file(identity.pid, "cwd")).ok(),
            uid: fs::read_to_string(proc_file(identity.pid, "status")).ok().and_then(|status| effective_uid(&status)),
            contained: pid_namespace(&identity.pid.to_string()).zip(pid_namespace("self")).map(|(its, own)| its != own),
        };
        // The number may have passed to another process in between; then what was read is about that one.
        Ok(self.alive(identity)?.then_some(executed))
    }

    /// Who listens on TCP port `port`, IPv4 and IPv6, in the network namespace of this process.
    pub fn port_owners(&self, port: u16) -> Result<PortOwners, Failure> {
        let mut listeners = Vec::new();
        for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
            match fs::read_to_string(table) {
                Ok(text) => listeners.extend(text.lines().skip(1).filter_map(|line| parse_listener(line, port))),
                // A kernel without IPv6 has no such table.
                Err(error) if error.kind() == io::ErrorKind::NotFound && table.ends_with('6') => {}
                Err(error) => return Err(io_failure("read", Path::new(table), &error)),
            }
        }
        if listeners.is_empty() {
            return Ok(PortOwners::default());
        }
        let mut owners = self.socket_owners(&listeners)?;
        let owned = |listener: Listener| {
            let owners = owners.remove(&listener.inode).unwrap_or_default();
            (listener, owners)
        };
        Ok(PortOwners { sockets: listeners.into_iter().map(owned).collect() })
    }

    fn socket_owners(&self, listeners: &[Listener]) -> Result<BTreeMap<u64, Vec<Process>>, Failure> {
        let links: BTreeMap<OsString, u64> =
            listeners.iter().map(|one| (OsString::from(format!("socket:[{}]", one.inode)), one.inode)).collect();
        let mut owners: BTreeMap<u64, Vec<Process>> = BTreeMap::new();
        for process in self.processes()? {
            // Another user's descriptors cannot be listed; a process may also end just now.
            let Ok(entries) = fs::read_dir(proc_file(process.identity.pid, "fd")) else { continue };
            let targets = entries.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
            let mut inodes: Vec<u64> = targets.filter_map(|it| links.get(it.as_os_str()).copied()).collect();
            inodes.sort_unstable();
            inodes.dedup();
            for inode in inodes {
                owners.entry(inode).or_default().push(process.clone());
            }
        }
        Ok(owners)
    }

    /// How long this host is up, the time asleep included, and in which boot.
    pub fn uptime(&self) -> Uptime {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let part = |part: i64| u64::try_from(part).unwrap_or(0);
        let ms = part(time.tv_sec).saturating_mul(1000).saturating_add(part(time.tv_nsec) / 1_000_000);
        Uptime { ms, boot: self.boot().unwrap_or_default() }
    }

    /// The kernel's name of this boot.
    pub fn boot(&self) -> Result<String, Failure> {
        let boot = boot_id().map_err(|error| io_failure("read", Path::new(BOOT_ID), &error))?;
        Ok(boot.to_owned())
    }
}

pub(crate) fn proc_file(pid: u32, name: &str) -> PathBuf {
    Path::new("/proc").join(pid.to_string()).join(name)
}

/// `proc_pid_status(5)`: the real, the effective and two more users. The owner of the directory in `/proc` is root for
/// every process that may not be traced.
fn effective_uid(status: &str) -> Option<u32> {
    status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// In which process numbers mean something else: `namespaces(7)`.
fn pid_namespace(process: &str) -> Option<PathBuf> {
    fs::read_link(Path::new("/proc").join(process).join("ns/pid")).ok()
}

fn pids() -> Result<Vec<u32>, Failure> {
    let proc = Path::new("/proc");
    let entries = fs::read_dir(proc).map_err(|error| io_failure("list", proc, &error))?;
    let mut pids: Vec<u32> = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    Ok(pids)
}

fn read_stat(pid: u32, boot: &str) -> Option<Process> {
    parse_stat(&String::from_utf8_lossy(&fs::read(proc_file(pid, "stat")).ok()?), boot)
}

/// `proc_pid_stat(5)`. The name in parentheses may itself hold spaces and parentheses.
fn parse_stat(text: &str, boot: &str) -> Option<Process> {
    let (pid, rest) = text.split_once(" (")?;
    let (name, rest) = rest.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let identity = Identity { pid: pid.parse().ok()?, start: fields.get(19)?.parse().ok()?, boot: boot.to_owned() };
    Some(Process {
        identity,
        name: name.to_owned(),
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        ended: matches!(*fields.first()?, "Z" | "X" | "x"),
    })
}

/// The kernel appends this when the program file was replaced or removed under the process.
fn without_deleted(path: PathBuf) -> PathBuf {
    let bytes = path.into_os_string().into_vec();
    let kept = bytes.strip_suffix(b" (deleted)").map(<[u8]>::to_vec);
    PathBuf::from(OsString::from_vec(kept.unwrap_or(bytes)))
}

/// `proc_pid_net(5)`: the second field is the local address, the fourth the state, the tenth the inode.
fn parse_listener(line: &str, port: u16) -> Option<Listener> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let (address, local_port) = fields.get(1)?.split_once(':')?;
    if *fields.get(3)? != LISTEN || u16::from_str_radix(local_port, 16).ok()? != port {
        return None;
    }
    Some(Listener { address: parse_address(address)?, inode: fields.get(9)?.parse().ok()? })
}

/// Addresses are written in words of 32 bits, each in the byte order of the machine.
fn parse_address(hex: &str) -> Option<IpAddr> {
    let mut bytes = Vec::with_capacity(16);
    for at in (0..hex.len()).step_by(8) {
        bytes.extend(u32::from_str_radix(hex.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    }
    match bytes.len() {
        4 => Some(IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?))),
        16 => Some(IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)).to_canonical()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn reader() -> Reader {
        Reader::new("/nowhere", "/nowhere")
    }

    #[test]
    fn names_with_parentheses_do_not_shift_the_fields() {
        let tail = "S 7 8 9 0 -1 0 0 0 0 0 1 2 3 4 20 0 1 0 4242 0 0";
        for name in ["node", "a b", ") S 1 (", "((x))"] {
            let process = parse_stat(&format!("12 ({name}) {tail}"), "b").unwrap();
            assert_eq!((process.name.as_str(), process.parent, process.identity.start), (name, 7, 4242));
        }
        assert_eq!(parse_stat("12 (cut", "b"), None);
    }

    #[test]
    fn addresses_of_both_families() {
        let line = |address: &str, state: &str| {
            format!("  0: {address}:4965 00000000:0000 {state} 00000000:00000000 00:00000000 00000000 0 0 77 1")
        };
        let read = |address: &str| parse_listener(&line(address, "0A"), 0x4965).map(|one| one.address.to_string());
        if cfg!(target_endian = "little") {
            assert_eq!(read("0100007F").unwrap(), "127.0.0.1");
            assert_eq!(read("00000000000000000000000001000000").unwrap(), "::1");
            assert_eq!(read("0000000000000000FFFF00000100007F").unwrap(), "127.0.0.1");
        }
        assert_eq!(read("xyz"), None);
        assert_eq!(parse_listener(&line("0100007F", "01"), 0x4965), None, "a connection is not a listener");
    }

    #[test]
    fn listeners_are_found_by_the_socket_and_not_by_a_name() {
        for address in ["127.0.0.1:0", "[::1]:0", "[::]:0", "0.0.0.0:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let port = listener.local_addr().unwrap().port();
            let owners = reader().port_owners(port).unwrap();
            let pids: Vec<u32> = owners.processes().iter().map(|process| process.identity.pid).collect();
            assert!(pids.contains(&std::process::id()), "{address}: {owners:?}");
            drop(listener);
            assert!(reader().port_owners(port).unwrap().is_free(), "{address}");
        }
    }

    #[test]
    fn a_process_was_started_before_its_child() {
        let since = |identity: &Identity| reader().started_ns(identity) / 1_000_000;
        let now = || u64::try_from(reader().now_ms()).unwrap();
        let begin = now();
        let mut child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let started = since(&reader().process(child.id()).unwrap().unwrap().identity);
        assert!((begin - 20..=now()).contains(&started), "{begin} {started}");
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn a_process_is_seen_with_its_user() {
        let own = reader().process(std::process::id()).unwrap().unwrap().identity;
        let executed = reader().executed(&own).unwrap().unwrap();
        assert_eq!((executed.uid, executed.contained), (Some(reader().own_uid()), Some(false)));
        assert_eq!(effective_uid("Name:\tx\nUid:\t0\t1000\t0\t0\n"), Some(1000));
    }

    #[test]
    fn a_reused_number_is_another_process() {
        let own = reader().process(std::process::id()).unwrap().unwrap().identity;
        assert!(reader().alive(&own).unwrap());
        for other in
            [Identity { start: own.start + 1, ..own.clone() }, Identity { boot: "another".to_owned(), ..own.clone() }]
        {
            assert!(!reader().alive(&other).unwrap());
            assert_eq!(reader().executed(&other).unwrap(), None);
        }
    }

    #[test]
    fn a_zombie_does_not_run() {
        let mut child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let identity = reader().process(child.id()).unwrap().unwrap().identity;
        assert!(reader().alive(&identity).unwrap() && crate::runs(child.id()));
        drop(child.stdin.take());
        let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        let wait = rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT;
        rustix::process::waitid(rustix::process::WaitId::Pid(pid), wait).unwrap();
        assert!(reader().process(child.id()).unwrap().unwrap().ended);
        assert!(!reader().alive(&identity).unwrap() && !crate::runs(child.id()));
        child.wait().unwrap();
    }
}
