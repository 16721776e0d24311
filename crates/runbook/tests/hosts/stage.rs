//! What these tests share: hosts that have this `runbook`.

use test_hosts::{Host, Output};

/// Puts the program that these tests were built with where a shell on the host finds it.
pub(crate) fn install_runbook(host: &Host) {
    host.copy_in(env!("CARGO_BIN_EXE_runbook"), "/usr/local/bin/runbook", 0o755).unwrap();
}

/// What a command that must succeed printed.
pub(crate) fn print(output: test_hosts::Result<Output>) -> String {
    output.unwrap().ok().unwrap()
}
