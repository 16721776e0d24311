//! `test-hosts`: hosts for people who look into something by hand, and the preparation that `.ci/test` does.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::ExitCode;
use test_hosts::{Lab, Node};

const HELP: &str = "\
test-hosts: real Debian hosts on this machine, which stay until they are taken down

Usage:
  test-hosts up NAME...           Boot hosts
  test-hosts exec NAME PROGRAM... Run a program in a host, as root
  test-hosts net PROGRAM...       Run a program of this machine in the network of the hosts
  test-hosts list                 The hosts that are up, with their addresses
  test-hosts down NAME...         End hosts and remove their disks
  test-hosts prepare              Say whether hosts can run here, build what they share, remove what dead tests left
  test-hosts prepare node         Install Node, npm and the registry for hosts
  test-hosts clean                Take all hosts down and remove the shared trees

RUNBOOK_LAB names the directory in which everything is, /var/tmp/runbook-lab without it.
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            let _ = writeln!(std::io::stderr(), "test-hosts: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<(), Box<dyn std::error::Error>> {
    match words {
        ["prepare"] => Ok(Lab::open().map(drop)?),
        ["prepare", "node"] => Ok(Node::open().map(drop)?),
        ["clean"] => Ok(Lab::clean()?),
        ["up", names @ ..] if !names.is_empty() => {
            Lab::open_kept()?.boot_all(names)?;
            list()
        }
        ["down", names @ ..] if !names.is_empty() => {
            let lab = Lab::open_kept()?;
            for name in names {
                lab.find(name)?.take_down()?;
            }
            Ok(())
        }
        ["exec", name, program @ ..] if !program.is_empty() => {
            Err(Lab::open_kept()?.find(name)?.command(program)?.exec().into())
        }
        ["net", program @ ..] if !program.is_empty() => Err(Lab::open_kept()?.command(program).exec().into()),
        ["list"] => list(),
        ["--help" | "-h" | "help"] => Ok(write!(std::io::stdout(), "{HELP}")?),
        _ => Err(format!("that is no command; these are:\n\n{HELP}").into()),
    }
}

fn list() -> Result<(), Box<dyn std::error::Error>> {
    let lab = Lab::open_kept()?;
    for name in lab.names()? {
        writeln!(std::io::stdout(), "{name} {}", lab.find(&name)?.address())?;
    }
    Ok(())
}
