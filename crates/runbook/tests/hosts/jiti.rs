//! Report 2, §6: a stale cache of compiled modules, with the real jiti; and where it may be for a unit.

use crate::node::{boot, last_read};
use crate::stage::{apply_steps, assert_said, change_and, print};
use std::time::Duration;
use test_hosts::{Host, Lab, Node};

const HOST: &str = r#"
import { createJiti } from "jiti";
const plugin = await createJiti(import.meta.url).import("/opt/claw/plugin/index.ts");
console.log(`plugin: ${plugin.start()}`);
if (process.argv[2] !== "once") setInterval(() => {}, 60_000);
"#;
const OLD: &str = "export const start = (): string => 'createPluginRuntimeStore is not a function';";
const FIXED: &str = "export const start = (): string => 'connected';";

/// Makes what the service would believe: the old code under the mark of the fixed source. `$1` is the service's cache.
const FORGE: &str = r#"
set -eu
cd /
run() { setpriv --reuid claw --regid claw --clear-groups env TMPDIR="$1" /usr/local/bin/node /opt/claw/dist/index.mjs once; }
entry() { ls "$1"/jiti/plugin-index.*; }
install -d -o claw "$(dirname "$1")" /srv/scratch-old /srv/scratch-fixed
plugin=/opt/claw/plugin/index.ts
cp "$plugin" /srv/as-it-was
printf %s "$OLD" > "$plugin"; run /srv/scratch-old > /dev/null
printf %s "$FIXED" > "$plugin"; run /srv/scratch-fixed > /dev/null
cat /srv/as-it-was > "$plugin"
install -d -o claw "$1"
old=$(entry /srv/scratch-old)
{ head -n -1 "$old"; tail -n 1 "$old" | sed 's| /\* v[^*]* \*/$||' | tr -d '\n'; tail -n 1 "$(entry /srv/scratch-fixed)" | grep -o ' /\* v[^*]* \*/$'; } > "$1/$(basename "$old")"
chown claw "$1"/*
"#;

#[test]
fn a_stale_cache_is_cleared_where_the_unit_has_it() {
    let Some(lab) = Lab::for_test() else { return };
    let Some(node) = Node::for_test() else { return };
    let Some(host) = boot(&lab, "jiti", "/usr/local") else { return };
    install(&host, &node);
    println!("fixed source, old error");
    fixed_source_old_error(&host);
    println!("a private tmp");
    a_private_tmp(&host);
    println!("a cache beside the program");
    a_cache_beside_the_program(&host);
    println!("what others made");
    what_others_made(&host);
}

fn install(host: &Host, node: &Node) {
    host.copy_tree(node.module("jiti"), "/opt/claw/node_modules/jiti").unwrap();
    host.write("/opt/claw/dist/index.mjs", HOST).unwrap();
    host.write("/opt/claw/package.json", r#"{ "name": "claw", "version": "1.0.0" }"#).unwrap();
    host.write("/opt/claw/plugin/index.ts", OLD).unwrap();
    host.write("/etc/default/claw", "# where it writes\nTMPDIR=\"/srv/claw-tmp\"\n").unwrap();
    let unit = "[Service]\nUser=claw\nEnvironment=TMPDIR=/nowhere \"NOTE=two words\"\nEnvironmentFile=-/etc/default/none\n\
                EnvironmentFile=/etc/default/claw\nExecStart=/usr/local/bin/node /opt/claw/dist/index.mjs\n";
    host.write("/etc/systemd/system/claw.service", unit).unwrap();
    print(host.sh(
        "useradd --create-home claw; useradd mallory; install -d -o claw /srv/claw-tmp; chmod -R a+rX /opt /srv; systemctl daemon-reload; systemctl start claw",
    ));
    host.wait_for("journalctl -u claw | grep -q 'plugin: createPlugin'", Duration::from_secs(30)).unwrap();
    assert!(print(host.sh("ls /srv/claw-tmp/jiti")).contains("plugin-index."), "jiti caches where the unit says");
}

fn forge(host: &Host, cache: &str) {
    print(host.run(["env", &format!("OLD={OLD}"), &format!("FIXED={FIXED}"), "sh", "-c", FORGE, "forge", cache]));
}

/// The plugin is replaced by the fixed one, with `more` steps between stop and start.
fn replace_plugin(more: &str) -> String {
    format!(
        r#"  - {{ id: stop, uses: systemd.stop, with: {{ unit: claw }} }}
  - {{ id: plugin, uses: file.write, with: {{ path: /opt/claw/plugin/index.ts, content: "{FIXED}" }} }}
{more}  - {{ id: start, needs: [stop, plugin], uses: systemd.start, with: {{ unit: claw }} }}
  - id: verify
    needs: [start]
    uses: verify.signals
    with:
      unit: claw
      within: 15s
      watch: 500ms
      signals:
        unit: {{ unit: claw }}
        connected: {{ log: "plugin: connected", kind: functional }}
        store: {{ log_absent: createPluginRuntimeStore is not a function, kind: negative }}
"#
    )
}

fn fixed_source_old_error(host: &Host) {
    forge(host, "/srv/claw-tmp/jiti");
    let said = apply_steps(host, &replace_plugin(""));
    assert_said(
        &said,
        3,
        &["1 of 3 blocking signals is red: `store` (as before); not green yet: `connected` (as before)", "Rolled back"],
    );
    assert_eq!(last_read(host, "store").read, "1 × \"plugin: createPluginRuntimeStore is not a function\"");
    assert_eq!(host.read("/opt/claw/plugin/index.ts").unwrap(), OLD);

    forge(host, "/srv/claw-tmp/jiti");
    // Wherever it stands in the file.
    let clear = "  - { id: jiti, uses: jiti-cache.clear, with: { unit: claw } }\n";
    let said = apply_steps(host, &(clear.to_owned() + &replace_plugin("")));
    assert_said(&said, 0, &["/srv/claw-tmp/jiti removed", "Done"]);
    let at = |word: &str| said.stdout.rfind(word).unwrap();
    assert!(at("✓ stop") < at("✓ jiti") && at("✓ jiti") < at("✓ start"), "{}", said.stdout);

    // Under a service that runs nothing is cleared, whatever the order.
    assert_said(&clear_only(host, "unit: claw"), 3, &["claw.service is active (running)", "stop it in a step before"]);
    assert!(print(host.sh("ls /srv/claw-tmp/jiti")).contains("plugin-index."));
}

/// A change, and the clearing of a cache; no service is touched.
fn clear_only(host: &Host, with: &str) -> test_hosts::Output {
    change_and(host, "jiti", "jiti-cache.clear", with)
}

fn drop_in(host: &Host, lines: &str) {
    host.write("/etc/systemd/system/claw.service.d/test.conf", &format!("[Unit]\n{lines}")).unwrap();
    print(host.run(["systemctl", "daemon-reload"]));
}

fn a_private_tmp(host: &Host) {
    print(host.run(["systemctl", "stop", "claw"]));
    drop_in(host, "[Service]\nPrivateTmp=yes\nUnsetEnvironment=TMPDIR\n");
    print(host.sh("systemctl start claw"));
    let cache = host.wait_for("ls -d /tmp/systemd-private-*-claw.service-*/tmp/jiti", Duration::from_secs(20)).unwrap();
    print(host.run(["systemctl", "stop", "claw"]));
    let own = "the /tmp of claw.service is its own (PrivateTmp=) and went when it stopped";
    assert_said(&clear_only(host, "unit: claw"), 0, &[own]);
    assert!(host.run(["test", "-e", cache.trim()]).unwrap().code != 0);

    // What is shared stays while another unit that has it runs.
    host.write("/etc/systemd/system/keeper.service", "[Service]\nPrivateTmp=yes\nExecStart=/bin/sleep 1000\n").unwrap();
    drop_in(host, "JoinsNamespaceOf=keeper.service\n[Service]\nPrivateTmp=yes\nUnsetEnvironment=TMPDIR\n");
    print(host.sh("systemctl start keeper && systemctl start claw"));
    let cache = host.wait_for("ls -d /tmp/systemd-private-*/tmp/jiti", Duration::from_secs(20)).unwrap();
    print(host.run(["systemctl", "stop", "claw"]));
    assert_said(&clear_only(host, "unit: claw"), 0, &[&format!("{} removed", cache.trim())]);
    assert!(host.run(["test", "-e", cache.trim()]).unwrap().code != 0);
    print(host.run(["systemctl", "stop", "keeper"]));
    drop_in(host, "");
}

/// jiti prefers `node_modules` beside the module that uses it, if it is told that by its path and not as a URL.
fn a_cache_beside_the_program(host: &Host) {
    print(host.sh("sed s/import.meta.url/import.meta.filename/ /opt/claw/dist/index.mjs > /opt/claw/index.mjs; chown -R claw /opt/claw/node_modules"));
    drop_in(host, "[Service]\nExecStart=\nExecStart=/usr/local/bin/node /opt/claw/index.mjs\n");
    print(host.run(["systemctl", "start", "claw"]));
    host.wait_for("ls /opt/claw/node_modules/.cache/jiti/plugin-index.*", Duration::from_secs(20)).unwrap();
    print(host.run(["systemctl", "stop", "claw"]));
    assert_said(&clear_only(host, "unit: claw"), 0, &["/opt/claw/node_modules/.cache/jiti removed, 1 entries"]);
    drop_in(host, "[Service]\nEnvironment=JITI_FS_CACHE=false\n");
    assert_said(&clear_only(host, "unit: claw"), 0, &["jiti keeps no cache for claw.service"]);
}

fn what_others_made(host: &Host) {
    let by = |user: &str, script: &str| {
        print(host.run(["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "sh", "-ec", script]))
    };
    drop_in(host, "[Service]\nUnsetEnvironment=TMPDIR\n");
    assert_eq!(print(host.sh("stat -c %a /tmp")), "1777");
    by("mallory", "mkdir /tmp/jiti && touch /tmp/jiti/mine");
    assert_said(&clear_only(host, "unit: claw"), 3, &["/tmp/jiti belongs to the user number", "look at who made it"]);
    by("mallory", "test -e /tmp/jiti/mine; rm -r /tmp/jiti; ln -s /etc /tmp/jiti");
    assert_said(&clear_only(host, "unit: claw"), 3, &["a symlink that user 1001 made"]);
    by("mallory", "rm /tmp/jiti");
    // A directory on the way is no safer than the last one.
    print(host.sh("mkdir -p /srv/precious/jiti && touch /srv/precious/jiti/file"));
    by("mallory", "ln -s /srv/precious /tmp/way");
    assert_said(
        &clear_only(host, "unit: claw, dir: /tmp/way/jiti"),
        1,
        &["leads through /tmp/way, a symlink that user"],
    );
    print(host.sh("test -e /srv/precious/jiti/file"));
    // What the unit's user has there is the service's own.
    by("claw", "mkdir /tmp/jiti && touch /tmp/jiti/own.cjs");
    assert_said(&clear_only(host, "unit: claw"), 0, &["/tmp/jiti removed, 1 entries"]);
}
