//! What these tests share: a host of an inventory, and an agent that echoes.

use super::super::{AgentProgram, Connection};
use runbook_model::{Escalation, HostName, InventoryHost, SshSettings};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::time::Duration;

/// An agent that says once who it is and where its file lies, then what it hears.
pub(crate) const ECHO: &str = "#!/bin/sh\n[ \"$*\" != --version ] || exec echo 1\necho \"$(id -un) $0 $*\"\nexec cat\n";

/// A host with nothing but a name.
pub(crate) fn host(name: &str) -> InventoryHost {
    InventoryHost {
        name: HostName::new(name).unwrap(),
        span: Default::default(),
        address: name.to_owned(),
        labels: Default::default(),
        groups: Default::default(),
        exercises: Default::default(),
        escalation: Escalation::None,
        max_clock_skew: Duration::from_secs(30),
        ssh: SshSettings::default(),
        vars: Vec::new(),
        shared_vars: false,
    }
}

/// A program with this text, in a directory of this machine.
pub(crate) fn agent(dir: &Path, text: &str) -> AgentProgram {
    let path = dir.join("agent");
    std::fs::write(&path, text).unwrap();
    AgentProgram::read(&path).unwrap()
}

/// What the echoing agent says first, after it has echoed.
pub(crate) fn greeting(connection: Connection) -> String {
    let Connection { reader, mut writer, link: _link } = connection;
    let mut lines = BufReader::new(reader).lines();
    let first = lines.next().unwrap().unwrap();
    writer.write_all(b"heard\n").unwrap();
    writer.flush().unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "heard");
    first
}
