//! The host before the upgrade, as report 1 has it: one global package of root, a unit that runs it as a user of its own, two
//! channels. There is no way out of the host, so the channels start and then ask in vain.

use super::Result;
use super::clock::Clock;
use std::time::Duration;
use test_hosts::{Host, Node};

/// What runs first, and what a rollback has to bring back.
pub(super) const VERSION: &str = "2026.4.15";
/// Where the gateway listens on loopback.
pub(super) const PORT: u16 = 18789;
/// How long the gateway may take until both channels have started. It takes 25 seconds to two minutes on two shared processors.
const STARTS: Duration = Duration::from_secs(300);

const UNIT: &str = include_str!("openclaw.service");
const CONFIG: &str = include_str!("openclaw.json");
const WHATSAPP: &str = include_str!("whatsapp.mjs");

/// Puts everything on `host`, with the package from `registry`, and waits until the gateway works.
pub(super) fn provision(host: &Host, node: &Node, registry: &str, clock: &Clock) -> Result<()> {
    clock.say("node and npm");
    node.put_on(host, "/usr/local")?;
    let settings = format!("registry={registry}/\naudit=false\nfund=false\nupdate-notifier=false\n");
    host.write("/usr/local/etc/npmrc", &settings)?;
    clock.say(&format!("npm install --global openclaw@{VERSION}: some minutes"));
    host.run(["/usr/local/bin/npm", "install", "--global", &format!("openclaw@{VERSION}")])?.ok()?;
    state(host, &settings)?;
    clock.say("the gateway starts");
    host.write("/etc/systemd/system/openclaw.service", UNIT)?;
    host.run(["systemctl", "enable", "--quiet", "--now", "openclaw.service"])?.ok()?;
    works(host)
}

/// The user, the configuration, and the WhatsApp credentials.
fn state(host: &Host, settings: &str) -> Result<()> {
    host.run(["useradd", "--create-home", "--shell", "/bin/bash", "openclaw"])?.ok()?;
    // 2026.4.22 and later run npm when the gateway starts.
    host.write("/home/openclaw/.npmrc", settings)?;
    host.write("/home/openclaw/.openclaw/openclaw.json", CONFIG)?;
    host.run([
        "/usr/local/bin/node",
        "--input-type=module",
        "--eval",
        WHATSAPP,
        "--",
        "/usr/local/lib/node_modules/openclaw",
        "/home/openclaw/.openclaw/credentials/whatsapp/default/creds.json",
    ])?
    .ok()?;
    host.run(["chown", "-R", "openclaw:openclaw", "/home/openclaw"])?.ok()?;
    host.run(["chmod", "600", "/home/openclaw/.openclaw/openclaw.json"])?.ok()?;
    Ok(())
}

/// Waits until the log of this life of the gateway says that it is ready and that both channels have started.
fn works(host: &Host) -> Result<()> {
    for line in ["[gateway] ready (", "[slack] socket mode", "[whatsapp] [default] starting provider"] {
        let look = format!(
            "journalctl --quiet --unit openclaw --output cat | sed 's/\\x1b\\[[0-9;]*m//g' | grep --quiet --fixed-strings '{line}'"
        );
        host.wait_for(&look, STARTS).map_err(|late| {
            let log = host.sh("journalctl --unit openclaw --lines 40 --no-pager --output cat").map(|said| said.stdout);
            format!("the gateway never said `{line}`: {late}\n{}", log.unwrap_or_default())
        })?;
    }
    Ok(())
}
