//! The binary: the command line, the wiring of the crates, and the exit codes. What a command does is in `commands`.

mod asking;
mod cli;
mod commands;
mod error;
mod facts;
mod gaps;
mod keeping;
mod loading;
mod naming;
mod running;
mod screen;
mod standing;
mod texts;
mod usage;
mod window;

use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match usage::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    if let cli::Command::Supervise { spec } = &cli.command {
        return runbook_steps::supervise(spec);
    }
    screen::trace();
    let screen = screen::Screen::new(&cli.global);
    match commands::run(cli, &screen) {
        Ok(exit) => exit.code(),
        Err(error) => screen.fail(&error),
    }
}
