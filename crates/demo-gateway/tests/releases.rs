//! What the three releases do: the middle one is healthy and broken, because its plugins cannot find the host package.

#![expect(clippy::unwrap_used, reason = "what the tests share runs outside of test functions")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

struct Running {
    child: Child,
    address: IpAddr,
    port: u16,
    log: BufReader<std::process::ChildStdout>,
    said: Vec<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn gateway(args: &[&Path]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo-gateway"));
    command.args(args);
    command
}

fn run(app: &Path, state: &Path, listen: &str) -> Running {
    let serve = ["serve", "--app", app.to_str().unwrap(), "--state", state.to_str().unwrap(), "--listen", listen];
    let mut child = gateway(&[]).args(serve).args(["--port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
    let log = BufReader::new(child.stdout.take().unwrap());
    let mut running = Running { child, address: listen.parse().unwrap(), port: 0, log, said: Vec::new() };
    let line = running.line_with("listening on ");
    running.port = line.rsplit_once(':').unwrap().1.trim().parse().unwrap();
    running
}

impl Running {
    /// The first line of the log with `text`; lines of several threads come in any order.
    fn line_with(&mut self, text: &str) -> String {
        loop {
            if let Some(line) = self.said.iter().find(|line| line.contains(text)) {
                return line.clone();
            }
            let mut line = String::new();
            assert!(self.log.read_line(&mut line).unwrap() > 0, "no line with {text}");
            self.said.push(line);
        }
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect((self.address, self.port)).unwrap();
        write!(stream, "{method} {path} HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().to_owned();
        format!("{status} {}", answer.split_once("\r\n\r\n").unwrap().1)
    }
}

#[test]
fn the_middle_release_is_healthy_and_broken() {
    let dir = std::env::temp_dir().join(format!("demo-gateway-{}", std::process::id()));
    std::fs::create_dir(&dir).unwrap();
    let state = dir.join("state");
    for (version, works) in [("1.0.0", true), ("1.1.0", false), ("1.2.0", true), ("1.0.0", false)] {
        let app = dir.join("app");
        let _ = std::fs::remove_dir_all(&app);
        assert!(gateway(&[Path::new("make-release"), Path::new(version), &app]).status().unwrap().success());
        let mut running = run(&app, &state, if version == "1.2.0" { "::1" } else { "127.0.0.1" });
        running.line_with("gateway ready");
        let chat = running.line_with("\u{1b}[36m[chat]\u{1b}[0m");
        let wanted = match (works, version) {
            (true, _) => "connected".to_owned(),
            (false, "1.1.0") => {
                format!(
                    "channel exited: Cannot find package 'demo-host' imported from {}/plugins/chat/plugin.json",
                    app.display()
                )
            }
            (false, _) => "channel exited: sessions.json has format 2, this release reads 1".to_owned(),
        };
        assert!(chat.trim_end().ends_with(&wanted), "{version}: {chat}");
        if !works {
            running.line_with("auto-restart attempt 1/10 in 5s");
        }
        assert_eq!(running.ask("GET", "/healthz", ""), "200 ok");
        assert_eq!(running.ask("GET", "/readyz", ""), "200 ok");
        assert_eq!(running.ask("GET", "/version", ""), format!("200 {version}"));
        let reply = if works {
            format!("200 chat {version} heard: ping")
        } else {
            "503 the chat channel is not connected".to_owned()
        };
        assert_eq!(running.ask("POST", "/message", "ping"), reply);
        assert_eq!(running.ask("POST", "/healthz", ""), "405 method not allowed");
        assert!(running.ask("GET", "/nothing", "").starts_with("404"));
    }
    let messages = std::fs::read_to_string(state.join("messages.log")).unwrap();
    assert_eq!(messages.lines().filter(|line| line.contains("ping")).count(), 2);
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn nonsense_is_answered_with_what_would_be_right() {
    for (args, wanted) in [
        (vec!["make-release", "9.9.9", "x"], "there are 1.0.0, 1.1.0 and 1.2.0"),
        (vec!["serve"], "serve needs --app DIR"),
        (vec!["serve", "--app", "/nowhere", "--state", "/nowhere"], "/nowhere is no release"),
        (vec!["serve", "--apps", "x"], "it takes --app"),
        (vec!["serve", "--port", "99999"], "is no port"),
        (vec!["dance"], "see `demo-gateway --help`"),
        (vec![], "demo-gateway --help"),
    ] {
        let output = gateway(&[]).args(&args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(wanted), "{args:?}: {said}");
    }
    assert!(gateway(&[]).arg("--help").output().unwrap().status.success());
}
