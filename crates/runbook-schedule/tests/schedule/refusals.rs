//! Refusals: each case is a plan in a few lines and where it is refused.

use crate::notation::*;

/// What every plan of a restart needs in order to be verified.
const VERIFY: &str = "verify verify=functional,negative";

fn refused(text: &str, expected: &[&str]) {
    assert_eq!(codes(text), expected, "{text}");
}

#[test]
fn a_change_of_a_program_needs_a_backup() {
    refused(&format!("r replace w=/p\n{VERIFY}"), &["RB0411 r"]);
    refused(&format!("b backup=/q\nr replace w=/p\n{VERIFY}"), &["RB0411 r"]);
    refused(&format!("b backup=/p/lib\nr replace w=/p\n{VERIFY}"), &["RB0411 r"]);
    refused(&format!("b backup=?\nr replace w=/p\n{VERIFY}"), &["RB0411 r"]);
    refused(&format!("b backup=/p\nr replace w=?\n{VERIFY}"), &["RB0411 r"]);
    refused(&format!("b backup=/p\nr replace w=/p/../q\n{VERIFY}"), &["RB0411 r"]);
    refused(&format!("r w=package:p\n{VERIFY}"), &["RB0411 r"]);
    refused(&format!("b backup=/p\nr replace w=*\n{VERIFY}"), &["RB0411 r"]);
    refused(&format!("b backup=/\nr replace w=/p/lib,package:p\n{VERIFY}"), &[]);
    refused(&format!("b backup=?\nr replace w=?\n{VERIFY}"), &[]);
    refused(&format!("b1 backup=/p\nb2 backup=/q\nr replace w=/p,/q\n{VERIFY}"), &[]);
    refused(&format!("r replace w=/p allow=change-needs-backup\n{VERIFY}"), &[]);
    refused(&format!("s restart=unit:x\n{VERIFY}"), &[]);
}

#[test]
fn a_backup_that_comes_too_late_is_told() {
    refused(&format!("r replace w=/p undo=backup\nb backup=/p needs=r\n{VERIFY}"), &["RB0423 r"]);
    refused(&format!("r w=package:p\nb backup=/p needs=r\n{VERIFY}"), &["RB0423 r"]);
    refused("w w=/p undo=backup\nb backup=/p data=w", &["RB0423 w"]);
    refused("w w=/p undo=backup\nb backup=/p", &[]);
}

#[test]
fn a_change_needs_an_undo() {
    refused("w w=/p undo=none", &["RB0412 w"]);
    refused("w w=* undo=none", &["RB0412 w"]);
    refused("w w=tcp:1 undo=none", &["RB0412 w"]);
    refused("w w=/p undo=backup", &["RB0412 w"]);
    refused("b backup=/p\nw w=/p undo=none", &[]);
    refused("w w=/p undo=own", &[]);
    refused("w undo=none", &[]);
    refused("w w=/p undo=none allow=change-needs-undo", &[]);
    // One fault is told once, and the exception from the one rule does not except from the other.
    refused(&format!("r replace w=/p undo=backup\n{VERIFY}"), &["RB0411 r"]);
    refused(&format!("r replace w=/p undo=backup allow=change-needs-backup\n{VERIFY}"), &["RB0412 r"]);
}

#[test]
fn a_change_of_a_system_is_verified_behind_it() {
    refused("s restart=unit:x", &["RB0414 s", "RB0415 s"]);
    refused("s restart=unit:x\nv verify=health", &["RB0414 v", "RB0415 v"]);
    refused("s restart=unit:x\nv verify=functional", &["RB0415 v"]);
    refused("s restart=unit:x\nv verify=functional\nn verify=negative", &[]);
    refused("v verify=functional,negative\ns restart=unit:x needs=v", &["RB0414 s", "RB0415 s"]);
    refused("s restart=unit:x allow=verify-is-functional\nv verify=negative", &[]);
    refused("s restart=unit:x\nv verify=negative allow=verify-is-functional", &[]);
    refused("w w=/a", &[]);
}

#[test]
fn versions_and_targets_are_exact() {
    refused("i w=/p version=latest", &["RB0416 i"]);
    refused("i w=/p version=^1.2.3", &["RB0416 i"]);
    refused("i w=/p version=2026.2.30", &["RB0416 i"]);
    refused("i w=/p version=2026.3.23-2", &[]);
    refused("i w=/p vague=no-prefix", &["RB0417 i"]);
    refused("i w=/p version=latest allow=exact-version", &[]);
}

#[test]
fn an_exception_from_nothing_is_told() {
    refused("w w=/p allow=exact-version", &["RB0421 exact-version"]);
    refused("w w=/p allow=narrow-kill,change-needs-undo", &["RB0421 narrow-kill", "RB0421 change-needs-undo"]);
    refused("w w=/p allow=canary-first", &[]);
}

#[test]
fn an_undo_uses_no_network() {
    for undo in [
        "npm install -g openclaw@2026.4.15",
        "/usr/bin/npm --prefix /opt/x ci",
        "env NODE_ENV=production npm i",
        "sudo -u app npm install x",
        "sudo -E env X=1 nice -n 5 npm view openclaw version",
        "sh -c 'cd /opt && npm ci'",
        "bash -lc 'systemctl stop x; curl -fsS https://example.org/x | tar x'",
        "bash -c 'X=$(curl -s example.org) && echo $X'",
        "sh -c 'sh -c \"npx thing\"'",
        "timeout -k 5 60 wget http://example.org/x",
        "git -C /opt/x pull",
        "git clone https://example.org/x",
        "apt-get -y install x",
        "python3 -m pip install x",
        "pip3 install x",
        "cargo install x",
        "docker pull x",
        "ssh host true",
        "scp host:/x /y",
        "rsync -a /x user@host:/y",
        "find . -exec npm install ;",
        "yarn",
    ] {
        refused(&format!("w w=/p undo: {undo}"), &["RB0413 w"]);
    }
    for undo in [
        "npm install --offline ./x.tgz",
        "npm run undo",
        "npm prefix -g",
        "tar -xf /backup/x.tar -C /opt",
        "rsync -a /x/ /y/a:b",
        "git -C /opt/x reset --hard abc",
        "git clone /srv/x.git /opt/x",
        "curl -fsS http://127.0.0.1:18789/health",
        "curl -s localhost:18789/reload",
        "apt-cache policy x",
        "sh -c 'echo npm install'",
        "sh -c '# npm install'",
        "cargo build --offline",
        "echo curl",
    ] {
        refused(&format!("w w=/p undo: {undo}"), &[]);
    }
    refused("w w=/p allow=undo-needs-no-network undo: npm ci", &[]);
}

#[test]
fn commands_kill_and_remove_narrowly() {
    for run in [
        "pkill -f openclaw",
        "/usr/bin/killall node",
        "kill -9 -1",
        "kill -- -1",
        "sh -c 'kill $(pgrep openclaw)'",
        "sh -c 'kill `pidof node`'",
        "sh -c 'pgrep openclaw | xargs kill -9'",
        "sh -c 'pgrep openclaw | xargs -r sudo kill'",
        "fuser -k 18789/tcp",
        "rm -rf /tmp/*",
        "rm -r -f /",
        "rm --recursive ~",
        "rm -fr ~/",
        "sh -c 'rm -rf $DIR/cache'",
        "sh -c 'rm -rf \"$DIR\"'",
        "sh -c 'true && rm -rf /tmp/jiti-?'",
        "sh -c 'ls | xargs rm -rf'",
        "find /tmp -name x -delete",
        "find /tmp -name x -exec rm -rf {} +",
    ] {
        refused(&format!("w w=/p run: {run}"), &["RB0418 w"]);
    }
    for run in [
        "kill -9 4121",
        "kill -1 4121",
        "kill -s TERM 4121",
        "rm -rf /tmp/jiti",
        "rm -f /tmp/x",
        "sh -c 'rm -rf ~/.cache/jiti 2>&1'",
        "find /tmp -name x -print",
        "systemctl kill openclaw",
        "echo pkill",
    ] {
        refused(&format!("w w=/p run: {run}"), &[]);
    }
    refused("w w=/p undo: pkill node", &["RB0418 w"]);
    refused("w w=/p allow=narrow-kill run: pkill node", &[]);
}

/// The commands of report 1, first attempt, as a plan that only has the commands.
#[test]
fn the_first_attempt_of_report_1_is_refused() {
    let text = "
        install replace w=?,package:openclaw version=latest vague=global undo: npm install -g openclaw@2026.4.15
        restart restart=unit:openclaw r=?
        doctor verify=health
    ";
    refused(
        text,
        &["RB0411 install", "RB0413 install", "RB0416 install", "RB0417 install", "RB0414 doctor", "RB0415 doctor"],
    );
}

/// The failures of report 2: the cache, the orphan, the file replaced under a running service.
#[test]
fn the_failures_of_report_2_cannot_be_written() {
    let text = "
        plugin replace w=/home/.openclaw/extensions/dingtalk undo=backup
        stop stop=unit:gateway
        start start=unit:gateway r=/home/.openclaw w=tcp:18789
        orphan port=18789 w=tcp:18789
        cache cache w=/tmp/jiti
        verify verify=functional,negative r=unit:gateway
        backup backup=/home/.openclaw,/opt/openclaw/app
        inventory inspect r=unit:gateway
    ";
    refused(text, &[]);
    check(
        text,
        &[
            "inventory < stop",
            "backup < stop < plugin < start < verify",
            "stop < orphan < start",
            "stop < cache < start",
        ],
    );
}
