//! A host in a test's hands.

use crate::boot::Running;
use crate::command::{Output, run, run_with, until};
use crate::error::{Error, Result, WithPath};
use crate::room::Room;
use crate::seat::Seat;
use std::ffi::OsStr;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// A Debian host with systemd, journald, sshd and an address. Dropping it ends it and removes its disk.
#[derive(Debug)]
pub struct Host {
    room: Arc<Room>,
    seat: Seat,
    running: Option<Running>,
}

impl Host {
    /// Makes a new host and boots it.
    pub(crate) fn new(room: &Arc<Room>, name: &str) -> Result<Self> {
        // From here on a failure drops the host, which removes what there is of it.
        let mut host = Self { room: Arc::clone(room), seat: room.seat(name)?, running: None };
        host.seat.lay_out(room)?;
        host.boot_again()?;
        Ok(host)
    }

    /// A host that another process booted, in a room that stays.
    pub(crate) fn find(room: &Arc<Room>, name: &str) -> Result<Self> {
        let seat = room.find(name)?;
        let running = seat.running()?;
        Ok(Self { room: Arc::clone(room), seat, running })
    }

    /// What it is called; its host name too.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.seat.name
    }

    /// Its address in the network of its lab. It keeps it over boots.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        self.seat.address()
    }

    /// A command to run as root in the host, from `/root`, with a plain environment. Whatever a [`Command`] can do, it can do here.
    pub fn command<I: IntoIterator<Item: AsRef<OsStr>>>(&self, words: I) -> Result<Command> {
        let running = self.running.as_ref().ok_or_else(|| Error::Off { name: self.seat.name.clone() })?;
        let mut command = self.seat.command(running.init)?;
        command.args(words);
        Ok(command)
    }

    /// Runs a program with its arguments to its end. Another exit code than 0 is no error here; [`Output::ok`] makes it one.
    pub fn run<I: IntoIterator<Item: AsRef<OsStr>>>(&self, words: I) -> Result<Output> {
        run(self.command(words)?, b"")
    }

    /// Runs a script of the host's `sh` to its end.
    pub fn sh(&self, script: &str) -> Result<Output> {
        self.run(["sh", "-c", script])
    }

    /// Makes a user with a home directory and this login shell, whom ssh lets in with the key of the lab.
    pub fn add_user(&self, name: &str, shell: &str) -> Result<()> {
        let script =
            r#"useradd --create-home --shell "$2" "$1" && cp -r .ssh "/home/$1/" && chown -R "$1:$1" "/home/$1/.ssh""#;
        self.run(["sh", "-c", script, "sh", name, shell])?.ok().map(drop)
    }

    pub(crate) fn room(&self) -> &Room {
        &self.room
    }

    /// Waits until a script ends with 0, at most `within`, and gives what it printed.
    pub fn wait_for(&self, script: &str, within: Duration) -> Result<String> {
        until(&format!("`{script}` on `{}`", self.name()), within, || {
            self.sh(script).and_then(Output::ok).map_err(|error| error.to_string())
        })
    }

    /// Writes a file with mode 644, and the directories above it.
    pub fn write(&self, path: &str, text: &str) -> Result<()> {
        self.install(path, text.as_bytes(), 0o644)
    }

    /// Reads a file as text.
    pub fn read(&self, path: &str) -> Result<String> {
        let output = self.run(["cat", "--", path])?;
        let text = output.stdout.clone();
        output.ok().map(|_| text)
    }

    /// Copies a file of this machine into the host, and makes the directories above it.
    pub fn copy_in(&self, from: impl AsRef<Path>, to: &str, mode: u32) -> Result<()> {
        let bytes = std::fs::read(&from).with_path(from.as_ref())?;
        self.install(to, &bytes, mode)
    }

    /// Copies what is in a directory of this machine into a directory of the host, which is made; all of it is root's there.
    pub fn copy_tree(&self, from: impl AsRef<Path>, to: &str) -> Result<()> {
        let unpack =
            self.command(["sh", "-c", r#"mkdir -p "$1" && exec tar -C "$1" --no-same-owner -xpf -"#, "sh", to])?;
        let failed = |source| Error::Start { command: "`tar`".to_owned(), source };
        let mut pack = Command::new("tar");
        pack.arg("-C").arg(from.as_ref()).args(["-cf", "-", "."]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut packing = pack.spawn().map_err(failed)?;
        let packed = packing.stdout.take().map_or_else(Stdio::null, Stdio::from);
        let unpacked = run_with(unpack, packed).and_then(Output::ok).map(drop);
        let status = packing.wait().map_err(failed)?;
        if !status.success() {
            return Err(Error::Refused(format!("{} could not be packed: {status}", from.as_ref().display())));
        }
        unpacked
    }

    /// Takes the network cable out: nothing comes in or goes out any more, and no connection is told.
    pub fn cut_network(&self) -> Result<()> {
        self.room.switch.set(self.seat.port, "down")
    }

    /// Puts the cable in again.
    pub fn restore_network(&self) -> Result<()> {
        self.room.switch.set(self.seat.port, "up")
    }

    /// Ends every process of the host at once, without any shutdown. The disk stays; what was written and not yet synced
    /// stays too, because this machine's kernel lives on.
    pub fn power_off_hard(&mut self) -> Result<()> {
        self.seat.machine().kill()?;
        if let Some(Running { keeper: Some(mut keeper), .. }) = self.running.take() {
            // It asks how init ended and then ends itself.
            keeper.wait().with_path("the keeper of the host")?;
        }
        self.seat.cgroup.kill()?;
        self.seat.cgroup.remove()
    }

    /// Boots a host that is off, with its disk.
    pub fn boot_again(&mut self) -> Result<()> {
        if self.running.is_some() {
            return Err(Error::Refused(format!("host `{}` is on; power it off first", self.name())));
        }
        let booted = self.seat.boot(&self.room);
        if booted.is_err() {
            self.seat.cgroup.kill()?;
        }
        self.running = Some(booted?);
        Ok(())
    }

    /// Ends the host and removes its disk, as dropping it does, and says if that failed.
    pub fn take_down(mut self) -> Result<()> {
        self.power_off_hard()?;
        self.room.clear(&self.seat)
    }

    fn install(&self, path: &str, bytes: &[u8], mode: u32) -> Result<()> {
        // A path below /proc/PID/root would follow the host's links into this machine's files.
        let install = self.command(["install", "-D", "-m", &format!("{mode:o}"), "/dev/stdin", path])?;
        run(install, bytes)?.ok().map(drop)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if self.room.outlives_us() {
            return;
        }
        // What cannot be removed now is removed with the room, or by the next lab.
        let _ = self.power_off_hard();
        let _ = self.room.clear(&self.seat);
    }
}
