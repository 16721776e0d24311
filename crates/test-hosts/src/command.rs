//! Commands of the machine and of hosts: run to their end, with everything that they printed.

use crate::error::{Error, Result};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Between two looks at something that will come true.
const GLANCE: Duration = Duration::from_millis(20);

/// How a command ended, and what it printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The exit code; 128 and the number of the signal where one ended it.
    pub code: i32,
    /// Standard output, with what is no UTF-8 replaced.
    pub stdout: String,
    /// Standard error, likewise.
    pub stderr: String,
    command: String,
}

impl Output {
    /// What a command printed that is run to its end, with nothing on its standard input.
    pub fn of(command: Command) -> Result<Self> {
        run(command, b"")
    }

    /// The standard output without the line end, or an error with everything that was printed if the exit code is not 0.
    pub fn ok(self) -> Result<String> {
        match self.code {
            0 => Ok(self.stdout.trim_end_matches('\n').to_owned()),
            code => Err(Error::Failed { command: self.command, code, text: self.stdout + &self.stderr }),
        }
    }

    /// The same with no more than the last lines of each stream: some programs tell what went wrong after a lot else.
    pub(crate) fn last_lines(mut self, count: usize) -> Self {
        for text in [&mut self.stdout, &mut self.stderr] {
            let lines: Vec<&str> = text.lines().collect();
            let last = lines[lines.len().saturating_sub(count)..].join("\n");
            *text = if last.is_empty() { last } else { last + "\n" };
        }
        self
    }
}

/// Runs `command` to its end with `input` as its standard input.
pub(crate) fn run(command: Command, input: &[u8]) -> Result<Output> {
    if input.is_empty() {
        return run_with(command, Stdio::null());
    }
    let failed = |source| Error::Start { command: show(&command), source };
    let (reader, mut writer) = std::io::pipe().map_err(failed)?;
    std::thread::scope(|scope| {
        // A command that ends without reading everything says so by its exit code.
        scope.spawn(move || drop(writer.write_all(input)));
        run_with(command, reader.into())
    })
}

/// Runs `command` to its end with this standard input.
pub(crate) fn run_with(mut command: Command, stdin: Stdio) -> Result<Output> {
    let shown = show(&command);
    let output = command.stdin(stdin).output();
    // What it holds of its standard input is let go, so that who writes there is told.
    drop(command);
    let output = output.map_err(|source| Error::Start { command: shown.clone(), source })?;
    let code = output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or_default());
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Output { code, stdout: text(output.stdout), stderr: text(output.stderr), command: shown })
}

/// Runs a program of this machine; its standard output if it succeeds.
pub(crate) fn tool(words: &[&str]) -> Result<String> {
    run(command(words), b"")?.ok()
}

/// A program of this machine with its arguments.
pub(crate) fn command(words: &[&str]) -> Command {
    let (program, arguments) = words.split_first().unwrap_or((&"false", &[]));
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// Looks until `look` gives `Ok`, at most `within`. What the last look gave instead is in the error.
pub(crate) fn until<T>(what: &str, within: Duration, mut look: impl FnMut() -> Result<T, String>) -> Result<T> {
    let begun = Instant::now();
    loop {
        match look() {
            Ok(seen) => return Ok(seen),
            Err(seen) if begun.elapsed() > within => {
                return Err(Error::Late { what: what.to_owned(), within, seen });
            }
            Err(_) => std::thread::sleep(GLANCE),
        }
    }
}

/// The program and its arguments as an error shows them.
fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    format!("`{}`", words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" "))
}
