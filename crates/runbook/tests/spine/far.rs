//! A host at a distance without a network: a program stands in for ssh, and reaches this machine.

use crate::bench::{Bench, Said, said};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// Reaches this machine, as a login does: with an environment of its own.
const SSH: &str = r#"#!/bin/sh
[ "$1" != -G ] || { echo hostname far; exit 0; }
for last; do :; done
exec env -i HOME=/root PATH=/usr/local/bin:/usr/bin:/bin USER=root sh -c "$last"
"#;

/// A host with the agent's program, and a controller.
pub(crate) struct Far(pub(crate) Bench);

impl Far {
    /// That bench is the host, and has the controller's files. `far` and `too` are names of it.
    pub(crate) fn with(bench: Bench) -> Self {
        bench.write("inventory.yaml", "kind: Inventory\nversion: 1\nname: test\nhosts: { far: {}, too: {} }\n");
        // The whole program is large, and would be sent each time.
        let program = format!("#!/bin/sh\nexec {} \"$@\"\n", env!("CARGO_BIN_EXE_runbook"));
        for (name, text) in [("ssh", SSH), ("agent", &program)] {
            bench.write(name, text);
            std::fs::set_permissions(bench.path(name), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self(bench)
    }

    /// A command of a controller.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let bench = &self.0;
        let mut command = bench.command(args);
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", bench.path("").display())).env("RUNBOOK_AGENT", bench.path("agent"));
        command.env_remove("RUNBOOK_STATE_DIR").arg("--state-dir").arg(bench.path("state"));
        command
    }

    /// A command on the host, from elsewhere.
    pub(crate) fn run(&self, args: &[&str]) -> Said {
        said(self.command(args).args(["--host", "far"]))
    }

    /// The same on the host itself.
    pub(crate) fn here(&self, args: &[&str]) -> Said {
        said(&mut self.command(args))
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        // No agent outlives its host.
        let _ = said(self.command(&["retire", "far"]).current_dir(self.0.path("")));
    }
}
