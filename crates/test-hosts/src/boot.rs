//! Starting a host: its disk at the first boot, then its namespaces, then its network, then systemd.

use crate::available::NAMESPACES;
use crate::command::{command, tool, until};
use crate::error::{Error, Result, WithPath};
use crate::room::Room;
use crate::seat::Seat;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long systemd may take. Seconds on a quiet machine.
const UP: Duration = Duration::from_secs(90);

/// What becomes init.
const SCRIPT: &str = include_str!("boot.sh");

/// Joins the group whose `cgroup.procs` is the first argument, then runs the rest.
pub(crate) const JOIN: &str = r#"echo 0 >"$1" && shift && exec "$@""#;

/// The processes of a host that is on.
#[derive(Debug)]
pub(crate) struct Running {
    /// The pid of its init, seen from this machine.
    pub(crate) init: u32,
    /// The process that holds the namespaces and ends with init; none if another process booted it.
    pub(crate) keeper: Option<Child>,
}

impl Seat {
    /// Prepares the disk of a new host: its name, its keys, and the key of the lab.
    pub(crate) fn lay_out(&self, room: &Room) -> Result<()> {
        for part in ["work", "root"] {
            make_dir(&self.dir.join(part), 0o755)?;
        }
        let upper = self.dir.join("upper");
        let (etc, home) = (upper.join("etc"), upper.join("root"));
        make_dir(&etc.join("ssh"), 0o755)?;
        make_dir(&home, 0o700)?;
        make_dir(&home.join(".ssh"), 0o700)?;
        let name = &self.name;
        let hosts = format!("127.0.0.1 localhost\n::1 localhost\n{} {name}\n", self.address());
        // Left to itself, systemd takes the id of the (virtual) machine, which all hosts have in common.
        let id = uuid()?.replace('-', "");
        let files = [("hostname", format!("{name}\n")), ("hosts", hosts), ("machine-id", id)];
        for (path, text) in files.map(|(file, text)| (etc.join(file), text)) {
            std::fs::write(&path, text).with_path(path)?;
        }
        let authorized = home.join(".ssh/authorized_keys");
        std::fs::copy(room.site.key().with_extension("pub"), &authorized).with_path(authorized)?;
        let key = etc.join("ssh/ssh_host_ed25519_key");
        tool(&["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", &key.to_string_lossy()]).map(drop)
    }

    /// Boots the host and waits until systemd has started everything.
    pub(crate) fn boot(&self, room: &Room) -> Result<Running> {
        let failed = |why: String| Error::Boot { name: self.name.clone(), why, console: self.console() };
        let mut running = self.start(room).map_err(|error| failed(error.to_string()))?;
        let came = until("systemd is running", UP, || {
            if let Some(keeper) = &mut running.keeper
                && let Ok(Some(status)) = keeper.try_wait()
            {
                // It will not come any more; the next look would say the same.
                return Ok(Err(format!("its init ended: {status}")));
            }
            self.ask_state(running.init)
        });
        match came {
            Ok(Ok(())) => Ok(running),
            Ok(Err(why)) => Err(failed(why)),
            Err(late) => Err(failed(late.to_string())),
        }
    }

    /// A command inside the host whose init is `init`, in a group of its own there, as somebody at the console has it.
    pub(crate) fn command(&self, init: u32) -> Result<Command> {
        let console = self.machine().child("console");
        console.create()?;
        let door = console.door();
        let mut inside = command(&["sh", "-c", JOIN, "sh"]);
        inside.arg(door).args(["nsenter", "--target", &init.to_string(), "--all", "--wdns=/root", "--"]);
        inside.env_clear().envs([
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("HOME", "/root"),
            ("USER", "root"),
            ("LOGNAME", "root"),
            ("SHELL", "/bin/bash"),
            ("LANG", "C.UTF-8"),
        ]);
        Ok(inside)
    }

    /// The processes of a host that another process booted; none if it is off.
    pub(crate) fn running(&self) -> Result<Option<Running>> {
        let path = self.dir.join("init");
        let line = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            line => line.with_path(&path)?,
        };
        let init = line.trim().parse().map_err(|_| Error::Refused(format!("{} holds no pid", path.display())))?;
        // The number may belong to another process by now; the group does not.
        let here = self.cgroup.holds(init);
        Ok(here.then_some(Running { init, keeper: None }))
    }

    fn start(&self, room: &Room) -> Result<Running> {
        self.machine().create()?;
        let boot_id = self.dir.join("boot_id");
        std::fs::write(&boot_id, uuid()?).with_path(boot_id)?;
        let mut keeper = self.keeper(room)?;
        let init = self.handshake(room, &mut keeper).inspect_err(|_| {
            let _ = self.cgroup.kill();
            let _ = keeper.wait();
        })?;
        Ok(Running { init, keeper: Some(keeper) })
    }

    /// The process that makes the namespaces, with the shell in them that waits for its network.
    fn keeper(&self, room: &Room) -> Result<Child> {
        let console = self.dir.join("console.log");
        let log = File::options().create(true).append(true).open(&console).with_path(&console)?;
        let mut keeper = command(&["sh", "-c", JOIN, "sh"]);
        keeper.arg(self.machine().door()).arg("unshare").args(NAMESPACES).args(["sh", "-c", SCRIPT, "sh"]);
        keeper.arg(&room.tree).arg(&self.dir).arg(&self.name);
        keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        if room.outlives_us() {
            keeper.process_group(0);
        }
        keeper.spawn().map_err(|source| Error::Start { command: "`unshare`".to_owned(), source })
    }

    fn handshake(&self, room: &Room, keeper: &mut Child) -> Result<u32> {
        let refused = |what: &str| Error::Refused(what.to_owned());
        let mut line = String::new();
        let stdout = keeper.stdout.take().ok_or_else(|| refused("the keeper has no output"))?;
        BufReader::new(stdout).read_line(&mut line).with_path("the keeper's output")?;
        let init = line.trim().parse().map_err(|_| refused("its namespaces were not made"))?;
        // Out of the host's own hierarchy: systemd hands out controllers only where no other process is.
        let outside = self.cgroup.child("keeper");
        outside.create()?;
        outside.take(keeper.id())?;
        room.switch.plug(self.port, init, self.address())?;
        let at = self.dir.join("init");
        std::fs::write(&at, line).with_path(at)?;
        let mut stdin = keeper.stdin.take().ok_or_else(|| refused("the keeper has no input"))?;
        stdin.write_all(b"go\n").with_path("the keeper's input")?;
        Ok(init)
    }

    /// Asks systemd once, and lets it answer when it has started everything: `Err` is "not yet", the inner one "never".
    fn ask_state(&self, init: u32) -> Result<Result<(), String>, String> {
        let ask = || -> Result<String> {
            let mut state = self.command(init)?;
            state.args(["systemctl", "is-system-running", "--wait"]);
            Ok(crate::command::run(state, b"")?.stdout.trim().to_owned())
        };
        match ask().map_err(|error| error.to_string())?.as_str() {
            "running" => Ok(Ok(())),
            "degraded" => Ok(Err(format!("units failed:\n{}", self.failed_units(init)))),
            other => Err(format!("systemd says `{other}`")),
        }
    }

    fn failed_units(&self, init: u32) -> String {
        let list = self.command(init).and_then(|mut list| {
            list.args(["systemctl", "list-units", "--failed", "--plain", "--no-legend"]);
            crate::command::run(list, b"")
        });
        list.map_or_else(|error| error.to_string(), |output| output.stdout)
    }

    /// The end of what the console showed.
    fn console(&self) -> String {
        let text = std::fs::read(self.dir.join("console.log")).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// A fresh random id, with its line end.
fn uuid() -> Result<String> {
    let source = "/proc/sys/kernel/random/uuid";
    std::fs::read_to_string(source).with_path(source)
}

/// Makes a directory and those above it, with this mode whatever the umask is.
pub(crate) fn make_dir(path: &Path, mode: u32) -> Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(mode).create(path).with_path(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).with_path(path)
}
