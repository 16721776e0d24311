//! An npm registry in the network of a lab: verdaccio with nothing behind it, so it serves what a test published and no more.

use crate::boot::JOIN;
use crate::cgroup::Cgroup;
use crate::command::{Output, command, run, until};
use crate::error::{Error, Result, WithPath};
use crate::node::Node;
use crate::room::Room;
use crate::switch::GATE;
use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// The port that verdaccio has by itself.
const PORT: u16 = 4873;

/// How long it may take to answer. Seconds on a quiet machine.
const UP: Duration = Duration::from_secs(60);

/// No uplink: a package that was not published is not found, at once. Anybody may publish.
const CONFIG: &str = "\
storage: ./storage
auth: { htpasswd: { file: ./htpasswd, max_users: -1 } }
uplinks: {}
packages: { '**': { access: $all, publish: $all } }
web: { enable: false }
log: { type: stdout, format: pretty, level: warn }
";

/// A registry of one lab. Its packages are gone when it is dropped.
#[derive(Debug)]
pub struct Registry {
    room: Arc<Room>,
    node: Node,
    dir: PathBuf,
    cgroup: Cgroup,
    process: Option<Child>,
}

impl Registry {
    /// Starts it in a group below the room's, so that it ends with the room, however that ends.
    pub(crate) fn start(room: &Arc<Room>, node: &Node) -> Result<Self> {
        let dir = room.corner("registry");
        std::fs::create_dir(&dir).with_path(&dir)?;
        let cgroup = room.cgroup.child("registry");
        cgroup.create()?;
        let mut registry = Self { room: Arc::clone(room), node: node.clone(), dir, cgroup, process: None };
        // npm sends no package without a token; this registry does not look at it.
        let token = format!("//{GATE}:{PORT}/:_authToken=nobody\n");
        for (file, text) in [("config.yaml", CONFIG), ("npmrc", token.as_str())] {
            let path = registry.dir.join(file);
            std::fs::write(&path, text).with_path(path)?;
        }
        registry.process = Some(registry.spawn()?);
        registry.wait()?;
        Ok(registry)
    }

    /// Where hosts of the lab find it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{GATE}:{PORT}/")
    }

    /// Publishes the package in a directory of this machine, and makes it `latest`.
    pub fn publish(&self, package: &Path) -> Result<()> {
        let mut npm = self.command(&self.node.module("npm").join("bin/npm-cli.js"));
        npm.args(["publish", "--no-update-notifier", "--loglevel=error", "--registry", &self.url()]);
        npm.arg("--userconfig").arg(self.dir.join("npmrc")).arg("--cache").arg(self.dir.join("cache"));
        npm.current_dir(package);
        run(npm, b"").and_then(Output::ok).map(drop)
    }

    /// A script of Node in the network of the hosts, in the registry's group.
    fn command(&self, script: &Path) -> Command {
        let mut command = command(&["sh", "-c", JOIN, "sh"]);
        command.arg(self.cgroup.door());
        command.arg("nsenter").arg(format!("--net={}", self.room.switch.file())).arg("--");
        command.arg(self.node.program()).arg(script).env("NODE_NO_WARNINGS", "1");
        command
    }

    fn spawn(&self) -> Result<Child> {
        let log = self.dir.join("log");
        let output = File::create(&log).with_path(&log)?;
        let errors = output.try_clone().with_path(&log)?;
        let mut verdaccio = self.command(&self.node.module("verdaccio").join("bin/verdaccio"));
        verdaccio.arg("--config").arg(self.dir.join("config.yaml")).arg("--listen").arg(format!("{GATE}:{PORT}"));
        verdaccio.current_dir(&self.dir).stdin(Stdio::null()).stdout(output).stderr(errors);
        verdaccio.spawn().map_err(|source| Error::Start { command: "verdaccio".to_owned(), source })
    }

    /// Waits until somebody listens in the network of the hosts.
    fn wait(&mut self) -> Result<()> {
        let address = SocketAddr::from((GATE, PORT));
        let switch = &self.room.switch;
        let process = &mut self.process;
        let up = until("the registry listens", UP, || {
            if let Some(Ok(Some(status))) = process.as_mut().map(Child::try_wait) {
                return Ok(Err(Error::Refused(format!("verdaccio ended: {status}"))));
            }
            switch.enter(move || TcpStream::connect(address)).map(drop).map(Ok).map_err(|error| error.to_string())
        });
        up.and_then(|up| up).map_err(|error| {
            let said = std::fs::read_to_string(self.dir.join("log")).unwrap_or_default();
            Error::Refused(format!("{error}\n{said}"))
        })
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // What cannot be removed now is removed with the room, or by the next lab.
        let _ = self.cgroup.kill();
        if let Some(mut process) = self.process.take() {
            let _ = process.wait();
        }
        let _ = self.cgroup.remove();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
