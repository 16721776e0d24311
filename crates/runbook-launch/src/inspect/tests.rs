//! The layouts of the field reports as trees, with a command as a manager would tell it. Real units are in
//! `tests/hosts/inspect.rs` of the binary.

use super::report::Inspection;
use super::{Wanted, inspect};
use crate::Launch;
use runbook_host::{Account, Identity, Reader};
use runbook_model::Failure;
use runbook_services::ServiceFacts;
use serde_json::{Value as Json, json};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

struct Host {
    dir: tempfile::TempDir,
}

impl Host {
    fn new() -> Self {
        let host = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::set_permissions(host.dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        host.write("etc/passwd", "root:x:0:0::/root:/bin/sh\nop:x:1000:1000::/home/op:/bin/bash\nodd line\n");
        host
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text.replace("TOP", &self.top())).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn top(&self) -> String {
        self.path("").to_string_lossy().trim_end_matches('/').to_owned()
    }

    /// A global prefix of npm with Node, npm and the package.
    fn prefix(&self, prefix: &str, version: &str) {
        self.write(&format!("{prefix}/bin/node"), "\u{7f}ELF");
        self.write(&format!("{prefix}/bin/npm"), "#!/usr/bin/env node\n");
        let root = format!("{prefix}/lib/node_modules/openclaw");
        self.package(&root, version);
        symlink("../lib/node_modules/openclaw/openclaw.mjs", self.path(&format!("{prefix}/bin/openclaw"))).unwrap();
    }

    fn package(&self, root: &str, version: &str) {
        self.write(&format!("{root}/package.json"), &json!({ "name": "openclaw", "version": version }).to_string());
        // It only says how the files below are read.
        self.write(&format!("{root}/dist/package.json"), "{ \"type\": \"module\" }");
        self.write(&format!("{root}/dist/index.js"), "");
        self.write(&format!("{root}/openclaw.mjs"), "#!/usr/bin/env node\n");
    }

    fn told(&self, argv: &[&str], user: &str) -> ServiceFacts {
        let words: Vec<String> = argv.iter().map(|word| word.replace("TOP", &self.top())).collect();
        let home = if user == "root" { "/root".to_owned() } else { format!("/home/{user}") };
        let account = Account { name: user.to_owned(), uid: 1000, home: Some(home.into()), shell: None };
        let path = format!("{0}/usr/local/bin:{0}/usr/bin", self.top());
        let at_home = self.path(&format!("home/{user}")).display().to_string();
        let env = [("PATH", path), ("HOME", at_home)].map(|(name, value)| (name.to_owned(), Some(value)));
        let (program, args) = words.split_first().unwrap();
        ServiceFacts {
            title: "openclaw.service".to_owned(),
            launch: Ok(Launch {
                program: program.clone(),
                args: args.iter().cloned().map(Some).collect(),
                cwd: "/".into(),
                env: env.into(),
                account: account.clone(),
            }),
            declared: words,
            account,
            processes: Vec::new(),
            files: vec![self.path("etc/systemd/system/openclaw.service")],
            deciding: Vec::new(),
            stale: None,
            log: "journal".to_owned(),
            restart: "on-failure".to_owned(),
            restarts: 0,
            state: "inactive".to_owned(),
        }
    }

    fn inspect(&self, told: ServiceFacts) -> Result<Inspection, Failure> {
        let wanted = Wanted { package: Some("openclaw".to_owned()), marker: None };
        inspect(&Reader::new("/nowhere", "/nowhere"), &self.path(""), told, &wanted)
    }

    /// The outputs, with `TOP` for the directory of the test; and the line.
    fn outputs(&self, argv: &[&str], user: &str) -> (Json, String) {
        let reader = Reader::new("/nowhere", "/nowhere");
        let inspection = self.inspect(self.told(argv, user)).unwrap();
        let outputs = Json::Object(inspection.results(&reader).unwrap().outputs).to_string();
        let line = inspection.summary(&reader).replace(&self.top(), "TOP");
        (serde_json::from_str(&outputs.replace(&self.top(), "TOP")).unwrap(), line)
    }
}

fn assert_holds(outputs: &Json, wanted: &Json) {
    for (name, value) in wanted.as_object().unwrap() {
        assert_eq!(&outputs[name], value, "{name} in {outputs:#}");
    }
}

#[test]
fn a_package_for_everybody() {
    let host = Host::new();
    host.prefix("usr/local", "2026.3.8");
    let (outputs, line) = host.outputs(&["TOP/usr/local/bin/openclaw", "gateway"], "root");
    assert_holds(
        &outputs,
        &json!({
            "package_root": "TOP/usr/local/lib/node_modules/openclaw", "version": "2026.3.8", "npm_prefix": "TOP/usr/local",
            "entry": "TOP/usr/local/lib/node_modules/openclaw/openclaw.mjs", "wrappers": [], "package": "openclaw",
            "node": "TOP/usr/local/bin/node", "npm": "TOP/usr/local/bin/npm", "user": "root", "home": "/root",
            "unit_files": ["TOP/etc/systemd/system/openclaw.service"], "restart_pending": false, "running": false,
            "running_root": null, "running_version": null, "notes": [],
            "installations": [{ "root": "TOP/usr/local/lib/node_modules/openclaw", "version": "2026.3.8", "used": true }],
        }),
    );
    assert_eq!(line, "2026.3.8 at TOP/usr/local/lib/node_modules/openclaw, inactive");
}

#[test]
fn nvm_beside_a_copy_that_nobody_uses() {
    let host = Host::new();
    host.prefix("usr/local", "2026.3.8");
    host.prefix("home/op/.nvm/versions/node/v22.14.0", "2026.4.15");
    host.prefix("root/.nvm/versions/node/v20.1.0", "2026.1.1");
    // A checkout of nvm is a package of its own.
    host.write("home/op/.nvm/package.json", "{ \"name\": \"nvm\", \"version\": \"0.40.0\" }");
    let used = "TOP/home/op/.nvm/versions/node/v22.14.0";
    for argv in [
        vec![
            "TOP/home/op/.nvm/versions/node/v22.14.0/bin/node",
            "TOP/home/op/.nvm/versions/node/v22.14.0/bin/openclaw",
        ],
        vec!["/usr/bin/env", "PATH=TOP/home/op/.nvm/versions/node/v22.14.0/bin:/usr/bin", "openclaw", "gateway"],
    ] {
        let (outputs, line) = host.outputs(&argv, "op");
        assert_holds(
            &outputs,
            &json!({ "npm_prefix": used, "version": "2026.4.15", "npm": format!("{used}/bin/npm") }),
        );
        assert_eq!(
            line,
            format!(
                "2026.4.15 at {used}/lib/node_modules/openclaw, inactive, also installed: 2026.1.1 at \
                 TOP/root/.nvm/versions/node/v20.1.0/lib/node_modules/openclaw (not used) and 2026.3.8 at \
                 TOP/usr/local/lib/node_modules/openclaw (not used)"
            )
        );
    }
    // The package is gone from where the unit looks for it: that is not nvm's own package.
    std::fs::remove_file(host.path("home/op/.nvm/versions/node/v22.14.0/lib/node_modules/openclaw/package.json"))
        .unwrap();
    let failure =
        host.inspect(host.told(&["TOP/home/op/.nvm/versions/node/v22.14.0/bin/openclaw"], "op")).err().unwrap();
    assert!(failure.message.contains("belongs to no package openclaw"), "{failure:?}");
}

#[test]
fn a_wrapper_over_opt() {
    let host = Host::new();
    host.package("opt/openclaw/app", "2026.3.13");
    host.write("usr/bin/node", "\u{7f}ELF");
    host.write(
        "usr/local/bin/openclaw",
        "#!/bin/sh\nAPP=TOP/opt/openclaw/app\nexec node \"$APP/dist/index.js\" \"$@\"\n",
    );
    host.write("etc/openclaw.env", "X=1\n");
    let (outputs, line) = host.outputs(&["TOP/usr/local/bin/openclaw", "gateway"], "root");
    assert_holds(
        &outputs,
        &json!({
            "package_root": "TOP/opt/openclaw/app", "version": "2026.3.13", "npm_prefix": null,
            "wrappers": ["TOP/usr/local/bin/openclaw"], "entry": "TOP/opt/openclaw/app/dist/index.js", "npm": null,
        }),
    );
    assert_eq!(line, "2026.3.13 at TOP/opt/openclaw/app, inactive");
}

#[test]
fn homebrew_on_a_mac() {
    let host = Host::new();
    host.prefix("opt/homebrew/Cellar/node/24.1.0", "0.0.0");
    std::fs::remove_dir_all(host.path("opt/homebrew/Cellar/node/24.1.0/lib")).unwrap();
    host.write("opt/homebrew/opt/.keep", "");
    symlink("../Cellar/node/24.1.0", host.path("opt/homebrew/opt/node")).unwrap();
    host.package("opt/homebrew/lib/node_modules/openclaw", "2026.3.13");
    host.package("opt/homebrew/Cellar/openclaw/2026.1.5/libexec/lib/node_modules/openclaw", "2026.1.5");
    let argv =
        ["TOP/opt/homebrew/opt/node/bin/node", "TOP/opt/homebrew/lib/node_modules/openclaw/dist/index.js", "gateway"];
    let (outputs, line) = host.outputs(&argv, "op");
    assert_holds(
        &outputs,
        &json!({
            "package_root": "TOP/opt/homebrew/lib/node_modules/openclaw", "npm_prefix": "TOP/opt/homebrew",
            "node": "TOP/opt/homebrew/opt/node/bin/node", "npm": "TOP/opt/homebrew/opt/node/bin/npm",
        }),
    );
    assert!(line.contains("also installed: 2026.1.5 at TOP/opt/homebrew/Cellar/openclaw/2026.1.5/libexec"), "{line}");
}

#[test]
fn what_cannot_be_followed_is_a_failure_or_what_runs() {
    let host = Host::new();
    host.package("opt/openclaw/app", "2026.3.13");
    host.write("usr/local/bin/openclaw", "#!/bin/sh\nif some-probe; then exec node a.js; fi\nexec node b.js\n");
    let failure = host.inspect(host.told(&["TOP/usr/local/bin/openclaw"], "root")).err().unwrap();
    assert!(failure.message.contains("cannot be told") && failure.message.contains("line 2: decides"), "{failure:?}");

    // What runs is a witness, as long as nothing that decides is younger than it.
    let mut child = Command::new("sh");
    let mut child = child.args(["-c", "read line", &host.path("opt/openclaw/app/dist/index.js").to_string_lossy()]);
    child = child.stdin(std::process::Stdio::piped());
    let reader = Reader::new("/nowhere", "/nowhere");
    until_later_than(&host.path("usr/local/bin/openclaw"));
    let mut child = child.spawn().unwrap();
    let identity = executing(&reader, child.id(), "sh");
    let mut told = host.told(&["TOP/usr/local/bin/openclaw"], "root");
    told.processes = vec![identity.clone()];
    let inspection = host.inspect(told).unwrap();
    assert_eq!(inspection.finding.root, Some(host.path("opt/openclaw/app")));
    assert_eq!((inspection.running.version.as_deref(), inspection.restart_pending), (Some("2026.3.13"), Some(false)));
    assert!(inspection.notes[0].contains("what runs shows the installation"), "{:?}", inspection.notes);

    // The package is replaced under it: nobody knows which version was loaded.
    host.package("opt/openclaw/app", "2026.4.1");
    let mut told = host.told(&["TOP/usr/local/bin/openclaw"], "root");
    told.processes = vec![identity.clone()];
    let inspection = host.inspect(told).unwrap();
    assert_eq!((inspection.running.version, inspection.version.as_deref()), (None, Some("2026.4.1")));
    assert_eq!(inspection.restart_pending, Some(true));
    assert!(
        inspection.notes.iter().any(|note| note.contains("was changed after it was started")),
        "{:?}",
        inspection.notes
    );

    // So is the wrapper: what runs is no witness of the next start any more.
    host.write("usr/local/bin/openclaw", "#!/bin/sh\nif some-probe; then exec node c.js; fi\nexec node b.js\n");
    let mut told = host.told(&["TOP/usr/local/bin/openclaw"], "root");
    told.processes = vec![identity];
    assert!(host.inspect(told).is_err());
    drop(child.stdin.take());
    child.wait().unwrap();
}

#[test]
fn what_runs_and_what_the_next_start_runs_may_differ() {
    let host = Host::new();
    host.prefix("usr/local", "2026.3.8");
    host.package("opt/openclaw/app", "2026.4.15");
    let script = host.path("usr/local/lib/node_modules/openclaw/openclaw.mjs");
    until_later_than(&script);
    let mut child = Command::new("sh")
        .args(["-c", "read line", &script.to_string_lossy()])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = host.told(&["TOP/usr/local/bin/node", "TOP/opt/openclaw/app/dist/index.js"], "root");
    let reader = Reader::new("/nowhere", "/nowhere");
    told.processes = vec![executing(&reader, child.id(), "sh")];
    let inspection = host.inspect(told).unwrap();
    assert_eq!(inspection.finding.root, Some(host.path("opt/openclaw/app")));
    assert_eq!(inspection.running.version.as_deref(), Some("2026.3.8"));
    assert_eq!(inspection.restart_pending, Some(true));
    let line = inspection.summary(&reader).replace(&host.top(), "TOP");
    let begin = "the next start runs 2026.4.15 at TOP/opt/openclaw/app, what runs now is 2026.3.8 at \
                 TOP/usr/local/lib/node_modules/openclaw, pid ";
    assert!(line.starts_with(begin), "{line}");
    drop(child.stdin.take());
    child.wait().unwrap();
}

/// A process that waits for its input, and its identity.
fn waiting(command: &mut Command, name: &str) -> (Child, Identity) {
    let child = command.arg0(name).stdin(Stdio::piped()).spawn().unwrap();
    let identity = executing(&Reader::new("/nowhere", "/nowhere"), child.id(), name);
    (child, identity)
}

fn ended(mut child: Child) {
    drop(child.stdin.take());
    child.wait().unwrap();
}

#[test]
fn what_a_variable_holds_is_not_put_out() {
    let host = Host::new();
    host.prefix("usr/local", "2026.3.8");
    let declared = ["TOP/usr/local/bin/openclaw", "--token", "${TOKEN}"];
    let (child, identity) = waiting(Command::new("sh").args(["-c", "read line", "--token", "s3cret"]), "sh");
    let mut told = host.told(&declared, "root");
    told.processes = vec![identity];
    let reader = Reader::new("/nowhere", "/nowhere");
    let inspection = host.inspect(told).unwrap();
    let outputs = inspection.results(&reader).unwrap().outputs;
    assert_eq!(outputs["argv"], json!([declared[0].replace("TOP", &host.top()), "--token", "${TOKEN}"]));
    assert!(!Json::Object(outputs).to_string().contains("s3cret"));
    ended(child);
}

#[test]
fn empty_words_are_no_paths() {
    let host = Host::new();
    host.prefix("usr/local", "2026.3.8");
    host.package("opt/other", "2026.1.1");
    host.write("opt/other/state/keep", "");
    host.package("opt/openclaw/app", "2026.4.15");
    host.write("opt/openclaw/app/bin/gateway", "\u{7f}ELF");
    // Another process writes the program: one that is open for writing cannot be executed.
    assert!(Command::new("cp").args(["-L", "/bin/sh"]).arg(host.path("opt/node")).status().unwrap().success());
    until_later_than(&host.path("opt/node"));
    for (program, args) in [("/bin/sh", ["-s", "", ""]), ("opt/node", ["-s", "", ""])] {
        let mut command = Command::new(host.path(program));
        let (child, identity) = waiting(command.args(args).current_dir(host.path("opt/other/state")), "title");
        let mut told = host.told(&["TOP/usr/local/bin/openclaw"], "root");
        told.processes = vec![identity];
        let root = host.inspect(told).unwrap().running.root;
        assert_eq!(root, Some(host.path("usr/local/lib/node_modules/openclaw")), "{program}");
        ended(child);
    }
    let mut told = host.told(&["TOP/opt/openclaw/app/bin/gateway", ""], "root");
    told.launch.as_mut().unwrap().cwd = host.path("opt/other");
    assert_eq!(host.inspect(told).unwrap().finding.root, Some(host.path("opt/openclaw/app")));
}

#[test]
fn a_link_that_is_turned_is_seen() {
    let host = Host::new();
    host.write("usr/bin/node", "\u{7f}ELF");
    host.write("usr/bin/gateway", "\u{7f}ELF");
    host.package("opt/r1", "2026.3.8");
    host.package("opt/r2", "2026.4.15");
    symlink("r1", host.path("opt/current")).unwrap();
    until_later_than(&host.path("opt"));
    let (child, identity) = waiting(Command::new("sh").args(["-c", "read line"]), "sh");
    let roots = |argv: &[&str]| {
        let mut told = host.told(argv, "root");
        told.processes = vec![identity.clone()];
        let inspection = host.inspect(told).unwrap();
        (inspection.running.root, inspection.finding.root, inspection.restart_pending)
    };
    let by_node = ["TOP/usr/bin/node", "TOP/opt/current/dist/index.js"];
    let by_argument = ["TOP/usr/bin/gateway", "TOP/opt/current"];
    let (first, second) = (Some(host.path("opt/r1")), Some(host.path("opt/r2")));
    assert_eq!(roots(&by_node), (first.clone(), first, Some(false)));
    std::fs::remove_file(host.path("opt/current")).unwrap();
    symlink("r2", host.path("opt/current")).unwrap();
    assert_eq!(roots(&by_node), (None, second.clone(), Some(true)));
    let (running, _, pending) = roots(&by_argument);
    assert_eq!((running, pending), (None, Some(true)));
    ended(child);
}

/// Start times are counted in ticks, and stamps of files are as exact as the clock's: within so much, either may seem the later one.
const TICKS_MS: i64 = 25;

/// The process, once it executes the program `name` and no longer a copy of this test. What is written from then on counts as younger
/// than it.
fn executing(reader: &Reader, pid: u32, name: &str) -> Identity {
    loop {
        let process = reader.process(pid).unwrap().unwrap();
        let executed = reader.executed(&process.identity).unwrap().unwrap();
        if executed.argv.first().is_some_and(|word| word == name) {
            until(reader, i64::try_from(reader.started_ns(&process.identity) / 1_000_000).unwrap() + TICKS_MS);
            return process.identity;
        }
        std::thread::yield_now();
    }
}

/// Waits until a process that is started now counts as younger than `path`.
fn until_later_than(path: &std::path::Path) {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::metadata(path).unwrap();
    until(&Reader::new("/nowhere", "/nowhere"), found.ctime() * 1000 + found.ctime_nsec() / 1_000_000 + TICKS_MS);
}

fn until(reader: &Reader, time_ms: i64) {
    while reader.now_ms() < time_ms {
        std::thread::yield_now();
    }
}

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
