//! The server: one question at a time for each caller, all callers at once.

use crate::jobs::{Jobs, Style, Target};
use crate::wire::{self, Answer, SOCKET};
use std::io::{self, Read};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;

/// Serves in `dir` until standard input ends, as it does when its parent ends. Then every job is ended.
pub fn serve(dir: &Path, style: Style) -> io::Result<()> {
    let jobs = Jobs::new(style);
    let listener = UnixListener::bind(dir.join(SOCKET))?;
    let accepting = Arc::clone(&jobs);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let jobs = Arc::clone(&accepting);
            std::thread::spawn(move || answer(&jobs, stream));
        }
    });
    let _ = io::stdin().read_to_end(&mut Vec::new());
    jobs.end_all();
    Ok(())
}

fn answer(jobs: &Arc<Jobs>, mut stream: UnixStream) -> io::Result<()> {
    let words = wire::question(&mut stream)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    wire::answer(&mut stream, &run(jobs, &words))
}

fn run(jobs: &Arc<Jobs>, words: &[&str]) -> Answer {
    let target = |text: &str, with: &dyn Fn(&Target) -> Answer| match Target::parse(text) {
        Some(target) if is_domain(&target.domain) => with(&target),
        _ => no_domain("Could not find domain"),
    };
    match words {
        ["bootstrap", domain, path] if is_domain(domain) => jobs.bootstrap(domain, Path::new(path)),
        ["bootstrap", ..] => no_domain("Bootstrap failed"),
        ["bootout", text] => target(text, &|target| jobs.bootout(target)),
        ["kickstart", text] => target(text, &|target| jobs.kickstart(target, false)),
        ["kickstart", "-k", text] => target(text, &|target| jobs.kickstart(target, true)),
        ["kill", signal, text] => target(text, &|target| jobs.kill(signal, target)),
        ["enable", text] => target(text, &|target| jobs.set_disabled(target, false)),
        ["disable", text] => target(text, &|target| jobs.set_disabled(target, true)),
        ["print", text] => target(text, &|target| jobs.print(target)),
        ["print-disabled", domain] if is_domain(domain) => {
            Answer::ok(crate::print::disabled(jobs.style, domain, &jobs.lock()))
        }
        ["print-disabled", ..] => no_domain("Could not print domain"),
        ["list"] => Answer::ok(crate::print::list(&own_domain(), &jobs.lock())),
        _ => Answer::failed(64, format!("Unrecognized subcommand: {}", words.join(" "))),
    }
}

/// Users 0 and 501 and the one that runs this are logged in.
fn is_domain(domain: &str) -> bool {
    let own = rustix::process::getuid().as_raw();
    let is_there = |uid: &str| uid.parse::<u32>().is_ok_and(|uid| [0, 501, own].contains(&uid));
    match domain.split_once('/') {
        None => domain == "system",
        Some(("gui" | "user", uid)) => is_there(uid),
        Some(_) => false,
    }
}

fn own_domain() -> String {
    match rustix::process::getuid().as_raw() {
        0 => "system".to_owned(),
        uid => format!("gui/{uid}"),
    }
}

fn no_domain(what: &str) -> Answer {
    Answer::failed(125, format!("{what}: 125: Domain does not support specified action"))
}
