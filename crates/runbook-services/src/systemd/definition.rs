//! What the next start of a unit executes, word for word.
//!
//! `systemctl show` joins the words of a command line with spaces, so they are asked for over D-Bus with `busctl`, which
//! reads and no more. Where no bus is, the words of `systemctl show` have to do.

use super::{Unit, UnitState};
use runbook_host::{Command, Reader};
use serde_json::Value as Json;
use std::path::PathBuf;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);
const SYSTEMD: &str = "org.freedesktop.systemd1";
const OBJECT: &str = "/org/freedesktop/systemd1";

/// The command of a unit with its surroundings. Specifiers are put in already, variables are not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definition {
    /// The program; a path, or a name without one.
    pub program: String,
    /// What follows the program's own name.
    pub args: Vec<String>,
    /// `privileged` (`+`), `no-setuid` (`!`), `ambient` (`!!`), `no-env-expand` (`:`), `ignore-failure` (`-`).
    pub flags: Vec<String>,
    /// `NAME=value` of the manager, then those of the unit.
    pub environment: Vec<String>,
    /// Files with assignments, which come after `environment`; with whether one may be missing.
    pub environment_files: Vec<(PathBuf, bool)>,
    /// Names and assignments that are taken out again.
    pub unset: Vec<String>,
}

impl Unit {
    /// What its next start executes; `None` if it executes nothing.
    pub fn definition(&self, host: &Reader, state: &UnitState) -> Option<Definition> {
        let manager = self.properties(host, OBJECT, "Manager", &["Environment"]);
        let inherited = manager.as_deref().and_then(<[Json]>::first).map(texts).unwrap_or_default();
        let path = format!("{OBJECT}/unit/{}", escaped(&self.name));
        let names = ["ExecStartEx", "Environment", "EnvironmentFiles", "UnsetEnvironment"];
        let found = match self.properties(host, &path, "Service", &names).as_deref() {
            Some([commands, environment, files, unset]) => {
                let mut found = commands.as_array()?.last().and_then(command)?;
                found.environment = texts(environment);
                found.environment_files = files.as_array().into_iter().flatten().filter_map(file).collect();
                found.unset = texts(unset);
                found
            }
            _ => from_words(state)?,
        };
        Some(Definition { environment: inherited.into_iter().chain(found.environment).collect(), ..found })
    }

    /// The values of properties; `None` where systemd cannot be asked over a bus.
    fn properties(&self, host: &Reader, object: &str, interface: &str, names: &[&str]) -> Option<Vec<Json>> {
        let scope = if self.user { "--user" } else { "--system" };
        let interface = format!("{SYSTEMD}.{interface}");
        let words = ["busctl", scope, "--json=short", "get-property", SYSTEMD, object, &interface];
        let argv = words.iter().chain(names).map(|word| (*word).to_owned());
        let command = Command { env: self.environment(host), limit: Some(LIMIT), ..Command::new(argv) };
        let output = host.ask(&command).ok().filter(|output| output.status.success())?;
        let lines = output.text();
        let values =
            lines.lines().map(|line| serde_json::from_slice::<Json>(line.as_bytes()).ok()?.get("data").cloned());
        values.collect::<Option<Vec<Json>>>().filter(|values| values.len() == names.len())
    }
}

/// The label of a unit in the path of its object (sd_bus_path_encode(3)).
fn escaped(name: &str) -> String {
    let plain = |at: usize, byte: u8| byte.is_ascii_alphabetic() || (byte.is_ascii_digit() && at > 0);
    let label = |(at, byte): (usize, u8)| {
        if plain(at, byte) { char::from(byte).to_string() } else { format!("_{byte:02x}") }
    };
    name.bytes().enumerate().map(label).collect()
}

fn texts(value: &Json) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
}

/// `["/usr/bin/node", ["node", "app.js"], ["ignore-failure"], …]`
fn command(value: &Json) -> Option<Definition> {
    let [program, argv, flags, ..] = value.as_array()?.as_slice() else { return None };
    Some(Definition {
        program: program.as_str()?.to_owned(),
        args: texts(argv).into_iter().skip(1).collect(),
        flags: texts(flags),
        ..Definition::default()
    })
}

/// `["/etc/default/app", true]`
fn file(value: &Json) -> Option<(PathBuf, bool)> {
    let [path, optional] = value.as_array()?.as_slice() else { return None };
    Some((path.as_str()?.into(), optional.as_bool()?))
}

/// As `systemctl show` tells it. A text for a shell is the last thing in nearly every such line, so what follows `-c` is
/// taken as one word.
fn from_words(state: &UnitState) -> Option<Definition> {
    let (program, args) = state.exec_start.last()?.split_first()?;
    let (program, mut args) = (program.clone(), args.to_vec());
    let is_text = |word: &String| word.starts_with('-') && !word.starts_with("--") && word.ends_with('c');
    let shell = program.ends_with("sh");
    if let Some(at) = args.iter().position(is_text).filter(|_| shell) {
        let text = args.split_off(at + 1).join(" ");
        args.push(text);
    }
    let property = |name: &str| state.properties.get(name).cloned().unwrap_or_default();
    let environment = words(&property("Environment"));
    // `/etc/default/app (ignore_errors=yes)`
    let files = property("EnvironmentFiles");
    let files = files.split_once(" (ignore_errors=").map(|(path, rest)| (path.into(), rest.starts_with("yes")));
    Some(Definition {
        program,
        args,
        environment,
        environment_files: files.into_iter().collect(),
        unset: words(&property("UnsetEnvironment")),
        flags: Vec::new(),
    })
}

/// The words of a line in which quotes keep blanks together; the quotes are taken off.
fn words(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (mut word, mut quote, mut chars) = (String::new(), None, line.chars());
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', _) => word.extend(chars.next()),
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (c, None) if c.is_whitespace() => found.push(std::mem::take(&mut word)),
            (c, _) => word.push(c),
        }
    }
    found.push(word);
    found.retain(|word| !word.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_become_labels() {
        assert_eq!(escaped("openclaw-gateway@1.service"), "openclaw_2dgateway_401_2eservice");
        assert_eq!(escaped("1.service"), "_31_2eservice");
    }

    #[test]
    fn a_command_keeps_its_words() {
        let value = json!(["/bin/sh", ["@sh", "-c", "exec node  'a b'"], ["no-env-expand"], 0, 0, 0, 0, 0, 0, 0]);
        let found = command(&value).unwrap();
        assert_eq!(
            (found.program.as_str(), &found.args[..]),
            ("/bin/sh", &["-c", "exec node  'a b'"].map(str::to_owned)[..])
        );
        assert_eq!(found.flags, ["no-env-expand"]);
        assert_eq!(command(&json!(["/bin/sh"])), None);
    }

    #[test]
    fn without_a_bus_the_words_have_to_do() {
        let state = UnitState::parse(
            "ExecStart={ path=/bin/bash ; argv[]=/bin/bash -lc exec openclaw gateway ; ignore_errors=no ; }\n\
             Environment=A=b \"C=two words\" 'D=it is' E=\nUnsetEnvironment=F G=1\nEnvironmentFiles=/etc/default/a b (ignore_errors=yes)\n",
        );
        let found = from_words(&state).unwrap();
        assert_eq!(found.args, ["-lc", "exec openclaw gateway"]);
        assert_eq!(found.environment, ["A=b", "C=two words", "D=it is", "E="]);
        assert_eq!(found.unset, ["F", "G=1"]);
        assert_eq!(found.environment_files, [("/etc/default/a b".into(), true)]);
    }
}
