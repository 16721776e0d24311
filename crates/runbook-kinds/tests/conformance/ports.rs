//! Scenarios of ports that somebody holds.

use conformance::{Scenario, World, scenarios};
use serde_json::json;
use std::process::{Command, Stdio};

scenarios![free_a_port, free_a_free_port, free_a_port_of_another_program];

/// A process that listens on a port and belongs to nobody; its number and port are kept in the world.
fn orphan(world: &World) -> u16 {
    let gateway = test_rules::program("demo-gateway", "demo-gateway");
    let app = world.home.join("app");
    assert!(Command::new(&gateway).args(["make-release", "1.0.0"]).arg(&app).status().unwrap().success());
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut serve = Command::new(&gateway);
    serve.arg("serve").arg("--app").arg(&app).arg("--state").arg(world.home.join("data"));
    let mut child = serve.args(["--port", &port.to_string()]).stdout(Stdio::null()).spawn().unwrap();
    std::fs::write(world.state.join("orphan"), child.id().to_string()).unwrap();
    std::thread::spawn(move || child.wait());
    while world.reader().port_owners(port).unwrap().is_free() {
        std::thread::yield_now();
    }
    port
}

fn runs(world: &World) -> String {
    let pid = std::fs::read_to_string(world.state.join("orphan")).unwrap_or_default();
    format!("orphan runs: {}", pid.parse().is_ok_and(runbook_host::runs))
}

fn end_the_orphan(world: &World) {
    if let Ok(pid) = std::fs::read_to_string(world.state.join("orphan")) {
        let _ = Command::new("kill").args(["-KILL", &pid]).stderr(Stdio::null()).status();
    }
}

fn free_a_port() -> Scenario {
    Scenario::change("port.orphan-kill", |world| json!({ "port": orphan(world), "expect": "demo-gateway" }))
        .without_undo()
        .observing(runs)
        .teardown(end_the_orphan)
        .afterwards(|world, _| assert_eq!(runs(world), "orphan runs: false"))
}

fn free_a_free_port() -> Scenario {
    Scenario::nothing_to_do("port.orphan-kill", |_| {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        json!({ "port": port, "expect": "gateway" })
    })
}

fn free_a_port_of_another_program() -> Scenario {
    let with = |world: &mut World| json!({ "port": orphan(world), "expect": "node" });
    Scenario::refusal("port.orphan-kill", "which is not `node`", with).observing(runs).teardown(end_the_orphan)
}
