//! Scenarios of units of systemd, on a host of their own.

use conformance::{Scenario, World};
use serde_json::{Value as Json, json};
use std::process::Command;

conformance::host_scenarios![clear_the_cache_of_a_unit, clear_the_cache_of_a_unit_that_runs];

fn sh(script: &str) -> String {
    let output = Command::new("sh").args(["-ec", script]).output().unwrap();
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn clear(_: &World) {
    sh("systemctl stop law.service 2>/dev/null || true; rm -rf /etc/systemd/system/law.service /tmp/law; \
        systemctl daemon-reload; systemctl reset-failed law.service 2>/dev/null || true");
}

/// A service that caches in its own directory, where a cache is.
fn caches(_: &mut World) -> Json {
    let unit = "[Service]\nEnvironment=TMPDIR=/tmp/law\nExecStart=sleep 1000\n";
    std::fs::write("/etc/systemd/system/law.service", unit).unwrap();
    sh("mkdir -p /tmp/law/jiti; touch /tmp/law/jiti/a.cjs; systemctl daemon-reload");
    json!({ "unit": "law" })
}

fn cache(_: &World) -> String {
    sh("find /tmp/law/jiti 2>/dev/null || true")
}

fn clear_the_cache_of_a_unit() -> Scenario {
    Scenario::change("jiti-cache.clear", caches).without_undo().observing(cache).teardown(clear).afterwards(
        |world, done| {
            assert_eq!(done.results.outputs["removed"], 1);
            assert_eq!(cache(world), "");
        },
    )
}

fn clear_the_cache_of_a_unit_that_runs() -> Scenario {
    let with = |world: &mut World| {
        let with = caches(world);
        sh("systemctl start law");
        with
    };
    Scenario::refusal("jiti-cache.clear", "law.service is active (running)", with).observing(cache).teardown(clear)
}
