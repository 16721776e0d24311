//! What a step would fail for on the host as it is now, and which change before it could bring what it lacks.
//!
//! A run that lacks something is refused before its first change: nothing is stopped for a step that cannot succeed.

use crate::FileSource;
use crate::from_arg::normalise;
use runbook_host::{Command, Reader, io_advice};
use runbook_model::{Failure, Resource};
use std::io::Read;
use std::path::Path;

/// One thing that is not as the step needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Lack {
    /// What the step would fail with.
    pub failure: Failure,
    /// A step before it that writes one of these may bring it.
    pub on: Vec<Resource>,
    /// Whether it is something that is installed, as programs and units are: a package may bring it, and no service
    /// makes it while it runs.
    pub installed: bool,
    /// Whether the step fails without it; else it is only told.
    pub decides: bool,
}

impl Lack {
    /// A lack that a change of one of `on` may mend.
    pub fn new(failure: Failure, on: impl IntoIterator<Item = Resource>) -> Self {
        Self { failure, on: on.into_iter().collect(), installed: false, decides: true }
    }

    /// The same of a program or a unit.
    #[must_use]
    pub fn of_installed(self) -> Self {
        Self { installed: true, ..self }
    }

    /// The same without which the step may end well.
    #[must_use]
    pub fn only_told(self) -> Self {
        Self { decides: false, ..self }
    }

    /// What is wrong with a file. What a plan brings no step can mend.
    pub fn of(host: &Reader, file: &FileSource, failure: Failure) -> Self {
        match file {
            FileSource::Host(path) => Self::at(host, path, failure),
            FileSource::Plan(_) => Self::new(failure, []),
        }
    }

    /// What is wrong at `path` itself.
    pub fn at(host: &Reader, path: &Path, failure: Failure) -> Self {
        Self::new(failure, places(host, path))
    }
}

/// The path, and where it really is or would be.
pub fn places(host: &Reader, path: &Path) -> Vec<Resource> {
    let real = host.where_it_would_be(path);
    let mut places = vec![Resource::Path(path.to_owned())];
    if real != path {
        places.push(Resource::Path(real));
    }
    places
}

/// The directory that has to hold `path`, where it is not there or this user may make no names in it.
pub fn of_parent(host: &Reader, path: &Path) -> Option<Lack> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    let failure = match host.stat(parent) {
        Err(failure) => failure,
        Ok(None) => Failure::missing(format!("the directory {} is not there", parent.display()))
            .hint("make it with `file.directory` first, or correct the path"),
        Ok(Some(found)) if !found.is_dir() => {
            Failure::refused(format!("{} is not a directory", parent.display())).hint("correct the path")
        }
        Ok(Some(_)) => match host.denial(parent) {
            Ok(None) => return None,
            Ok(Some(error)) => Failure {
                hint: io_advice("write in", parent, &error),
                ..Failure::missing(format!("{} may not be written by this user", parent.display()))
            },
            Err(failure) => failure,
        },
    };
    Some(Lack::at(host, parent, failure))
}

/// What keeps `command` from being executed: its directory, its program.
pub fn of_command(host: &Reader, command: &Command) -> Vec<Lack> {
    let name = command.argv.first().map_or("", String::as_str);
    let cwd = command.cwd.as_deref().and_then(|cwd| match host.stat(cwd) {
        Ok(Some(found)) if found.is_dir() => None,
        Err(failure) => Some(Lack::at(host, cwd, failure)),
        Ok(_) => {
            let message = format!("cannot run `{name}`: the directory {} is not there", cwd.display());
            Some(Lack::at(host, cwd, Failure::missing(message).hint("make it first, or correct `cwd`")))
        }
    });
    // Without its directory a relative program cannot be judged.
    let relative = name.contains('/') && !name.starts_with('/');
    let program = (cwd.is_none() || !relative).then(|| of_program(host, command)).flatten();
    cwd.into_iter().chain(program).collect()
}

fn of_program(host: &Reader, command: &Command) -> Option<Lack> {
    let name = command.argv.first()?;
    let hint = "install it, or give its full path";
    if let Some(path) = command.kept.get(&0) {
        return executable(host, path, name);
    }
    if name.contains('/') {
        let path = normalise(&command.cwd.as_deref().unwrap_or(Path::new("/")).join(name));
        return executable(host, &path, name);
    }
    let search = command.env.get("PATH").cloned().unwrap_or_else(|| host.search_path());
    if let Some(found) = host.program_along(name, &search) {
        return of_interpreter(host, &found);
    }
    let failure = Failure::missing(format!("the program `{name}` is not on this host")).hint(hint);
    let dirs = host.places_along(name, &search);
    Some(Lack::new(failure, dirs.iter().flat_map(|path| places(host, path))).of_installed())
}

/// What keeps the file at `path` from being executed by this user.
pub fn executable(host: &Reader, path: &Path, name: &str) -> Option<Lack> {
    let failure = match host.stat(path) {
        Err(failure) => failure,
        Ok(None) => Failure::missing(format!("the program `{name}` is not on this host"))
            .hint("install it, or correct its path"),
        Ok(Some(found)) if !found.is_file() => {
            Failure::missing(format!("{} is not a program file", path.display())).hint("correct its path")
        }
        Ok(Some(_)) if !host.may_execute(path) => {
            Failure::missing(format!("the program `{name}` may not be executed by this user"))
                .hint(format!("make {} executable, or run as a user who may", path.display()))
        }
        Ok(Some(_)) => return of_interpreter(host, path),
    };
    Some(Lack::at(host, path, failure).of_installed())
}

/// The interpreter that a script names in its first line, where it is not there.
fn of_interpreter(host: &Reader, script: &Path) -> Option<Lack> {
    let mut start = [0; 256];
    let read = host.open(script).ok()??.read(&mut start).ok()?;
    let line = start.get(..read)?.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line);
    let interpreter = Path::new(line.split_whitespace().next()?);
    if !interpreter.is_absolute() || !matches!(host.stat(interpreter), Ok(None)) {
        return None;
    }
    let message = format!("{} needs {}, which is not on this host", script.display(), interpreter.display());
    let failure = Failure::missing(message).hint("install it, or correct the first line of the script");
    let on = places(host, interpreter).into_iter().chain(places(host, script));
    Some(Lack::new(failure, on).of_installed())
}
