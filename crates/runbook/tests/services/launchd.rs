//! Upgrades of a job that launchd keeps alive, with a stand-in for launchd: there is no Mac here.

use crate::support::{free_port, script, until};
use std::path::PathBuf;
use std::process::{Command, Output};
use test_launchd::{StandIn, Style};

/// The label of the job. One job is changed by one run at a time on a machine, so each test has another.
fn label() -> String {
    let thread: String = format!("{:?}", std::thread::current().id()).chars().filter(char::is_ascii_digit).collect();
    format!("com.example.g{}-{thread}", std::process::id())
}

/// A job that runs `app/program`, which says what `app/lib` holds when it starts.
struct Bench {
    launchd: StandIn,
    dir: tempfile::TempDir,
}

impl Bench {
    fn new(style: Style) -> Self {
        let launchd = StandIn::new(style).unwrap();
        let bench = Self { launchd, dir: tempfile::Builder::new().prefix("jobs-").tempdir().unwrap() };
        for dir in ["app", "home/Library/LaunchAgents"] {
            std::fs::create_dir_all(bench.path(dir)).unwrap();
        }
        let (lib, log) = (bench.path("app/lib"), bench.path("log"));
        let said = "echo \"started $version\"; test \"$version\" != bad || echo 'cannot find package'";
        script(&bench.path("app/program"), &format!("read version < {}\n{said}\nexec sleep 1000\n", lib.display()));
        std::fs::write(lib, "old\n").unwrap();
        std::fs::write(log, "").unwrap();
        std::fs::write(bench.plist(), bench.property_list("1")).unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }

    fn plist(&self) -> PathBuf {
        self.path(&format!("home/Library/LaunchAgents/{}.plist", label()))
    }

    fn property_list(&self, generation: &str) -> String {
        let label = label();
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\">\n<dict>\n\
             <key>Label</key><string>{label}</string>\n\
             <key>ProgramArguments</key><array><string>{}</string></array>\n\
             <key>EnvironmentVariables</key><dict><key>GENERATION</key><string>{generation}</string></dict>\n\
             <key>KeepAlive</key><true/>\n<key>ThrottleInterval</key><integer>1</integer>\n\
             <key>StandardOutPath</key><string>{}</string>\n</dict>\n</plist>\n",
            self.path("app/program").display(),
            self.path("log").display()
        )
    }

    fn load(&self) {
        let answer = self.launchd.ask(&["bootstrap", &domain(), &self.plist().to_string_lossy()]).unwrap();
        assert_eq!(answer.code, 0, "{answer:?}");
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap()
    }

    /// The job says so much and no more. launchd has a pid of it before it has said anything: the log is waited for.
    fn has_logged(&self, lines: &str) {
        until("the job's lines", || self.log().len() >= lines.len());
        assert_eq!(self.log(), lines);
    }

    /// Replaces the program in place, and is in no hurry: half-way it waits until the job has come up, if launchd has it.
    fn installer(&self, version: &str) -> PathBuf {
        let (lib, log, path) = (self.path("app/lib"), self.path("log"), self.path("install"));
        let text = format!(
            "echo half > {lib}\nuntil grep -q 'started half' {log} || ! launchctl print {target}; do sleep 0.05; done\n\
             echo {version} > {lib}\n",
            lib = lib.display(),
            log = log.display(),
            target = target(),
        );
        script(&path, &text);
        path
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("PATH", self.launchd.path()).env("HOME", self.path("home"));
        command.env("RUNBOOK_STATE_DIR", self.path("state")).current_dir(self.dir.path());
        command
    }

    fn runbook(&self, words: &[&str]) -> Output {
        self.command(env!("CARGO_BIN_EXE_runbook")).args(words).output().unwrap()
    }

    /// The upgrade: the job is down while its property list and its program are replaced.
    fn plan(&self, version: &str) -> PathBuf {
        let label = label();
        let about = format!("label: {label}, domain: {}", domain());
        let content = self.property_list("2").replace('\n', "\n        ");
        let text = format!(
            "kind: Plan\nversion: 1\nname: upgrade\nsummary: Replace a program in place.\nsteps:\n  \
             - {{ id: backup, uses: backup.create, with: {{ paths: [{app}] }} }}\n  \
             - {{ id: stop, uses: launchd.bootout, with: {{ {about} }} }}\n  \
             - id: job\n    uses: launchd.plist\n    with:\n      label: {label}\n      domain: {domain}\n      content: |\n        {content}\n  \
             - {{ id: install, needs: [stop], uses: command.run, with: {{ run: [{install}], effects: {{ writes: [{{ path: {app} }}] }} }} }}\n  \
             - {{ id: start, uses: launchd.bootstrap, with: {{ {about}, settle: 100ms }} }}\n  \
             - id: verify\n    uses: verify.signals\n    with:\n      job: {target}\n      within: 20s\n      watch: 300ms\n      signals:\n        \
             new: {{ log: started new, kind: functional }}\n        missing: {{ log_absent: cannot find package, kind: negative }}\n        \
             job: {{ job: {target} }}\n",
            app = self.path("app").display(),
            install = self.installer(version).display(),
            domain = domain(),
            target = target(),
        );
        let path = self.path("plan.yaml");
        std::fs::write(&path, text).unwrap();
        path
    }

    fn apply(&self, version: &str, more: &[&str]) -> Output {
        let plan = self.plan(version);
        let mut words = vec!["apply", plan.to_str().unwrap()];
        words.extend(more);
        self.runbook(&words)
    }

    /// What launchd has loaded, without what differs between two lives, and every file of the job.
    fn seen(&self) -> String {
        let answer = self.launchd.ask(&["print", &target()]).unwrap();
        let lasting =
            |line: &&str| !["pid =", "runs =", "last "].iter().any(|word| line.trim_start().starts_with(word));
        let printed: Vec<&str> = answer.out.lines().filter(lasting).collect();
        let files = ["app/lib", "app/program"].map(|name| std::fs::read_to_string(self.path(name)).unwrap());
        format!("{}\n{}{}", printed.join("\n"), files.concat(), std::fs::read_to_string(self.plist()).unwrap())
    }
}

fn domain() -> String {
    format!("gui/{}", rustix::process::getuid().as_raw())
}

fn target() -> String {
    format!("{}/{}", domain(), label())
}

fn text(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn ended(output: &Output, code: i32) -> String {
    let said = text(output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

#[test]
fn a_job_that_is_only_killed_comes_up_in_the_middle_of_an_upgrade() {
    let bench = Bench::new(Style::Recent);
    bench.load();
    bench.has_logged("started old\n");
    assert_eq!(bench.launchd.ask(&["kill", "TERM", &target()]).unwrap().code, 0);
    let install = bench.installer("new");
    assert!(bench.command("sh").arg(install).status().unwrap().success());
    assert_eq!(bench.log(), "started old\nstarted half\n");
}

#[test]
fn a_job_that_is_booted_out_stays_down_until_the_upgrade_is_done() {
    for style in [Style::Recent, Style::Old] {
        let bench = Bench::new(style);
        bench.load();
        bench.has_logged("started old\n");
        let before = bench.seen();
        let dry = ended(&bench.apply("new", &["--dry-run"]), 0);
        assert!(dry.contains(&format!("{} is running", label())) && dry.contains("it is ended"), "{dry}");
        assert_eq!((bench.seen(), bench.log()), (before.clone(), "started old\n".to_owned()));
        assert!(!bench.path("state").exists(), "a dry run writes nothing");

        ended(&bench.apply("new", &["--yes"]), 0);
        bench.has_logged("started old\nstarted new\n");
        let print = bench.launchd.ask(&["print", &target()]).unwrap().out;
        assert!(print.contains("GENERATION => 2"), "the new property list was not loaded:\n{print}");

        let back = ended(&bench.runbook(&["rollback", "--yes"]), 0);
        assert!(back.contains(&format!("{} runs again as before", label())), "{back}");
        bench.has_logged("started old\nstarted new\nstarted old\n");
        assert_eq!(bench.seen(), before);
    }
}

#[test]
fn a_failed_verification_puts_back_program_property_list_and_job() {
    let bench = Bench::new(Style::Recent);
    bench.load();
    bench.has_logged("started old\n");
    let before = bench.seen();
    let said = ended(&bench.apply("bad", &["--yes"]), 3);
    assert!(said.contains("cannot find package") && said.contains("runs again as before"), "{said}");
    bench.has_logged("started old\nstarted bad\ncannot find package\nstarted old\n");
    assert_eq!(bench.seen(), before);
}

#[test]
fn an_upgrade_that_was_killed_goes_on_or_goes_back() {
    for (fault, then) in [
        ("kill-after=5", "resume"),
        ("kill-after=7", "rollback"),
        ("kill-after=9", "resume"),
        ("kill-after=12", "rollback"),
    ] {
        let bench = Bench::new(Style::Recent);
        bench.load();
        bench.has_logged("started old\n");
        let before = bench.seen();
        let plan = bench.plan("new");
        let mut run = bench.command(env!("CARGO_BIN_EXE_runbook"));
        let killed = run.args(["apply", plan.to_str().unwrap(), "--yes"]).env("RUNBOOK_FAULT", fault).output().unwrap();
        assert_eq!(killed.status.code(), None, "{fault}: {}", text(&killed));
        ended(&bench.runbook(&[then, "--yes"]), 0);
        assert!(!bench.log().contains("half"), "{fault}: {}", bench.log());
        if then == "rollback" {
            assert_eq!(bench.seen(), before, "{fault}");
        } else {
            assert!(bench.seen().contains("GENERATION => 2") && bench.log().ends_with("started new\n"), "{fault}");
        }
    }
}

#[test]
fn a_port_belongs_to_the_processes_of_the_job() {
    let bench = Bench::new(Style::Recent);
    let (own, foreign) = (free_port(), std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let server = "import socket, time; s = socket.create_server((\"127.0.0.1\", int(__import__(\"sys\").argv[1]))); time.sleep(1000)";
    script(&bench.path("app/program"), &format!("python3 -c '{server}' {own} &\nwait\n"));
    bench.load();
    until("the port", || std::net::TcpStream::connect(("127.0.0.1", own)).is_ok());
    let plan = |port: u16| {
        let text = format!(
            "kind: Plan\nversion: 1\nname: ports\nsummary: Ports of a job.\nsteps:\n  \
             - {{ id: note, uses: file.write, with: {{ path: note, content: port {port} }} }}\n  \
             - id: verify\n    uses: verify.signals\n    with:\n      job: {}\n      within: 2s\n      signals:\n        \
             port: {{ port: {port} }}\n        job: {{ job: {} }}\n",
            target(),
            target()
        );
        std::fs::write(bench.path("plan.yaml"), text).unwrap();
        bench.runbook(&["apply", "plan.yaml", "--yes"])
    };
    ended(&plan(own), 0);
    let said = ended(&plan(foreign.local_addr().unwrap().port()), 3);
    // Lines are broken where the terminal ends.
    assert!(said.contains("is red: `port`") && said.contains(&std::process::id().to_string()), "{said}");
}

#[test]
fn what_keeps_ending_is_red() {
    let bench = Bench::new(Style::Recent);
    script(&bench.path("app/program"), "echo up; sleep 1; exit 9\n");
    let text = format!(
        "kind: Plan\nversion: 1\nname: loops\nsummary: A job that ends again and again.\nsteps:\n  \
         - {{ id: start, uses: launchd.bootstrap, with: {{ label: {label}, domain: {domain}, settle: 50ms }} }}\n  \
         - {{ id: note, uses: file.write, with: {{ path: note, content: x }} }}\n  \
         - id: verify\n    uses: verify.signals\n    with:\n      job: {target}\n      within: 30s\n      watch: 20s\n      signals:\n        \
         job: {{ job: {target} }}\n        up: {{ log: up, kind: functional }}\n        quiet: {{ log_absent: cannot find, kind: negative }}\n",
        label = label(),
        domain = domain(),
        target = target()
    );
    std::fs::write(bench.path("plan.yaml"), text).unwrap();
    let said = ended(&bench.runbook(&["apply", "plan.yaml", "--yes"]), 3);
    assert!(said.contains("is red: `job`") && said.contains("is not loaded, as before"), "{said}");
    assert_eq!(bench.launchd.ask(&["print", &target()]).unwrap().code, 113);
}

#[test]
fn an_inspection_follows_the_property_list_to_the_package() {
    let bench = Bench::new(Style::Recent);
    // As Homebrew lays it out.
    let package = bench.path("brew/lib/node_modules/openclaw");
    std::fs::create_dir_all(package.join("dist")).unwrap();
    std::fs::create_dir_all(bench.path("brew/bin")).unwrap();
    std::fs::write(package.join("package.json"), "{ \"name\": \"openclaw\", \"version\": \"2026.3.23\" }\n").unwrap();
    std::fs::write(package.join("dist/index.js"), "setInterval(() => {}, 1000);\n").unwrap();
    std::os::unix::fs::symlink("../lib/node_modules/openclaw/dist/index.js", bench.path("brew/bin/openclaw")).unwrap();
    let cellar = bench.path("brew/Cellar/node/25.1.0/bin");
    std::fs::create_dir_all(&cellar).unwrap();
    let found = Command::new("sh").args(["-c", "command -v node"]).output().unwrap();
    let node = String::from_utf8(found.stdout).unwrap();
    assert!(!node.is_empty(), "this test runs node");
    std::os::unix::fs::symlink(node.trim(), cellar.join("node")).unwrap();
    let arguments = [cellar.join("node"), bench.path("brew/bin/openclaw")].map(|path| path.display().to_string());
    let list = bench
        .property_list("1")
        .replace(&bench.path("app/program").display().to_string(), &arguments.join("</string><string>"));
    std::fs::write(bench.plist(), list).unwrap();
    bench.load();
    let text = format!(
        "kind: Plan\nversion: 1\nname: inspect\nsummary: What a job runs.\nsteps:\n  \
         - {{ id: it, uses: service.inspect, with: {{ manager: launchd, job: {}, package: openclaw }} }}\n  \
         - id: note\n    uses: file.write\n    with:\n      path: note\n      content: \"{{{{ steps.it.package_root }}}} \
         {{{{ steps.it.version }}}} {{{{ steps.it.npm_prefix }}}} {{{{ steps.it.running }}}} {{{{ steps.it.restart }}}}\"\n",
        target()
    );
    std::fs::write(bench.path("plan.yaml"), text).unwrap();
    ended(&bench.runbook(&["apply", "plan.yaml", "--yes"]), 0);
    let note = std::fs::read_to_string(bench.path("note")).unwrap();
    let wanted = format!("{} 2026.3.23 {} true KeepAlive", package.display(), bench.path("brew").display());
    assert_eq!(note.to_lowercase(), wanted.to_lowercase());
}
