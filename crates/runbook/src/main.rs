//! The binary: the command line, the wiring of the crates, and the exit codes. What a command does is in `commands`.

mod asking;
mod at;
mod caller;
mod cli;
mod commands;
mod door;
mod interrupts;
mod paper;
mod screen;
mod terminal;
mod typed;
mod usage;
mod watching;

use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match usage::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    if !cli.command.writes_for_its_caller() {
        // The first act of the process, for it counts for all threads and for all that they start.
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(runbook_host::UMASK));
    }
    if let cli::Command::Supervise { spec } = &cli.command {
        return runbook_services::process::supervise(spec);
    }
    screen::trace();
    runbook_host::adopt_orphans();
    let interrupts = match interrupts::Interrupts::listen(interrupted) {
        Ok(interrupts) => interrupts,
        Err(error) => return screen::cannot_start(&error),
    };
    let screen = screen::Screen::new(&cli.global, interrupts.clone());
    let done = commands::run(cli, &screen);
    // What was asked is being ended, and this process after it.
    interrupts.give_way();
    match done {
        Ok(exit) => exit.code(),
        Err(error) => screen.fail(&error),
    }
}

/// A signal before a run has begun: what was asked about the host is ended, and nothing begins any more.
#[expect(clippy::exit, reason = "whatever the main thread waits for, such as a person or a file system, has no say")]
fn interrupted() {
    runbook_host::end_started();
    screen::say_interrupted();
    std::process::exit(i32::from(runbook_session::Exit::Cancelled as u8));
}
