//! Reading processes and listening sockets with `ps` and `lsof`, for systems without `/proc`.
//!
//! They say less: a start to the second, arguments that are not told apart, and of the sockets only those that this user
//! may see.

use crate::process::{Executed, Identity, Listener, PortOwners, Process};
use crate::{Command, Output, Reader};
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;
use runbook_model::Failure;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long they may take; `lsof` waits for file systems that do not answer.
const LIMIT: Duration = Duration::from_secs(20);

/// Every process of the host in the order of numbers, those that ended included.
pub(crate) fn processes(host: &Reader) -> Result<Vec<Process>, Failure> {
    let output = ask(host, &["ps", "-A", "-o", "pid=,ppid=,pgid=,stat=,lstart=,comm="])?;
    let mut found: Vec<Process> = output.text().lines().filter_map(parse_process).collect();
    found.sort_by_key(|process| process.identity.pid);
    Ok(found)
}

/// The process that has the number `pid` now; `None` if there is none.
pub(crate) fn process(host: &Reader, pid: u32) -> Result<Option<Process>, Failure> {
    let output = ask(host, &["ps", "-p", &pid.to_string(), "-o", "pid=,ppid=,pgid=,stat=,lstart=,comm="])?;
    Ok(output.text().lines().find_map(parse_process))
}

/// What the process with the number `pid` executes, as far as it is told.
pub(crate) fn executed(host: &Reader, pid: u32) -> Result<Executed, Failure> {
    let pid = pid.to_string();
    let text = ask(host, &["ps", "-ww", "-p", &pid, "-o", "uid=,args="])?.text();
    let (uid, args) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    let told = ask(host, &["lsof", "-nP", "-a", "-p", &pid, "-d", "txt,cwd", "-F", "fn"])?.text();
    let files = open_files(&told);
    Ok(Executed {
        // Of containers `ps` says nothing; a Mac has none.
        contained: Some(false),
        exe: files.get("txt").cloned(),
        argv: args.split_whitespace().map(str::to_owned).collect(),
        cwd: files.get("cwd").cloned(),
        uid: uid.parse().ok(),
    })
}

/// Who listens on TCP port `port`, as far as this user may see.
pub(crate) fn port_owners(host: &Reader, port: u16) -> Result<PortOwners, Failure> {
    let output = ask(host, &["lsof", "-nP", &format!("-iTCP:{port}"), "-sTCP:LISTEN", "-F", "pftn"])?;
    let mut sockets: Vec<(Listener, Vec<Process>)> = Vec::new();
    for (pid, address) in parse_listeners(&output.text(), port) {
        let Some(process) = process(host, pid)? else { continue };
        match sockets.iter_mut().find(|(listener, _)| listener.address == address) {
            Some((_, owners)) => owners.push(process),
            None => sockets.push((Listener { address, inode: 0 }, vec![process])),
        }
    }
    Ok(PortOwners { sockets })
}

/// The processes that have something of `trees` open, execute it or run in it, with what that is first.
#[cfg_attr(
    all(test, target_os = "linux", not(feature = "portable")),
    expect(dead_code, reason = "Linux tells it itself")
)]
pub(crate) fn open_below(host: &Reader, trees: &[PathBuf]) -> Result<Vec<(u32, PathBuf)>, Failure> {
    Ok(first_below(&ask(host, &["lsof", "-nPw", "-F", "pn"])?.text(), trees))
}

/// `p12`, then `n/var/lib/a` for each file of process 12.
fn first_below(text: &str, trees: &[PathBuf]) -> Vec<(u32, PathBuf)> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    let mut pid = None;
    for line in text.lines() {
        match line.split_at_checked(1) {
            Some(("p", number)) => pid = number.parse().ok(),
            Some(("n", path)) if trees.iter().any(|tree| Path::new(path).starts_with(tree)) => {
                found.extend(pid.take().map(|pid| (pid, PathBuf::from(path))));
            }
            _ => {}
        }
    }
    found
}

/// Both end with 1 where there is nothing to tell.
fn ask(host: &Reader, argv: &[&str]) -> Result<Output, Failure> {
    let env = [("LC_ALL", "C"), ("TZ", "UTC0")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let command = Command { env: env.into(), limit: Some(LIMIT), ..Command::new(argv.iter().copied()) };
    let output = host.ask(&command)?;
    match output.status.code() {
        Some(0 | 1) => Ok(output),
        _ => Err(Failure::failed(format!("`{}` ended with {}", command.line(), output.ending())).detail(output.tail())),
    }
}

/// `12 1 12 Ss Sat Nov 21 15:17:04 2026 node`; the name may hold spaces.
fn parse_process(line: &str) -> Option<Process> {
    let mut rest = line.trim_start();
    let mut next = || {
        let (word, after) = rest.split_once(char::is_whitespace)?;
        rest = after.trim_start();
        Some(word)
    };
    let (pid, parent, group) = (next()?.parse().ok()?, next()?.parse().ok()?, next()?.parse().ok()?);
    let ended = next()?.starts_with('Z');
    let (time, length) = BrokenDownTime::parse_prefix("%a %b %e %H:%M:%S %Y", rest).ok()?;
    let start = TimeZone::UTC.to_timestamp(time.to_datetime().ok()?).ok()?.as_second();
    // A start by the calendar is the same in no two boots, so that the boot need not be told.
    let identity = Identity { pid, start: u64::try_from(start).ok()?, boot: String::new() };
    Some(Process { identity, name: rest.get(length..)?.trim_start().to_owned(), parent, group, ended })
}

/// The first name of each sort of open file: `f` lines say the sort, `n` lines the name.
fn open_files(text: &str) -> BTreeMap<&str, PathBuf> {
    let (mut files, mut sort) = (BTreeMap::new(), "");
    for line in text.lines() {
        match line.split_at_checked(1) {
            Some(("f", rest)) => sort = rest,
            Some(("n", rest)) if rest.starts_with('/') => {
                // Linux adds this where the file was replaced under the process.
                let path = rest.strip_suffix(" (deleted)").unwrap_or(rest);
                files.entry(sort).or_insert_with(|| PathBuf::from(path));
            }
            _ => {}
        }
    }
    files
}

/// `p` lines say the process, `n` lines the address that it listens on; `*` is every address.
fn parse_listeners(text: &str, port: u16) -> Vec<(u32, IpAddr)> {
    let (mut found, mut process, mut is_v6) = (Vec::new(), None, false);
    for line in text.lines() {
        match line.split_at_checked(1) {
            Some(("p", number)) => process = number.parse().ok(),
            // A descriptor begins, and with it nothing is known of its family.
            Some(("f", _)) => is_v6 = false,
            Some(("t", family)) => is_v6 = family == "IPv6",
            Some(("n", name)) => {
                let Some((address, own)) = name.rsplit_once(':') else { continue };
                let any = if is_v6 { "::" } else { "0.0.0.0" };
                let address = if address == "*" { any } else { address.trim_matches(['[', ']']) };
                let entry = process.zip(address.parse::<IpAddr>().ok().map(|address| address.to_canonical()));
                found.extend(entry.filter(|_| own.parse() == Ok(port)));
            }
            _ => {}
        }
    }
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn reader() -> Reader {
        Reader::new("/nowhere", "/nowhere")
    }

    #[test]
    fn what_ps_of_either_system_prints_is_read() {
        let linux = parse_process("    412       1     412 Ssl  Sat Nov 21 15:17:04 2026 tmux: server").unwrap();
        assert_eq!((linux.identity.pid, linux.parent, linux.group, linux.ended), (412, 1, 412, false));
        assert_eq!((linux.identity.start, linux.name.as_str()), (1_795_274_224, "tmux: server"));
        let macos =
            parse_process(" 3925     1  3925 S    Wed Jan  7 08:00:01 2026 /opt/homebrew/opt/node/bin/node").unwrap();
        assert_eq!((macos.identity.pid, macos.identity.start), (3925, 1_767_772_801));
        assert!(parse_process("7 1 7 Z Wed Jan  7 08:00:01 2026 (sh)").unwrap().ended);
        assert_eq!(parse_process("7 1 7 S+ Wed Foo  7 08:00:01 2026 sh"), None);
    }

    #[test]
    fn what_lsof_prints_is_read() {
        let text = "p3925\nf19\ntIPv4\nn127.0.0.1:18789\nf20\ntIPv6\nn[::1]:18789\np4000\nf3\ntIPv6\nn*:18789\nf4\ntIPv4\nn*:80\n";
        let found: Vec<(u32, String)> =
            parse_listeners(text, 18789).into_iter().map(|(pid, address)| (pid, address.to_string())).collect();
        assert_eq!(found, [(3925, "127.0.0.1".to_owned()), (3925, "::1".to_owned()), (4000, "::".to_owned())]);
        let below = first_below(
            "p1\nfcwd\nn/\np12\nfcwd\nn/srv/data\nf3\nn/srv/data/a\np13\nf3\nn/srv/database\n",
            &["/srv/data".into()],
        );
        assert_eq!(below, [(12, PathBuf::from("/srv/data"))]);
        let files = open_files("p1\nfcwd\nn/Volumes/ann\nftxt\nn/opt/homebrew/bin/node\nftxt\nn/usr/lib/dyld\n");
        assert_eq!(
            (files["cwd"].to_str(), files["txt"].to_str()),
            (Some("/Volumes/ann"), Some("/opt/homebrew/bin/node"))
        );
    }

    #[test]
    fn they_say_what_the_kernel_says() {
        let own = std::process::id();
        let told = process(&reader(), own).unwrap().unwrap();
        let known = reader().process(own).unwrap().unwrap();
        assert_eq!((told.identity.pid, told.parent, told.group), (known.identity.pid, known.parent, known.group));
        let started = reader().started_ns(&known.identity) / 1_000_000_000;
        let told_at = if known.identity.boot.is_empty() { started } else { told.identity.start };
        assert!(told_at.abs_diff(started) <= 2, "{told_at} {started}");
        assert!(processes(&reader()).unwrap().iter().any(|process| process.identity == told.identity));
        assert_eq!(process(&reader(), 4_194_304).unwrap(), None);
    }

    #[test]
    fn a_listener_is_found_with_its_owner() {
        for address in ["127.0.0.1:0", "[::1]:0", "[::]:0", "0.0.0.0:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let port = listener.local_addr().unwrap().port();
            let owners = port_owners(&reader(), port).unwrap();
            let pids: Vec<u32> = owners.processes().iter().map(|process| process.identity.pid).collect();
            assert!(pids.contains(&std::process::id()), "{address}: {owners:?}");
            drop(listener);
            assert!(port_owners(&reader(), port).unwrap().is_free(), "{address}");
        }
    }

    #[test]
    fn what_a_process_executes_is_told() {
        let told = executed(&reader(), std::process::id()).unwrap();
        assert_eq!(told.exe, std::env::current_exe().ok());
        assert_eq!(told.cwd, std::env::current_dir().ok());
        assert_eq!(told.uid, Some(reader().own_uid()));
        assert!(told.argv.first().is_some_and(|program| program.contains("runbook_host")), "{told:?}");
    }
}
