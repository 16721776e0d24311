//! Reads what `strace -f` wrote and finds every call that is more than reading.
//!
//! Calls that are not known to be harmless are offences: a new way to write is found without being named here.

use std::collections::HashMap;

/// One system call: its name, its arguments as strace writes them, and its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) pid: u32,
    pub(crate) name: String,
    pub(crate) args: Vec<String>,
    pub(crate) result: String,
}

/// Calls that read, wait, or work on the process itself.
const HARMLESS: &[&str] = &[
    "access",
    "arch_prctl",
    "brk",
    "capget",
    "clock_gettime",
    "clock_nanosleep",
    "close",
    "close_range",
    "dup",
    "dup2",
    "dup3",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_wait",
    "eventfd2",
    "exit",
    "exit_group",
    "faccessat",
    "faccessat2",
    "fadvise64",
    "fstat",
    "fstatfs",
    "futex",
    "getcwd",
    "getdents64",
    "getegid",
    "geteuid",
    "getgid",
    "getgroups",
    "getpgrp",
    "getpid",
    "getppid",
    "getpriority",
    "getrandom",
    "getresgid",
    "getresuid",
    "getrlimit",
    "getsid",
    "gettid",
    "gettimeofday",
    "getuid",
    "getxattr",
    "fgetxattr",
    "lgetxattr",
    "listxattr",
    "llistxattr",
    "flistxattr",
    "lseek",
    "lstat",
    "madvise",
    "membarrier",
    "mmap",
    "mprotect",
    "mremap",
    "munmap",
    "nanosleep",
    "newfstatat",
    "pidfd_open",
    "poll",
    "ppoll",
    "pread64",
    "preadv",
    "prlimit64",
    "prctl",
    "read",
    "readlink",
    "readlinkat",
    "readv",
    "restart_syscall",
    "rseq",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sched_getaffinity",
    "sched_yield",
    "set_robust_list",
    "set_tid_address",
    "sigaltstack",
    "socketpair",
    "stat",
    "statfs",
    "statx",
    "sysinfo",
    "time",
    "umask",
    "uname",
    "wait4",
    "waitid",
];

impl Call {
    /// Why this call is more than reading, if it is. `own` are the processes that were traced.
    pub(crate) fn offence(&self, own: &[u32]) -> Option<&'static str> {
        let arg = |nth: usize| self.args.get(nth).map_or("", String::as_str);
        match self.name.as_str() {
            "open" => opens_for_writing(arg(0), arg(1)),
            "openat" => opens_for_writing(arg(1), arg(2)),
            "openat2" => opens_for_writing(arg(1), arg(2)),
            // Only what was inherited can be written to, for nothing is opened for writing.
            "write" | "writev" | "pwrite64" if matches!(arg(0), "1" | "2") => None,
            "kill" | "tkill" | "tgkill" if own.iter().any(|pid| arg(0) == pid.to_string()) => None,
            "clone" | "clone3" if self.args.iter().any(|arg| arg.contains("CLONE_THREAD")) => None,
            "fcntl" if !arg(1).starts_with("F_SETLK") => None,
            "flock" if arg(1).starts_with("LOCK_SH") || arg(1).starts_with("LOCK_UN") => None,
            "ioctl" if matches!(arg(1), "TCGETS" | "TCGETS2" | "TIOCGWINSZ" | "FIONREAD" | "FIOCLEX") => None,
            "execve" | "execveat" => Some("runs a program"),
            name if HARMLESS.contains(&name) => None,
            _ => Some("is not known to be harmless"),
        }
    }
}

fn opens_for_writing(path: &str, flags: &str) -> Option<&'static str> {
    let harmless_device = matches!(path, "\"/dev/null\"" | "\"/dev/tty\"");
    let writes = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND", "O_TMPFILE"];
    (!harmless_device && writes.iter().any(|flag| flags.contains(flag))).then_some("opens for writing")
}

/// Everything in `trace` that is more than reading, but for the one `execve` with which strace begins.
pub(crate) fn offences(trace: &str) -> Vec<String> {
    let calls = read(trace);
    let mut own: Vec<u32> = calls.iter().map(|call| call.pid).collect();
    own.sort_unstable();
    own.dedup();
    let begin = calls.iter().position(|call| call.name == "execve");
    let rest = calls.iter().enumerate().filter(|(nth, _)| Some(*nth) != begin);
    rest.filter_map(|(_, call)| {
        let why = call.offence(&own)?;
        Some(format!("{}({}) = {}: {why}", call.name, call.args.join(", "), call.result))
    })
    .collect()
}

/// The calls of a trace in the order of their beginnings. A line that cannot be read is a fault of the test.
pub(crate) fn read(trace: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let mut unfinished: HashMap<u32, (usize, String)> = HashMap::new();
    for line in trace.lines().filter(|line| !line.trim().is_empty()) {
        let (pid, rest) = line.trim_start().split_once(' ').unwrap_or_else(|| panic!("no process in: {line}"));
        let pid: u32 = pid.parse().unwrap_or_else(|_| panic!("no process in: {line}"));
        let rest = rest.trim_start();
        // Of a thread that ends at this moment strace cannot tell what it called.
        if ["+++", "---", "???", "<... ???"].iter().any(|begin| rest.starts_with(begin)) {
            continue;
        }
        if let Some(begun) = rest.strip_suffix("<unfinished ...>") {
            calls.push(Call { pid, name: String::new(), args: Vec::new(), result: "never returned".to_owned() });
            let at = calls.len() - 1;
            // A call that never returns, such as exit_group or one at which the process is killed, counts as well.
            calls[at] = finished(pid, &format!("{begun}) = never returned"), line);
            assert!(unfinished.insert(pid, (at, begun.to_owned())).is_none(), "two at once: {line}");
        } else if let Some(resumed) = rest.strip_prefix("<... ") {
            let (_, end) = resumed.split_once(" resumed>").unwrap_or_else(|| panic!("cannot read: {line}"));
            let (at, begun) = unfinished.remove(&pid).unwrap_or_else(|| panic!("resumed without a beginning: {line}"));
            calls[at] = finished(pid, &format!("{}{end}", begun.trim_end()), line);
        } else {
            calls.push(finished(pid, rest, line));
        }
    }
    calls
}

fn finished(pid: u32, text: &str, line: &str) -> Call {
    let (name, rest) = text.split_once('(').unwrap_or_else(|| panic!("no call in: {line}"));
    let (args, result) = arguments(rest);
    assert!(!name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'), "no call in: {line}");
    let result = result.trim_start().trim_start_matches('=').trim().to_owned();
    Call { pid, name: name.to_owned(), args, result }
}

/// The arguments up to the bracket that closes the call, and what follows it.
fn arguments(text: &str) -> (Vec<String>, &str) {
    let (mut args, mut arg) = (Vec::new(), String::new());
    let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
    for (at, c) in text.char_indices() {
        let inside = quoted;
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => {
                if !arg.trim().is_empty() {
                    args.push(arg.trim().to_owned());
                }
                return (args, &text[at + 1..]);
            }
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if c == ',' && depth == 0 && !inside {
            args.push(std::mem::take(&mut arg).trim().to_owned());
        } else {
            arg.push(c);
        }
    }
    (args, "")
}

const CLEAN: &str = r#"100 execve("/bin/runbook", ["runbook", "plan"], 0x7ffd /* 3 vars */) = 0
100 openat(AT_FDCWD, "/etc/a (b), \"c\"", O_RDONLY|O_CLOEXEC) = 3
100 clone3({flags=CLONE_VM|CLONE_FS|CLONE_THREAD, stack=0x7f}, 88 <unfinished ...>
101 read(3,  <unfinished ...>
100 <... clone3 resumed>) = 101
101 <... read resumed>"O_CREAT)", 8) = 8
101 +++ exited with 0 +++
100 --- SIGCHLD {si_signo=SIGCHLD} ---
100 tgkill(100, 101, SIGRT_1) = 0
100 write(1, "done = O_RDWR\n", 14) = 14
100 exit_group(0) = ?
"#;

#[test]
fn a_trace_that_only_reads_has_no_offence() {
    assert_eq!(offences(CLEAN), Vec::<String>::new());
}

#[test]
fn every_way_to_write_is_an_offence() {
    let ways = [
        r#"openat(AT_FDCWD, "/etc/x", O_WRONLY|O_CREAT|O_TRUNC, 0644) = 3"#,
        r#"openat(AT_FDCWD, "/etc/x", O_RDWR|O_CLOEXEC) = -1 EACCES (Permission denied)"#,
        r#"openat2(AT_FDCWD, "/etc/x", {flags=O_RDWR, resolve=0}, 24) = 3"#,
        r#"open("/etc/x", O_RDONLY|O_CREAT, 0600) = 3"#,
        r#"creat("/etc/x", 0644) = 3"#,
        r#"unlinkat(AT_FDCWD, "/etc/x", 0) = 0"#,
        r#"renameat2(AT_FDCWD, "/a", AT_FDCWD, "/b", RENAME_EXCHANGE) = 0"#,
        r#"mkdirat(AT_FDCWD, "/a", 0700) = 0"#,
        r#"symlink("/a", "/b") = 0"#,
        r#"fchmod(3, 0600) = 0"#,
        r#"utimensat(3, NULL, [UTIME_NOW, UTIME_OMIT], 0) = 0"#,
        r#"ftruncate(3, 0) = 0"#,
        r#"fsetxattr(3, "user.a", "b", 1, 0) = 0"#,
        r#"write(3, "x", 1) = 1"#,
        r#"kill(1, SIGTERM) = 0"#,
        r#"pidfd_send_signal(3, SIGKILL, NULL, 0) = 0"#,
        r#"execve("/bin/sh", ["sh"], 0x7ffd /* 3 vars */) = 0"#,
        r#"vfork() = 102"#,
        r#"clone(child_stack=NULL, flags=SIGCHLD) = 102"#,
        r#"connect(3, {sa_family=AF_INET, sin_port=htons(80)}, 16) = 0"#,
        r#"a_call_of_the_next_kernel(3) = 0"#,
        r#"mknodat(AT_FDCWD, "/a", S_IFIFO|0600 <unfinished ...>"#,
    ];
    for way in ways {
        let found = offences(&format!("{CLEAN}100 {way}\n"));
        assert_eq!(found.len(), 1, "{way}: {found:#?}");
    }
    let in_two = format!(
        "{CLEAN}100 openat(AT_FDCWD, \"/x\" <unfinished ...>\n101 read(3, \"\", 1) = 0\n100 <... openat resumed>, O_RDWR) = 3\n"
    );
    assert_eq!(offences(&in_two).len(), 1);
}
