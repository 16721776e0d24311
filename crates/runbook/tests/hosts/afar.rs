//! Runs on hosts that are reached by ssh: what the link, the login, sshd, the agent and the controller may do to them.

use crate::stage::assert_told;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use test_hosts::{Host, Lab, Ssh};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The second step ends when somebody makes a file on the host.
pub(crate) const PLAN: &str = r#"
kind: Plan
version: 1
name: in-the-middle
vars:
  greeting: { type: string }
steps:
  - { id: first, uses: file.template, with: { from: first.j2, path: /etc/first, values: { greeting: "{{ vars.greeting }}", name: "{{ host.name }}" } } }
  - id: second
    needs: [first]
    uses: command.run
    with:
      run: [sh, -c, "touch /run/second; until [ -e /run/go ]; do sleep 0.05; done; echo done > /etc/second"]
      effects: { writes: [{ path: /etc/second }] }
      undo: { run: [rm, -f, /etc/second] }
  - { id: third, needs: [second], uses: file.write, with: { path: /etc/third, content: "changed\n" } }
"#;

/// A controller on this machine, with an inventory and a plan.
pub(crate) struct Controller {
    pub(crate) dir: tempfile::TempDir,
    ssh: Ssh,
}

impl Controller {
    pub(crate) fn new(lab: &Lab, host: &Host) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        put(
            "inventory.yaml",
            "kind: Inventory\nversion: 1\nname: test\nhosts:\n  far: { vars: { greeting: hello } }\n  ops: { address: far, ssh: { user: ops } }\n",
        );
        put("plan.yaml", PLAN);
        put("first.j2", "{{ greeting }} {{ name }}\n");
        Self { ssh: lab.ssh(&[host]).unwrap(), dir }
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(env!("CARGO_BIN_EXE_runbook"));
        command.args(args).current_dir(self.dir.path()).stdin(Stdio::null());
        command.env("PATH", format!("{}:{path}", self.ssh.dir().display()));
        command.env("RUNBOOK_AGENT", agent()).env("RUNBOOK_STATE_DIR", self.dir.path().join("state"));
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Said {
        Said::of(&mut self.command(args))
    }

    pub(crate) fn start(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Ends every ssh of this controller, as a network that is gone does sooner or later.
    pub(crate) fn cut(&self) {
        self.signal("KILL");
    }

    /// Sends a signal to every ssh of this controller.
    pub(crate) fn signal(&self, signal: &str) {
        let signalled = Command::new("pkill").args([&format!("-{signal}"), "-f", &self.pattern()]).status();
        assert!(signalled.unwrap().success(), "there is a link");
    }

    /// How many ssh of this controller there are.
    pub(crate) fn links(&self) -> usize {
        let found = Command::new("pgrep").args(["-f", &self.pattern()]).output().unwrap();
        found.stdout.split(|byte| *byte == b'\n').count() - 1
    }

    fn pattern(&self) -> String {
        format!("^/usr/bin/ssh -F {}", self.ssh.config().display())
    }
}

/// What a controller said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    /// What a command says that is run to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        let done = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: done.status.code().unwrap_or(-1), stdout: text(done.stdout), stderr: text(done.stderr) }
    }
}

/// Asserts the exit code, and that everything of `parts` was printed.
pub(crate) fn assert_said(said: &Said, code: i32, parts: &[&str]) {
    assert_told(said.code, &format!("{}{}", said.stdout, said.stderr), code, parts);
}

/// What a controller that was started said until its end.
pub(crate) fn ended(mut child: Child) -> Said {
    let (mut stdout, mut stderr) = (String::new(), String::new());
    let errors = child.stderr.take();
    let reading = std::thread::spawn(move || {
        errors.map(|mut errors| errors.read_to_string(&mut stderr)).transpose().unwrap();
        stderr
    });
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    let code = child.wait().unwrap().code().unwrap_or(-1);
    Said { code, stdout, stderr: reading.join().unwrap() }
}

/// This `runbook` without what debuggers read: it goes over the link.
pub(crate) fn agent() -> PathBuf {
    static AGENT: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    let made = AGENT.get_or_init(|| {
        let whole = Path::new(env!("CARGO_BIN_EXE_runbook"));
        // The next link takes the same file: its name says what it was made from.
        let made_from = std::fs::metadata(whole).and_then(|found| found.modified()).unwrap();
        let stamp = made_from.duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
        let small = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("agent-{stamp}"));
        if !small.exists() {
            let new = small.with_extension(std::process::id().to_string());
            let done = Command::new("strip").arg("-o").arg(&new).arg(whole).status().unwrap();
            assert!(done.success());
            std::fs::rename(new, &small).unwrap();
        }
        small
    });
    made.clone()
}

pub(crate) fn apply(controller: &Controller, host: &Host) -> Child {
    in_the_middle(controller.start(&["apply", "plan.yaml", "--host", "far", "--yes"]), host)
}

/// The run is in its second step.
pub(crate) fn in_the_middle(running: Child, host: &Host) -> Child {
    once(running, host, "test -e /run/second")
}

/// That script ends well on the host.
pub(crate) fn once(mut running: Child, host: &Host, script: &str) -> Child {
    if let Err(error) = host.wait_for(script, PATIENCE) {
        running.kill().unwrap();
        let said = ended(running);
        panic!("{error}\n{}{}", said.stdout, said.stderr);
    }
    running
}

pub(crate) fn go(host: &Host) {
    host.sh("touch /run/go").unwrap().ok().unwrap();
}

#[test]
fn a_run_there_survives_the_link_the_login_and_sshd() {
    let Some(lab) = Lab::for_test() else { return };
    let host = lab.boot("far").unwrap();
    let controller = Controller::new(&lab, &host);
    assert_said(&controller.run(&["status", "--host", "far"]), 0, &["No runs on far yet"]);
    let seen = controller.run(&["plan", "plan.yaml", "--host", "far"]);
    assert_said(&seen, 0, &["hello far"]);
    assert_eq!(host.sh("ls /var/lib/runbook").unwrap().stdout, "agent\n", "a dry run leaves nothing but the agent");
    // Logind ends what a login leaves behind.
    host.write("/etc/systemd/logind.conf.d/kill.conf", "[Login]\nKillUserProcesses=yes\n").unwrap();
    host.sh("systemctl restart systemd-logind").unwrap().ok().unwrap();

    let running = apply(&controller, &host);
    controller.cut();
    host.sh("systemctl restart ssh").unwrap().ok().unwrap();
    go(&host);
    let said = ended(running);
    assert_said(&said, 0, &["the link to far is lost", "is there again", "Done. 3 steps changed the host."]);
    assert_eq!(host.read("/etc/first").unwrap(), "hello far\n");
    for step in ["first", "second", "third"] {
        let told = said.stdout.lines().filter(|line| line.trim_start().starts_with(&format!("✓ {step}"))).count();
        assert_eq!(told, 1, "{step} is told once:\n{}", said.stdout);
    }
    assert_said(&controller.run(&["show", "--host", "far"]), 0, &["Done.", "show", "--host far"]);
    let checked = controller.run(&["hosts", "--check", "far"]);
    assert_said(&checked, 0, &["far", "linux x86_64 gnu systemd", "GiB free", "free"]);
    let back = controller.run(&["rollback", "--host", "far", "--yes"]);
    assert_said(&back, 0, &["Rolled back."]);
    assert_eq!(host.sh("ls /etc/first /etc/second /etc/third 2>/dev/null").unwrap().stdout, "");
    assert_said(&controller.run(&["retire", "far"]), 0, &["the agent is gone from far", "/var/lib/runbook"]);
    // systemd forgets a unit a moment after its process.
    host.wait_for("! systemctl list-units --all 'runbook-agent*' --no-legend | grep -q .", PATIENCE).unwrap();
    let left = "ls -d /var/lib/runbook/agent /run/runbook/agents/* 2>/dev/null; pgrep -f '[a]gent serve'";
    assert_eq!(host.sh(left).unwrap().stdout, "", "nothing of the agent is left");
    let lost = controller.run(&["status", "--host", "ops"]);
    assert_said(&lost, 7, &["cannot reach `ops`"]);
}

#[test]
fn a_run_there_goes_on_without_its_controller() {
    let Some(lab) = Lab::for_test() else { return };
    let host = lab.boot("far").unwrap();
    let controller = Controller::new(&lab, &host);
    let mut running = apply(&controller, &host);
    running.kill().unwrap();
    running.wait().unwrap();
    let held = controller.run(&["apply", "plan.yaml", "--host", "far", "--yes"]);
    assert_said(&held, 6, &["another runbook is at work on this host"]);
    go(&host);
    host.wait_for("test -e /etc/third", PATIENCE).unwrap();
    host.wait_for("runbook=$(ls /var/lib/runbook/agent/*/runbook); $runbook history | grep -q succeeded", PATIENCE)
        .unwrap();
    let shown = controller.run(&["show", "--host", "far", "--format", "json"]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    let document: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(document["verdict"], "succeeded");
}

#[test]
fn an_agent_that_is_killed_leaves_an_open_run_that_goes_back() {
    let Some(lab) = Lab::for_test() else { return };
    let host = lab.boot("far").unwrap();
    let controller = Controller::new(&lab, &host);
    let running = apply(&controller, &host);
    host.sh("pkill -KILL -f '[a]gent serve'").unwrap().ok().unwrap();
    let said = ended(running);
    assert_said(&said, 130, &["the link to far is lost", "is open", "resume", "--host far"]);
    assert_said(&controller.run(&["status", "--host", "far"]), 6, &["in-the-middle"]);
    assert_said(&controller.run(&["rollback", "--host", "far", "--yes"]), 0, &["Rolled back."]);
    assert_eq!(host.sh("ls /etc/first /etc/second /etc/third 2>/dev/null").unwrap().stdout, "");
    assert_eq!(host.sh("pgrep -f 'until \\[ -e /run/go'").unwrap().stdout, "", "nothing of the run is left");
}

#[test]
fn a_host_that_loses_its_power_goes_back_and_its_controller_hears_of_it() {
    let Some(lab) = Lab::for_test() else { return };
    let mut host = lab.boot("far").unwrap();
    let controller = Controller::new(&lab, &host);
    let running = apply(&controller, &host);
    host.sh("systemctl list-unit-files --no-legend 'runbook-recover-*' | grep -q enabled").unwrap().ok().unwrap();
    host.power_off_hard().unwrap();
    host.boot_again().unwrap();
    let said = ended(running);
    assert_said(&said, 3, &["the link to far is lost", "is there again", "Rolled back."]);
    assert_eq!(host.sh("ls /etc/first /etc/second /etc/third 2>/dev/null").unwrap().stdout, "");
    assert_said(&controller.run(&["status", "--host", "far"]), 0, &["Rolled back."]);
    let left =
        host.sh("ls -d /etc/systemd/system/runbook-* /etc/systemd/system/*.wants/runbook-* 2>/dev/null").unwrap();
    assert_eq!(left.stdout, "", "no unit is left that nobody needs");
}

#[test]
fn a_secret_of_the_controller_is_in_no_file_and_no_argument_there() {
    let Some(lab) = Lab::for_test() else { return };
    let host = lab.boot("far").unwrap();
    let controller = Controller::new(&lab, &host);
    let plan = r#"
kind: Plan
version: 1
name: secretive
vars:
  greeting: { type: string }
  token: { type: secret, from: { env: CANARY, on: controller } }
steps:
  - id: wait
    uses: command.run
    with:
      run: [sh, -c, "touch /run/second; until [ -e /run/go ]; do sleep 0.05; done; test -n \"$TOKEN\" && touch /etc/second"]
      env: { TOKEN: "{{ vars.token }}" }
      effects: { writes: [{ path: /etc/second }] }
      undo: { run: [rm, -f, /etc/second] }
"#;
    std::fs::write(controller.dir.path().join("plan.yaml"), plan).unwrap();
    let mut command = controller.command(&["apply", "plan.yaml", "--host", "far", "--yes"]);
    command.env("CANARY", "canary-5up3r").stdout(Stdio::piped()).stderr(Stdio::piped());
    let running = in_the_middle(command.spawn().unwrap(), &host);
    let looked = "grep -rl canar[y]-5up3r /var/lib/runbook /run/runbook /run/systemd /var/log /tmp 2>/dev/null; \
                  for pid in /proc/[0-9]*; do tr '\\0' ' ' <$pid/cmdline | grep canar[y]-5up3r && echo $pid; done; \
                  journalctl --no-pager | grep canar[y]-5up3r; true";
    assert_eq!(host.sh(looked).unwrap().stdout, "", "while it runs");
    go(&host);
    let said = ended(running);
    assert_said(&said, 0, &["Done."]);
    assert!(!format!("{}{}", said.stdout, said.stderr).contains("canary"), "{}", said.stdout);
    assert_eq!(host.sh(looked).unwrap().stdout, "", "afterwards");
    assert!(!std::fs::exists(controller.dir.path().join("state")).unwrap(), "nothing is kept on this side");
}
