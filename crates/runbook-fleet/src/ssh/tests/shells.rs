//! The script in each `sh` that hosts have, without a network.

use super::super::agent::AgentProgram;
use super::super::dialogue::{Order, Stage, Stop, begin};
use super::super::link::Link;
use super::super::unreachable::Reason;
use super::stand_in::{ECHO, agent};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

/// What `sh` is on one system or another. Each is on Debian, with these words.
const SHELLS: &[&[&str]] = &[&["dash"], &["bash", "--posix"], &["zsh", "--emulate", "sh"], &["sh"]];

/// Speaks with `shell`; the stages that were entered, and the first line of the agent.
fn speak(shell: &[&str], agent: &AgentProgram, state: &Path) -> Result<(Vec<Stage>, String), Stop> {
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).env_remove("RUNBOOK_STATE_DIR");
    let (_link, mut to, from) = Link::start(command).unwrap();
    let mut from = BufReader::new(from);
    let order = Order { mark: "mark", agent, sudo: false, state_dir: state.to_str() };
    let stages = Mutex::new(Vec::new());
    begin(&mut from, &mut to, &order, &|stage| stages.lock().unwrap().push(stage))?;
    to.write_all(b"heard\n").unwrap();
    let mut lines = from.lines().map(Result::unwrap);
    let first = lines.next().unwrap();
    assert_eq!(lines.next().as_deref(), Some("heard"));
    Ok((stages.into_inner().unwrap(), first))
}

fn known(stopped: Result<(Vec<Stage>, String), Stop>) -> Reason {
    match stopped {
        Err(Stop::Known(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

/// The names in the agent's directory.
fn placed(agent: &AgentProgram, state: &Path) -> Vec<String> {
    let dir = state.join("agent").join(agent.digest());
    let names = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

#[test]
fn every_shell_places_the_agent_once_and_finds_it_then() {
    for shell in SHELLS {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("it's a state");
        // Longer than what any shell reads ahead.
        let agent = agent(dir.path(), &format!("{ECHO}{}", "# filled up\n".repeat(40_000)));
        let (stages, said) = speak(shell, &agent, &state).unwrap();
        assert_eq!(stages, [Stage::Login, Stage::Transfer], "{shell:?}");
        let end = format!("/agent/{}/runbook --state-dir {} agent attach", agent.digest(), state.display());
        assert!(said.ends_with(&end), "{shell:?}: {said}");
        let (stages, again) = speak(shell, &agent, &state).unwrap();
        assert_eq!((stages, again), (vec![Stage::Login], said), "{shell:?}");
        assert_eq!(placed(&agent, &state), ["runbook"], "{shell:?}");
    }
}

#[test]
fn an_agent_that_lost_its_end_is_placed_again() {
    let dir = tempfile::tempdir().unwrap();
    let (agent, state) = (agent(dir.path(), ECHO), dir.path().join("state"));
    speak(&["sh"], &agent, &state).unwrap();
    let there = state.join("agent").join(agent.digest()).join("runbook");
    std::fs::File::options().write(true).open(there).unwrap().set_len(10).unwrap();
    assert_eq!(speak(&["sh"], &agent, &state).unwrap().0, [Stage::Login, Stage::Transfer]);
}

#[test]
fn what_is_not_the_agent_is_not_placed() {
    for shell in SHELLS {
        let dir = tempfile::tempdir().unwrap();
        let agent = agent(dir.path(), ECHO);
        std::fs::write(dir.path().join("agent"), ECHO.replace("exec cat", "exec tac")).unwrap();
        assert_eq!(known(speak(shell, &agent, &dir.path().join("state"))), Reason::Damaged, "{shell:?}");
        assert_eq!(placed(&agent, &dir.path().join("state")), Vec::<String>::new(), "{shell:?}");
        std::fs::write(dir.path().join("agent"), "#!/bin/sh\n").unwrap();
        let reason = known(speak(shell, &agent, &dir.path().join("state")));
        assert!(matches!(&reason, Reason::Agent(_, why) if why == "it became shorter"), "{reason:?}");
    }
}

#[test]
fn a_transfer_that_is_cut_leaves_nothing() {
    for shell in SHELLS {
        let dir = tempfile::tempdir().unwrap();
        let agent = agent(dir.path(), ECHO);
        let mut command = Command::new(shell[0]);
        command.args(&shell[1..]);
        let (link, mut to, from) = Link::start(command).unwrap();
        let script = include_str!("../attach.sh");
        let words = format!("mark {} {} none {}", agent.digest(), ECHO.len(), dir.path().join("state").display());
        write!(to, "set -- {words}\n{script}").unwrap();
        let mut lines = BufReader::new(from).lines().map(Result::unwrap);
        assert!(lines.any(|line| line.starts_with("mark lacks ")), "{shell:?}");
        to.write_all(&ECHO.as_bytes()[..20]).unwrap();
        drop(to);
        assert!(lines.any(|line| line == "mark failed damaged"), "{shell:?}");
        drop(lines);
        link.ending();
        assert_eq!(placed(&agent, &dir.path().join("state")), Vec::<String>::new(), "{shell:?}");
    }
}

#[test]
fn an_agent_that_does_not_run_is_told_with_what_it_said() {
    for shell in SHELLS {
        let dir = tempfile::tempdir().unwrap();
        let agent = agent(dir.path(), "#!/bin/sh\necho no such library >&2\nexit 3\n");
        let reason = known(speak(shell, &agent, &dir.path().join("state")));
        assert_eq!(reason, Reason::Broken("no such library (exit code 3)".to_owned()), "{shell:?}");
        assert_eq!(placed(&agent, &dir.path().join("state")), Vec::<String>::new(), "{shell:?}");
    }
}

#[test]
fn what_a_shell_prints_first_is_passed_over_up_to_a_limit() {
    let dir = tempfile::tempdir().unwrap();
    let agent = agent(dir.path(), ECHO);
    let chatty = ["sh", "-c", "seq 2000; printf 'no end of a line'; exec sh"];
    speak(&chatty, &agent, &dir.path().join("state")).unwrap();
    for endless in ["yes; exec sh", "yes | tr -d '\\n'; exec sh"] {
        let reason = known(speak(&["sh", "-c", endless], &agent, &dir.path().join("state")));
        assert_eq!(reason, Reason::Chatty(65_536), "{endless}");
    }
}

#[test]
fn the_agent_gets_the_locale_of_the_host() {
    let dir = tempfile::tempdir().unwrap();
    let text = ECHO.replace("echo \"$(id", "echo \"${LC_ALL-none} $(id");
    let agent = agent(dir.path(), &text);
    let with = |locale: &str| speak(&["env", locale, "sh"], &agent, &dir.path().join("state")).unwrap().1;
    assert!(with("LC_ALL=C").starts_with("none "));
    assert!(with("LC_ALL=C.UTF-8").starts_with("C.UTF-8 "));
}

#[test]
fn the_script_is_clean() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/ssh/attach.sh");
    let Ok(checked) = Command::new("shellcheck").arg(script).output() else {
        return test_rules::skip("there is no shellcheck");
    };
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}
