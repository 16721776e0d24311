//! Packages of the second report: two releases of OpenClaw, a connector before and after it was mended, and what it depends on.

use crate::stage::print;
use std::path::{Path, PathBuf};
use std::process::Command;
use test_hosts::{Host, Registry};

/// What ran for weeks.
pub(super) const OLD: &str = "2026.3.8";
/// What every host is to have. Its plugin SDK is another one.
pub(super) const TARGET: &str = "2026.3.23-2";
/// The connector's newest release, which the new core cannot load.
pub(super) const RELEASED: &str = "0.8.3";
/// Its source, mended.
pub(super) const MENDED: &str = "0.8.4";

/// What of the second report's stage is a file.
pub(super) fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts/second_report").join(name)
}

/// Publishes both releases of OpenClaw, and what the connector depends on.
pub(super) fn publish(registry: &Registry) {
    for version in [OLD, TARGET] {
        let scratch = tempfile::tempdir().unwrap();
        let package = scratch.path().join("openclaw");
        let copied = Command::new("cp").arg("-r").args([&file("openclaw"), &package]).status().unwrap();
        assert!(copied.success());
        std::fs::copy(file(&format!("releases/{version}.mjs")), package.join("sdk.mjs")).unwrap();
        let manifest = package.join("package.json");
        let text = std::fs::read_to_string(&manifest).unwrap();
        assert!(text.contains("0.0.0"));
        std::fs::write(&manifest, text.replace("0.0.0", version)).unwrap();
        registry.publish(&package).unwrap();
    }
    registry.publish(&file("stream")).unwrap();
}

/// A plugin in `dir` on `host`: what it does when it is loaded, and the line that it says when it runs.
fn plugin(host: &Host, dir: &str, (name, version): (&str, &str), loads: &str, says: &str) {
    let depends =
        if loads.contains("dingtalk-stream") { r#", "dependencies": { "dingtalk-stream": "1.0.0" }"# } else { "" };
    let manifest = format!(r#"{{ "name": "{name}", "version": "{version}"{depends} }}"#);
    host.write(&format!("{dir}/package.json"), &manifest).unwrap();
    let index = format!("export const start = (sdk, need) => {{\n  {loads}\n  return \"{says}\";\n}};\n");
    host.write(&format!("{dir}/index.mjs"), &index).unwrap();
}

/// The connector as it was released: it calls what the old SDK has.
pub(super) fn released_connector(host: &Host, dir: &str) {
    let loads = "sdk.createPluginRuntimeStore();";
    plugin(host, dir, ("dingtalk-connector", RELEASED), loads, "dingtalk-connected");
}

/// The connector's mended source, with the lock that it came with.
pub(super) fn mended_connector(host: &Host, dir: &str) {
    let loads = "need(\"dingtalk-stream\");";
    plugin(host, dir, ("dingtalk-connector", MENDED), loads, "dingtalk-connected");
    lock(host, dir);
}

/// A Weixin plugin of the old SDK.
pub(super) fn old_weixin(host: &Host, dir: &str) {
    plugin(host, dir, ("openclaw-weixin", "1.0.2"), "sdk.resolvePreferredOpenClawTmpDir();", "weixin-running");
}

/// One that fits the new core.
pub(super) fn new_weixin(host: &Host, dir: &str) {
    plugin(host, dir, ("openclaw-weixin", "2.0.1"), "", "weixin-running");
    lock(host, dir);
}

fn lock(host: &Host, dir: &str) {
    let npm = "npm install --package-lock-only --no-audit --no-fund --no-update-notifier --loglevel=error";
    print(host.sh(&format!("export PATH=/opt/homebrew/bin:$PATH; cd {dir} && {npm}")));
}
