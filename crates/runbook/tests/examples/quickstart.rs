//! `examples/quickstart` as a world.

use crate::world::{Example, World, said};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

pub(crate) struct Quickstart;

impl Example for Quickstart {
    const STEPS: &'static [&'static str] = &["backup", "stop", "install", "start", "verify"];
    const BROKEN: &'static str = "1.1.0";
    const GOOD: &'static str = "1.2.0";

    fn fresh() -> World {
        let dir = tempfile::tempdir().unwrap();
        let gateway = gateway();
        let port = free_port();
        std::fs::create_dir(dir.path().join("releases")).unwrap();
        for version in ["1.0.0", "1.1.0", "1.2.0"] {
            let release = dir.path().join("releases").join(version);
            lay_out(&gateway, &["make-release", version, &release.to_string_lossy()]);
        }
        let state = dir.path().join("state").to_string_lossy().into_owned();
        lay_out(&gateway, &["make-state", &state, "--port", &port.to_string()]);
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/quickstart");
        let var = |name: &str, value: &str| ["--var".to_owned(), format!("{name}={value}")];
        let home = dir.path().to_string_lossy().into_owned();
        let world = World {
            plan: root.join("plan.yaml"),
            stop: root.join("stop.yaml"),
            args: [
                var("releases", &dir.path().join("releases").to_string_lossy()),
                var("home", &home),
                var("gateway", &gateway.to_string_lossy()),
                var("port", &port.to_string()),
                var("watch", "150ms"),
            ]
            .concat(),
            port,
            environment: BTreeMap::new(),
            trees: vec![dir.path().join("app"), dir.path().join("state")],
            serves: Box::new(move || chat(port)),
            dir,
        };
        let first = world.apply("1.0.0", None);
        assert!(first.status.success(), "{}", said(&first));
        world
    }
}

/// Built by the same `cargo build --workspace` or test run as this test.
fn gateway() -> PathBuf {
    let gateway = Path::new(env!("CARGO_BIN_EXE_runbook")).with_file_name("demo-gateway");
    assert!(gateway.exists(), "{} is not built: cargo build -p demo-gateway", gateway.display());
    gateway
}

fn lay_out(gateway: &Path, args: &[&str]) {
    assert!(Command::new(gateway).args(args).status().unwrap().success());
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What the chat channel answers, which names the release that answered.
fn chat(port: u16) -> Result<String, String> {
    let address = format!("127.0.0.1:{port}").parse().unwrap();
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET /version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned())
    };
    ask().map_err(|error| error.to_string())
}
