//! The parts put together: packages, a host, the story, and the account of it.

use super::Result;
use super::clock::{Clock, seconds};
use super::front::Front;
use super::options::Options;
use super::provision::provision;
use super::{room, story};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use test_hosts::{Host, Lab, Node};

/// Where hosts find the registry, at the gate of their network.
const REGISTRY_PORT: u16 = 4873;

/// Everything from the check of the disk to the account. The host is gone in the end, however it ends.
pub(super) fn run(options: &Options) -> Result<String> {
    let clock = Clock::start();
    let lab = Lab::open()?;
    room::check(&options.cache, lab.ssh_key().parent().unwrap_or(Path::new("/var/tmp")))?;
    let runbook = match &options.runbook {
        Some(file) => file.clone(),
        None => built(&clock)?,
    };
    let front = Front::start(&options.cache.join("registry"))?;
    lab.forward(REGISTRY_PORT, front.address)?;
    let registry = format!("http://{}:{REGISTRY_PORT}", lab.gate());
    clock.say("packages of node and npm");
    let node = Node::open()?;
    let host = lab.boot("openclaw")?;
    let told = provision(&host, &node, &registry, &clock).and_then(|()| {
        host.copy_in(&runbook, "/usr/local/bin/runbook", 0o755)?;
        host.copy_tree(root().join("playbooks"), "/opt/playbooks")?;
        story::tell(&host, &clock)
    });
    if options.pause {
        pause(&host, &clock, told.as_ref().err().map(ToString::to_string));
    }
    Ok(format!("{}\nacceptance: everything as it should be, in {}", told?, seconds(clock.elapsed())))
}

/// The root of the repository.
fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_path_buf()
}

/// Builds `runbook`, and says where it is.
fn built(clock: &Clock) -> Result<PathBuf> {
    clock.say("cargo build -p runbook");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "-p", "runbook"]).current_dir(root());
    if !cargo.status()?.success() {
        return Err("runbook could not be built; what cargo said is above".into());
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    Ok(target.join("debug/runbook"))
}

/// Leaves the host for a person to look into.
fn pause(host: &Host, clock: &Clock, failed: Option<String>) {
    clock.say(&failed.unwrap_or_else(|| "everything as it should be".to_owned()));
    clock.say("the host stays until you press Enter. To enter it:");
    if let Ok(mut command) = host.command(["bash", "-l"]) {
        let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).collect();
        clock.say(&words.join(std::ffi::OsStr::new(" ")).to_string_lossy());
        command.stdin(Stdio::null());
    }
    let _ = std::io::stdin().read_line(&mut String::new());
}
