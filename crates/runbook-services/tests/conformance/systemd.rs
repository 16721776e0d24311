//! Scenarios of units of systemd, on a host of their own.

use conformance::{Scenario, World};
use serde_json::{Value as Json, json};
use std::process::Command;

conformance::host_scenarios![
    start_what_is_down,
    start_what_is_up,
    start_a_command,
    start_what_is_unknown,
    stop_what_is_up,
    stop_what_is_down,
    restart_after_a_change,
    restart_what_is_new,
    reload_what_is_up,
    reload_what_cannot,
    enable_what_is_disabled,
    enable_what_is_enabled,
    enable_what_is_masked,
    disable_what_is_enabled_in_part,
    read_all_files_again,
    write_a_new_unit_file,
    change_a_unit_file,
    write_what_systemd_refuses,
    write_what_is_there,
    write_a_drop_in,
];

const FILE: &str = "/etc/systemd/system/law.service";
const SERVICE: &str =
    "[Service]\nExecStart=/tmp/law/program\n[Install]\nWantedBy=multi-user.target\nAlias=justice.service\n";

fn sh(script: &str) -> String {
    let output = Command::new("sh").args(["-ec", script]).output().unwrap();
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A service that sleeps, and is down.
fn install(unit: &str) {
    sh("mkdir -p /tmp/law; printf '#!/bin/sh\\nexec sleep 1000\\n' > /tmp/law/program; chmod 755 /tmp/law/program");
    std::fs::write(FILE, unit).unwrap();
    sh("systemctl daemon-reload");
}

fn install_and(unit: &str, script: &str) {
    install(unit);
    sh(script);
}

/// What systemd says of the unit, and every file in its directory with mode, owner, target and digest.
fn unit(_: &World) -> String {
    sh(
        "systemctl show law.service -p LoadState,ActiveState,SubState,Result,UnitFileState,FragmentPath,DropInPaths,NeedDaemonReload; \
        cd /etc/systemd/system; find . -printf '%y %p %m %U:%G %l\\n' | sort; find . -type f -exec cksum {} + | sort",
    )
}

fn clear(_: &World) {
    sh("systemctl stop law.service 2>/dev/null || true; cd /etc/systemd/system; \
        rm -rf law.service law.service.d justice.service multi-user.target.wants/law.service /tmp/law; \
        systemctl daemon-reload; systemctl reset-failed law.service 2>/dev/null || true");
}

fn about_the_unit(scenario: Scenario) -> Scenario {
    scenario.observing(unit).teardown(clear)
}

fn service() -> Json {
    json!({ "unit": "law", "settle": "50ms" })
}

fn start_what_is_down() -> Scenario {
    let with = |_: &mut World| {
        install(SERVICE);
        service()
    };
    about_the_unit(Scenario::change("systemd.start", with)).afterwards(|world, done| {
        assert_eq!(done.results.outputs["service"]["state"], "up");
        assert!(unit(world).contains("SubState=running"));
    })
}

fn start_what_is_up() -> Scenario {
    let with = |_: &mut World| {
        install_and(SERVICE, "systemctl start law");
        service()
    };
    about_the_unit(Scenario::nothing_to_do("systemd.start", with))
}

fn start_a_command() -> Scenario {
    let with = |_: &mut World| {
        install("[Service]\nType=oneshot\nExecStart=/bin/true\n");
        service()
    };
    about_the_unit(Scenario::change("systemd.start", with))
}

fn start_what_is_unknown() -> Scenario {
    about_the_unit(Scenario::refusal("systemd.start", "there is no unit law.service", |_| service()))
}

fn stop_what_is_up() -> Scenario {
    let with = |_: &mut World| {
        install_and(SERVICE, "systemctl start law");
        json!({ "unit": "law" })
    };
    about_the_unit(Scenario::change("systemd.stop", with))
        .afterwards(|world, _| assert!(unit(world).contains("ActiveState=inactive")))
}

fn stop_what_is_down() -> Scenario {
    let with = |_: &mut World| {
        install(SERVICE);
        json!({ "unit": "law" })
    };
    about_the_unit(Scenario::nothing_to_do("systemd.stop", with))
}

fn restart_after_a_change() -> Scenario {
    let with = |_: &mut World| {
        install_and(
            SERVICE,
            "systemctl start law; cp -p /tmp/law/program /tmp/law/next; echo '#' >> /tmp/law/next; mv /tmp/law/next /tmp/law/program",
        );
        service()
    };
    about_the_unit(Scenario::change("systemd.restart", with))
}

fn restart_what_is_new() -> Scenario {
    let with = |_: &mut World| {
        // Stamps of files are as exact as the clock's ticks.
        install_and(SERVICE, "sleep 0.05; systemctl start law");
        service()
    };
    about_the_unit(Scenario::nothing_to_do("systemd.restart", with))
}

fn reload_what_is_up() -> Scenario {
    let with = |_: &mut World| {
        install_and(&SERVICE.replace("[Install]", "ExecReload=/bin/true\n[Install]"), "systemctl start law");
        service()
    };
    about_the_unit(Scenario::change("systemd.reload", with))
}

fn reload_what_cannot() -> Scenario {
    let with = |_: &mut World| {
        install_and(SERVICE, "systemctl start law");
        service()
    };
    about_the_unit(Scenario::refusal("systemd.reload", "it has no ExecReload=", with))
}

fn enable_what_is_disabled() -> Scenario {
    let with = |_: &mut World| {
        install(SERVICE);
        json!({ "unit": "law" })
    };
    about_the_unit(Scenario::change("systemd.enable", with)).afterwards(|world, done| {
        assert_eq!(done.results.outputs["state"], "enabled");
        assert!(unit(world).contains("justice.service"), "the alias is missing");
    })
}

fn enable_what_is_enabled() -> Scenario {
    let with = |_: &mut World| {
        install_and(SERVICE, "systemctl enable law 2>&1");
        json!({ "unit": "law" })
    };
    about_the_unit(Scenario::nothing_to_do("systemd.enable", with))
}

fn enable_what_is_masked() -> Scenario {
    let with = |_: &mut World| {
        sh("systemctl mask law 2>&1");
        json!({ "unit": "law" })
    };
    about_the_unit(Scenario::refusal("systemd.enable", "is masked", with))
}

fn disable_what_is_enabled_in_part() -> Scenario {
    let with = |_: &mut World| {
        install_and(
            SERVICE,
            "systemctl enable law 2>&1; rm /etc/systemd/system/justice.service; systemctl daemon-reload",
        );
        json!({ "unit": "law" })
    };
    about_the_unit(Scenario::change("systemd.disable", with))
        .afterwards(|world, _| assert!(unit(world).contains("UnitFileState=disabled")))
}

fn read_all_files_again() -> Scenario {
    let with = |_: &mut World| {
        install(SERVICE);
        json!({})
    };
    about_the_unit(Scenario::change("systemd.daemon-reload", with))
}

fn write_a_new_unit_file() -> Scenario {
    let with =
        |_: &mut World| json!({ "unit": "law", "content": "[Service]\nExecStart=/bin/sleep 9\n", "mode": "0640" });
    about_the_unit(Scenario::change("systemd.unit-file", with)).afterwards(|world, done| {
        assert_eq!(done.results.outputs["path"], FILE);
        let seen = unit(world);
        assert!(seen.contains("f ./law.service 640") && seen.contains("LoadState=loaded"), "{seen}");
    })
}

fn change_a_unit_file() -> Scenario {
    let with = |_: &mut World| {
        install_and(SERVICE, "systemctl start law");
        json!({ "unit": "law", "content": SERVICE.replace("[Install]", "Nice=5\n[Install]") })
    };
    about_the_unit(Scenario::change("systemd.unit-file", with)).afterwards(|world, _| {
        assert!(unit(world).contains("NeedDaemonReload=no"));
        assert_eq!(sh("systemctl show law -p Nice --value"), "5\n");
    })
}

fn write_what_systemd_refuses() -> Scenario {
    let with = |_: &mut World| json!({ "unit": "law", "content": "[Service]\nExecStart=/nowhere/program\n" });
    about_the_unit(Scenario::refusal("systemd.unit-file", "/nowhere/program is not executable", with))
}

fn write_what_is_there() -> Scenario {
    let with = |_: &mut World| {
        install(SERVICE);
        json!({ "unit": "law", "content": SERVICE })
    };
    about_the_unit(Scenario::nothing_to_do("systemd.unit-file", with))
}

fn write_a_drop_in() -> Scenario {
    let with = |_: &mut World| {
        install_and(SERVICE, "systemctl start law");
        json!({ "unit": "law", "name": "50-nice", "content": "[Service]\nNice=7\n" })
    };
    about_the_unit(Scenario::change("systemd.drop-in", with))
        .afterwards(|_, _| assert_eq!(sh("systemctl show law -p Nice --value"), "7\n"))
}
