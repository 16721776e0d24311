//! The package of the gateway in its three releases, and the machine that it lives on.

use crate::stage::print;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use test_hosts::{Host, Registry};

/// The release that has run for weeks.
pub(super) const OLD: &str = "2026.4.15";
/// Its plugins cannot resolve the package that they are plugins of.
pub(super) const BROKEN: &str = "2026.4.22";
/// It links the package to where its plugins look for it.
pub(super) const FIXED: &str = "2026.4.23";

/// The session that a failover once pinned to another model, in `host/sessions.json`.
pub(super) const SESSION: &str = "agent:main:main";
/// The name of its transcript.
pub(super) const TRANSCRIPT: &str = "5f3b7a52-0c1e-4a55-9d0e-6a3f6f2c9b11";

/// What the state directory is called on the host.
pub(super) const STATE: &str = "/home/openclaw/.openclaw";

/// What of the first report's stage is a file.
pub(super) fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts/first_report").join(name)
}

/// Publishes the three releases. They are one package but for the module that brings plugins to where they are loaded from.
pub(super) fn publish(registry: &Registry) {
    for version in [OLD, BROKEN, FIXED] {
        let scratch = tempfile::tempdir().unwrap();
        let package = scratch.path().join("gateway");
        let copied = Command::new("cp").arg("-r").args([&file("gateway"), &package]).status().unwrap();
        assert!(copied.success());
        std::fs::copy(file(&format!("releases/{version}.mjs")), package.join("lib/staging.mjs")).unwrap();
        let manifest = package.join("package.json");
        let text = std::fs::read_to_string(&manifest).unwrap();
        assert!(text.contains("0.0.0"));
        std::fs::write(&manifest, text.replace("0.0.0", version)).unwrap();
        registry.publish(&package).unwrap();
    }
}

/// Makes `host` the machine of the report: the old release from the registry, owned by root, and the service with a user of its own.
pub(super) fn settle(host: &Host, registry: &Registry) {
    print(host.sh(&format!("echo registry={} > ~/.npmrc", registry.url())));
    for (name, to) in [
        ("outside.mjs", "/srv/outside.mjs"),
        ("chat.mjs", "/srv/chat.mjs"),
        ("outside.service", "/etc/systemd/system/outside.service"),
        ("openclaw.service", "/etc/systemd/system/openclaw.service"),
        ("openclaw.json", &format!("{STATE}/openclaw.json")),
        ("sessions.json", &format!("{STATE}/agents/main/sessions/sessions.json")),
    ] {
        host.copy_in(file("host").join(name), to, 0o644).unwrap();
    }
    print(host.sh(&format!(
        "useradd --home-dir /home/openclaw openclaw && chown -R openclaw: /home/openclaw && \
         npm install --global --no-update-notifier openclaw@{OLD} && \
         systemctl daemon-reload && systemctl start outside"
    )));
    // The old release tries once to reach each channel.
    for port in [18700, 18701] {
        host.wait_for(&format!("bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}'"), Duration::from_secs(30)).unwrap();
    }
    print(host.sh("systemctl start openclaw"));
    for channel in ["slack", "whatsapp"] {
        host.wait_for(&format!("node /srv/chat.mjs {channel} hello"), Duration::from_secs(30)).unwrap();
    }
}
