//! Every wait ends, and nothing that a run started is left running unsaid.

use crate::bench::{Bench, RUNBOOK, Said};
use runbook_host::runs;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Far longer than anything here takes, and far shorter than what a run would wait for without a limit.
const SOON: Duration = Duration::from_secs(25);

/// A later step that fails.
const FAILS: &str =
    "  - { id: z, uses: command.run, needs: [a], with: { run: [\"false\"], undo: { run: [\"true\"] } } }\n";

/// Waits for what another process does.
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + SOON;
    while !condition() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// The command to its end, which has to come soon. What it says goes to files: a process that it leaves would hold a pipe.
fn soon(bench: &Bench, mut command: Command) -> Said {
    let [out, err] = ["out", "err"].map(|name| bench.path(name));
    let file = |path| Stdio::from(fs::File::create(path).unwrap());
    let mut child = command.stdout(file(&out)).stderr(file(&err)).spawn().unwrap();
    let end = Instant::now() + SOON;
    let code = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status.code(),
            None if Instant::now() >= end => {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("it does not end; {}", fs::read_to_string(&err).unwrap());
            }
            None => std::thread::park_timeout(Duration::from_millis(5)),
        }
    };
    Said { code, out: fs::read_to_string(out).unwrap(), err: fs::read_to_string(err).unwrap() }
}

fn fifo(bench: &Bench, name: &str) -> String {
    let path = bench.path(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path.to_str().unwrap().to_owned()
}

fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

/// The number that a command wrote into a file of the host, once it is whole.
fn pid_in(bench: &Bench, name: &str) -> u32 {
    until(name, || fs::read_to_string(bench.host(name)).is_ok_and(|text| text.ends_with('\n')));
    fs::read_to_string(bench.host(name)).unwrap().trim().parse().unwrap()
}

/// Sends a signal to `runbook` and waits until it says what that means.
fn press(bench: &Bench, child: &Child, answer: &str) {
    let answers = || fs::read_to_string(bench.path("err")).unwrap().matches(answer).count();
    let before = answers();
    signal(child.id(), "-INT");
    until(answer, || answers() > before);
}

/// A step that runs a shell text, and whose effect `d` comes back from a backup.
fn shell(text: &str) -> String {
    let text = serde_json::to_string(text).unwrap();
    format!(
        "steps:\n  - {{ id: save, uses: backup.create, with: {{ paths: [HOST/d] }} }}\n  - {{ id: a, uses: \
         command.run, with: {{ run: [sh, -c, {text}], effects: {{ writes: [{{ path: HOST/d }}] }} }} }}\n"
    )
}

#[test]
fn what_is_no_regular_file_is_named_and_not_waited_for() {
    let bench = Bench::new();
    fifo(&bench, "host/fifo");
    bench.write("host/x.json", "{}");
    let socket = std::os::unix::net::UnixListener::bind(bench.host("socket")).unwrap();
    let cases = [
        ("uses: file.copy, with: { from: HOST/fifo, path: HOST/to }", "HOST/fifo is a FIFO"),
        ("uses: file.copy, with: { from: /dev/zero, path: HOST/to }", "/dev/zero is a character device"),
        ("uses: file.copy, with: { from: HOST/socket, path: HOST/to }", "HOST/socket is a socket"),
        ("uses: file.template, with: { from: HOST/fifo, path: HOST/to }", "HOST/fifo is a FIFO"),
        ("uses: file.template, with: { from: /dev/zero, path: HOST/to }", "/dev/zero is a character device"),
        ("uses: json.edit, with: { path: HOST/fifo, set: { /a: 1 } }", "HOST/fifo is a FIFO"),
    ];
    for (nth, (step, why)) in cases.iter().enumerate() {
        let plan = bench.plan(&format!("p{nth}"), &format!("steps:\n  - {{ id: a, {step} }}\n"));
        let why = why.replace("HOST", bench.path("host").to_str().unwrap());
        for args in [["apply", &plan, "--dry-run"], ["apply", &plan, "--yes"]] {
            let said = soon(&bench, bench.command(&args));
            assert!(args[2] == "--dry-run" || said.code != Some(0), "{step}: {said:#?}");
            assert!(said.out.contains(&why) || said.err.contains(&why), "{why:?}: {said:#?}");
        }
        assert!(!bench.host("to").exists());
    }
    drop(socket);
}

#[test]
fn a_log_that_is_a_fifo_is_unread_and_the_change_is_taken_back() {
    let bench = Bench::new();
    let log = fifo(&bench, "host/log");
    let steps = format!(
        "steps:\n  - {{ id: a, uses: file.write, with: {{ path: HOST/f, content: x }} }}\n  - id: v\n    uses: \
         verify.signals\n    needs: [a]\n    with:\n      log: {log}\n      within: 1s\n      watch: 1s\n      signals:\n        up: {{ \
         log: ready, role: blocking, kind: functional }}\n        bad: {{ log_absent: error, role: blocking, kind: \
         negative }}\n"
    );
    let plan = bench.plan("p", &steps);
    let said = soon(&bench, bench.command(&["apply", &plan, "--yes"])).says(&["is a FIFO"]);
    assert_eq!(said.code, Some(3), "{said:#?}");
    assert!(!bench.host("f").exists());
}

#[test]
fn a_plan_or_an_environment_that_is_a_fifo_is_refused_and_a_pipe_of_the_shell_is_read() {
    let bench = Bench::new();
    let plan = fifo(&bench, "plan.yaml");
    soon(&bench, bench.command(&["check", &plan])).expect(1).says(&["is a FIFO"]);
    soon(&bench, bench.command(&["check", "/dev/zero"])).expect(1).says(&["is a character device"]);
    let sound = bench.plan("sound", crate::bench::SIMPLE);
    fifo(&bench, "environments/e.yaml");
    soon(&bench, bench.command(&["check", &sound, "--env", "e"])).expect(1);
    let script = format!("exec {RUNBOOK} check <(cat {sound})");
    soon(&bench, bench.command_of("bash", &["-c", &script])).expect(0);
}

#[test]
fn a_secret_in_a_fifo_is_refused_before_anything_changes() {
    let bench = Bench::new();
    let secret = fifo(&bench, "host/secret");
    let plan = bench.plan(
        "p",
        &format!(
            "vars:\n  token: {{ type: secret, from: {{ file: {secret} }} }}\nsteps:\n  - {{ id: a, uses: file.write, \
             with: {{ path: HOST/f, content: \"{{{{ vars.token }}}}\" }} }}\n"
        ),
    );
    soon(&bench, bench.command(&["apply", &plan, "--yes"])).expect(1).says(&["is a FIFO"]);
    assert!(!bench.host("f").exists());
}

/// The child waits for its parent to be dead before it writes, and then for as long as it is let.
fn late(prefix: &str, end: &str) -> String {
    let child = "until [ -e HOST/go ]; do sleep 0.01; done; echo late > HOST/d/f";
    shell(&format!(
        "{prefix} sh -c 'echo $$ > HOST/child; {child}' & until [ -s HOST/child ]; do sleep 0.01; done; {end}"
    ))
}

fn nothing_comes_late(steps: &str, code: i32) {
    let bench = Bench::new();
    bench.write("host/d/f", "before");
    let plan = bench.plan("p", steps);
    let said = soon(&bench, bench.command(&["apply", &plan, "--yes"]));
    let child = pid_in(&bench, "child");
    let lived = runs(child);
    if lived {
        signal(child, "-KILL");
    }
    assert!(!lived, "it still runs: {said:#?}");
    said.expect(code);
    assert_eq!(fs::read_to_string(bench.host("d/f")).unwrap(), "before");
}

#[test]
fn what_a_failed_command_left_running_is_ended_before_anything_is_taken_back() {
    nothing_comes_late(&late("", "exit 3"), 3);
}

#[test]
fn a_child_with_a_session_of_its_own_is_ended_as_well() {
    nothing_comes_late(&late("setsid", "exit 3"), 3);
    nothing_comes_late(&late("env -i PATH=\"$PATH\"", "exit 3"), 3);
    nothing_comes_late(&late("setsid env -i PATH=\"$PATH\"", "exit 3"), 3);
    nothing_comes_late(&late("setsid --fork env -i PATH=\"$PATH\"", "exit 3"), 3);
}

#[test]
fn what_a_command_that_succeeded_left_running_is_ended_before_its_path_is_put_back() {
    nothing_comes_late(&(late("setsid", "exit 0") + FAILS), 3);
}

/// A daemon is what the step is for: the undo that knows it finds it running.
#[test]
fn an_undo_that_stops_what_the_step_started_finds_it_running() {
    let bench = Bench::new();
    let daemon = "echo $$ > HOST/child; until [ -e HOST/stop ]; do sleep 0.01; done; rm HOST/child";
    let run = format!("setsid sh -c '{daemon}' > /dev/null 2>&1 & until [ -s HOST/child ]; do sleep 0.01; done");
    let undo = "touch HOST/stop; while [ -e HOST/child ]; do sleep 0.01; done";
    let steps = format!(
        "steps:\n  - id: a\n    uses: command.run\n    with:\n      run: [sh, -c, {}]\n      undo: {{ run: [sh, -c, {}] \
         }}\n{FAILS}",
        serde_json::to_string(&run).unwrap(),
        serde_json::to_string(undo).unwrap(),
    );
    let plan = bench.plan("p", &steps);
    soon(&bench, bench.command(&["apply", &plan, "--yes"])).expect(3);
    assert!(!bench.host("child").exists());
}

#[test]
fn children_have_the_grace_that_their_leader_did_not_need() {
    let bench = Bench::new();
    bench.write("host/d/f", "before");
    let child =
        "trap 'sleep 0.3; echo ended > HOST/tidy; exit' TERM; echo $$ > HOST/child; while :; do sleep 0.01; done";
    let steps = shell(&format!(
        "sh -c \"{}\" & trap 'exit 1' TERM; until [ -s HOST/child ]; do sleep 0.01; done; sleep 1000 & wait",
        child.replace('$', "\\$")
    ))
    .replace("id: a,", "id: a, timeout: 1s,");
    let plan = bench.plan("p", &steps);
    soon(&bench, bench.command(&["apply", &plan, "--yes"])).expect(3);
    assert_eq!(fs::read_to_string(bench.host("tidy")).unwrap(), "ended\n", "it was killed without grace");
}

#[test]
fn a_command_that_is_stopped_is_ended_without_waiting_for_the_grace() {
    let bench = Bench::new();
    bench.write("host/d/f", "before");
    let steps = shell("trap 'echo told > HOST/told; exit 1' TERM; kill -STOP $$; echo on > HOST/on")
        .replace("id: a,", "id: a, timeout: 1s,");
    let plan = bench.plan("p", &steps);
    soon(&bench, bench.command(&["apply", &plan, "--yes"])).expect(3);
    assert!(bench.host("told").exists(), "a stopped process cannot end on TERM alone");
}

/// Nobody may take the lock before the process is gone: work that nothing can end goes on until then. A screen that nobody
/// reads is what keeps the process here.
#[test]
fn the_lock_ends_with_the_process() {
    let bench = Bench::new();
    let undo = "echo $$ > HOST/undo; while :; do sleep 0.01; done";
    let steps = format!(
        "steps:\n  - {{ id: a, uses: command.run, with: {{ run: [\"true\"], undo: {{ run: [sh, -c, {}] }} }} }}\n{FAILS}",
        serde_json::to_string(undo).unwrap()
    );
    let plan = bench.plan("p", &steps);
    let (unread, screen) = std::io::pipe().unwrap();
    let err = fs::File::create(bench.path("err")).unwrap();
    let mut command = bench.command(&["apply", &plan, "--yes"]);
    let mut child = command.stdout(screen.try_clone().unwrap()).stderr(err).spawn().unwrap();
    let undo = pid_in(&bench, "undo");
    press(&bench, &child, "nothing more is taken back");
    press(&bench, &child, "nothing more is taken back");
    // Blocks once the pipe is full, and is let go with it at the end.
    std::thread::spawn(move || {
        let mut screen = screen;
        while screen.write_all(&[b' '; 4096]).is_ok() {}
    });
    let full = rustix::pipe::fcntl_getpipe_size(&unread).unwrap() as u64;
    until("a full screen", || rustix::io::ioctl_fionread(&unread).unwrap() + 4096 > full);
    signal(child.id(), "-INT");
    let lock = fs::File::open(bench.state().join("lock")).unwrap();
    until("the lock", || rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_ok());
    assert!(child.try_wait().unwrap().is_some() || !runs(child.id()), "the lock is free and the process lives");
    assert!(!runs(undo), "the undo runs on");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(unread);
}

#[test]
fn no_temporary_file_outlives_the_run_that_was_killed() {
    let strace = Command::new("strace").args(["-o", "/dev/null", "true"]).status();
    if !strace.is_ok_and(|status| status.success()) {
        test_rules::skip("no strace to kill at a system call with");
        return;
    }
    let steps = "\
steps:
  - { id: w, uses: file.write, with: { path: HOST/d/w, content: s3cret } }
  - { id: c, uses: file.copy, needs: [w], with: { from: HOST/src, path: HOST/d/c } }
  - { id: l, uses: file.link, needs: [c], with: { path: HOST/d/l, to: HOST/src } }
";
    let left = |bench: &Bench| {
        let names = fs::read_dir(bench.host("d")).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with(".runbook")).count()
    };
    let mut seen = 0;
    for (nth, settle) in [(0, ["rollback", "--yes"]), (1, ["resume", "--yes"]), (2, ["recover", "--boot"])] {
        for (number, target) in ["w", "c", "l"].into_iter().enumerate() {
            let bench = Bench::new();
            bench.write("host/src", "copied");
            fs::create_dir(bench.host("d")).unwrap();
            let plan = bench.plan("p", steps);
            // They are renamed in a directory that is held: its path is the one that the call is known by.
            let path = bench.host("d");
            let inject = format!("inject=rename,renameat,renameat2,linkat:signal=KILL:when={}", number + 1);
            let path = path.to_str().unwrap();
            let args = ["-f", "-o", "/dev/null", "-P", path, "-e", &inject, RUNBOOK, "apply", &plan, "--yes"];
            let output = bench.command_of("strace", &args).output().unwrap();
            assert_eq!(output.status.code(), None, "{output:?}");
            seen += left(&bench);
            bench.run(&settle);
            assert_eq!(left(&bench), 0, "{nth} {target}: {settle:?}");
        }
    }
    assert!(seen > 0, "no kill left anything, so nothing was proven");
}

/// An external kind whose probe never answers, and notes that it was asked.
fn asks_for_ever(bench: &Bench) -> (String, String) {
    let script = "#!/bin/sh\nif [ $1 = capabilities ]; then echo '{\"protocol\":1,\"name\":\"slow\",\"summary\":\"Never \
         answers\",\"text\":\"It waits.\",\"purpose\":\"principal\",\"undo\":\"own\",\"probe\":\"read-only\",\
         \"parameters\":[],\"outputs\":{},\"effects\":{\"reads\":[],\"writes\":[]},\"example\":\"- { id: a, uses: slow }\"}'; exit; fi\n\
         echo $$ > HOST/asked\nsleep 1000 &\nwait\n";
    let script = script.replace("HOST", bench.path("host").to_str().unwrap());
    let program = bench.write("bin/runbook-step-slow", script);
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bench.path("bin").display(), std::env::var("PATH").unwrap());
    (bench.plan("p", "steps:\n  - { id: a, uses: slow }\n"), path)
}

#[test]
fn a_signal_while_the_host_is_read_ends_what_was_asked_and_the_command() {
    for name in ["-INT", "-TERM", "-HUP"] {
        let bench = Bench::new();
        let (plan, path) = asks_for_ever(&bench);
        let mut command = bench.command(&["apply", &plan, "--dry-run"]);
        let [out, err] = ["out", "err"].map(|name| fs::File::create(bench.path(name)).unwrap());
        let mut child = command.env("PATH", &path).stdout(out).stderr(err).spawn().unwrap();
        let asked = {
            let said = || format!("{:?}", fs::read_to_string(bench.path("out")));
            until("the probe", || bench.host("asked").exists() || child.try_wait().unwrap().is_some());
            assert!(bench.host("asked").exists(), "{}", said());
            pid_in(&bench, "asked")
        };
        signal(child.id(), name);
        until("the end of runbook", || child.try_wait().unwrap().is_some());
        let lived = runs(asked);
        if lived {
            signal(asked, "-KILL");
        }
        assert!(!lived, "{name}: what was asked still runs");
        assert_eq!(child.wait().unwrap().code(), Some(130), "{name}");
    }
}

/// A file system that does not answer for longer than anybody waits. (Not for ever: strace does not let go of a process
/// whose call it holds.)
#[test]
fn a_read_that_hangs_in_the_kernel_does_not_hold_the_run() {
    let strace = Command::new("strace").args(["-o", "/dev/null", "true"]).status();
    if !strace.is_ok_and(|status| status.success()) {
        test_rules::skip("no strace to hold a system call with");
        return;
    }
    let bench = Bench::new();
    bench.write("host/from", "x");
    bench.write("host/to", "y");
    // Where it is comes from a step, so that nothing reads it before the run.
    let plan = bench.plan(
        "p",
        "steps:\n  - { id: w, uses: command.run, with: { run: [sh, -c, \"echo > HOST/w; echo HOST/from\"], undo: { run: [rm, \
         HOST/w] } } }\n  - { id: a, uses: file.copy, timeout: 1s, with: { from: \"{{ steps.w.stdout }}\", path: HOST/to } }\n",
    );
    let file = bench.host("from");
    let hold = "inject=openat:delay_enter=14s:when=1";
    let args = ["-f", "-o", "/dev/null", "-P", file.to_str().unwrap(), "-e", hold, RUNBOOK, "apply", &plan, "--yes"];
    let said = soon(&bench, bench.command_of("strace", &args)).says(&["hangs in the kernel"]);
    assert_eq!(said.code, Some(3), "{said:#?}");
    assert!(!bench.host("w").exists());
}

#[test]
fn an_answer_that_comes_byte_by_byte_is_not_waited_for() {
    let bench = Bench::new();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in server.incoming().flatten() {
            std::thread::spawn(move || {
                let mut stream = stream;
                let _ = stream.read(&mut [0; 1024]);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
                while stream.write_all(b"x").is_ok() {
                    std::thread::park_timeout(Duration::from_millis(200));
                }
            });
        }
    });
    let plan = bench.plan(
        "p",
        &format!(
            "steps:\n  - {{ id: a, uses: file.write, with: {{ path: HOST/f, content: x }} }}\n  - id: v\n    uses: \
             verify.signals\n    needs: [a]\n    with:\n      within: 1s\n      watch: 1s\n      signals:\n        up: {{ http: \
             \"http://127.0.0.1:{port}/\", role: blocking, kind: functional }}\n"
        ),
    );
    let said = soon(&bench, bench.command(&["apply", &plan, "--yes"]));
    assert_eq!(said.code, Some(3), "{said:#?}");
}

#[test]
fn output_that_may_not_be_whole_is_told() {
    let bench = Bench::new();
    let steps = "steps:\n  - { id: a, uses: command.run, with: { run: [sh, -c, \"echo $$ > HOST/f; sleep 1000 &\"], undo: { run: \
                 [\"true\"] } } }\n";
    let plan = bench.plan("p", &format!("{steps}{FAILS}"));
    soon(&bench, bench.command(&["apply", &plan, "--yes"])).expect(3).says(&["still holds its output"]);
}
