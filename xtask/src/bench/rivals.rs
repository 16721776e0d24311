//! The same hundred commands three ways: a script over ssh, the steps of a plan, operations of pyinfra.

use super::{Result, STEPS};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use test_hosts::{Host, Lab, Ssh};

/// Who is measured, and with what.
pub(super) struct Rivals<'a> {
    lab: &'a Lab,
    host: &'a Host,
    ssh: Ssh,
    runbook: PathBuf,
    pyinfra: Option<PathBuf>,
}

/// What the nth command is.
fn command(nth: usize) -> String {
    format!("echo {nth} > /srv/bench/{nth}")
}

impl<'a> Rivals<'a> {
    /// Lays out what each of them reads.
    pub(super) fn new(lab: &'a Lab, host: &'a Host, runbook: &Path, pyinfra: Option<&Path>) -> Result<Self> {
        let ssh = Ssh::to(host)?;
        let put = |name: &str, text: &str| fs::write(ssh.dir().join(name), text);
        put("script", &(0..STEPS).map(|nth| format!("sh -c '{}' || exit 1\n", command(nth))).collect::<String>())?;
        put("inventory.yaml", "kind: Inventory\nversion: 1\nname: bench\nhosts: { far: {} }\n")?;
        put("plan.yaml", &plan())?;
        put("operations.py", &operations())?;
        put(
            "hosts.py",
            &format!(
                "hosts = [('{}', {{'ssh_user': 'root', 'ssh_key': '{}', 'ssh_known_hosts_file': '{}'}})]\n",
                host.address(),
                lab.ssh_key().display(),
                ssh.known_hosts().display()
            ),
        )?;
        let pyinfra = pyinfra.map(std::path::absolute).transpose()?;
        Ok(Self { lab, host, ssh, runbook: runbook.to_owned(), pyinfra })
    }

    /// What they are called; the floor first.
    pub(super) fn names(&self) -> Vec<&'static str> {
        let mut names = vec!["ssh HOST sh < script", "runbook apply --host HOST"];
        names.extend(self.pyinfra.iter().map(|_| "pyinfra"));
        names
    }

    /// Nothing is done yet.
    pub(super) fn prepare(&self) -> Result<()> {
        self.host.sh("rm -rf /srv/bench && mkdir -p /srv/bench")?.ok()?;
        Ok(())
    }

    /// All of it was done.
    pub(super) fn check(&self, nth: usize) -> Result<()> {
        let done = self.host.sh("ls /srv/bench | wc -l")?.ok()?;
        if done.trim() == STEPS.to_string() {
            Ok(())
        } else {
            Err(format!("{:?} did {done} commands", self.names().get(nth)).into())
        }
    }

    /// The nth of them, from this machine.
    pub(super) fn command(&self, nth: usize) -> Result<Command> {
        let dir = self.ssh.dir();
        let mut command = match (nth, &self.pyinfra) {
            (0, _) => {
                let mut command = Command::new(self.ssh.program());
                command.args(["far", "sh"]).stdin(fs::File::open(dir.join("script"))?);
                return Ok(command);
            }
            (2, Some(pyinfra)) => {
                self.lab.command([pyinfra.as_os_str(), "-y".as_ref(), "hosts.py".as_ref(), "operations.py".as_ref()])
            }
            _ => {
                let mut command = Command::new(&self.runbook);
                let path = std::env::var("PATH").unwrap_or_default();
                command.args(["apply", "plan.yaml", "--yes", "--host", "far"]);
                command.env("PATH", format!("{}:{path}", dir.display())).env("RUNBOOK_STATE_DIR", dir.join("state"));
                command
            }
        };
        command.current_dir(dir).stdin(Stdio::null());
        Ok(command)
    }
}

fn plan() -> String {
    let step = |nth: usize| {
        format!(
            "  - {{ id: s{nth}, uses: command.run, with: {{ run: [sh, -c, \"{}\"], undo: {{ run: [rm, -f, /srv/bench/{nth}] }}, \
             effects: {{ writes: [{{ path: /srv/bench/{nth} }}] }} }} }}\n",
            command(nth)
        )
    };
    let steps: String = (0..STEPS).map(step).collect();
    format!("kind: Plan\nversion: 1\nname: bench\nsteps:\n{steps}")
}

fn operations() -> String {
    let operation = |nth: usize| format!("server.shell(name='s{nth}', commands=['{}'])\n", command(nth));
    format!("from pyinfra.operations import server\n{}", (0..STEPS).map(operation).collect::<String>())
}
