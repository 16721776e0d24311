//! The programs that an argument vector runs, behind `sudo`, `env`, `xargs`, `sh -c` and their like.

use super::shell;

/// How deep shells in shells are followed.
const DEEPEST: usize = 8;

/// One program with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    /// The name of the program without its directory, then the arguments.
    pub(crate) words: Vec<String>,
    /// Whether further arguments come from what another program finds.
    pub(crate) from_input: bool,
}

impl Command {
    /// The program's name; empty if there is none.
    pub(crate) fn program(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// The arguments.
    pub(crate) fn arguments(&self) -> &[String] {
        self.words.get(1..).unwrap_or(&[])
    }
}

/// Everything that `argv` runs as far as it can be told.
pub(crate) fn unwrapped(argv: &[String]) -> Vec<Command> {
    let mut found = Vec::new();
    unwrap(argv, false, DEEPEST, &mut found);
    found
}

fn unwrap(argv: &[String], from_input: bool, depth: usize, found: &mut Vec<Command>) {
    let start = argv.iter().position(|word| !is_assignment(word) && !shell::is_reserved(word));
    let Some((program, arguments)) = start.and_then(|start| argv.get(start..)).and_then(<[_]>::split_first) else {
        return;
    };
    let Some(depth) = depth.checked_sub(1) else { return };
    let program = program.rsplit('/').next().unwrap_or(program);
    match program {
        "sudo" | "doas" => unwrap(behind(arguments, "ughpCrtUDRT"), from_input, depth, found),
        "env" => {
            for text in split_strings(arguments) {
                script(&text, depth, found);
            }
            unwrap(behind(arguments, "uCS"), from_input, depth, found);
        }
        "nice" => unwrap(behind(arguments, "n"), from_input, depth, found),
        "ionice" => unwrap(behind(arguments, "cnp"), from_input, depth, found),
        "nohup" | "setsid" | "exec" | "command" | "builtin" | "time" | "stdbuf" | "busybox" | "caffeinate"
        | "chronic" => {
            unwrap(behind(arguments, "ioe"), from_input, depth, found);
        }
        "timeout" | "gtimeout" | "chroot" | "flock" => {
            unwrap(behind(arguments, "skwE").get(1..).unwrap_or(&[]), from_input, depth, found);
        }
        "xargs" | "parallel" => unwrap(behind(arguments, "nIPdLasE"), true, depth, found),
        "sh" | "bash" | "dash" | "zsh" | "ksh" | "ash" | "fish" | "su" | "runuser" => {
            script_argument(arguments).into_iter().for_each(|text| script(text, depth, found));
        }
        "eval" => script(&arguments.join(" "), depth, found),
        _ => {
            if let Some(at) = arguments.iter().position(|word| matches!(word.as_str(), "-exec" | "-execdir" | "-ok")) {
                unwrap(arguments.get(at + 1..).unwrap_or(&[]), true, depth, found);
            }
            let words = std::iter::once(program.to_owned()).chain(arguments.iter().cloned()).collect();
            found.push(Command { words, from_input });
        }
    }
}

fn script(text: &str, depth: usize, found: &mut Vec<Command>) {
    for argv in shell::commands(text) {
        unwrap(&argv, false, depth, found);
    }
}

/// What follows the options; those of `with_value` take the next word.
fn behind<'a>(arguments: &'a [String], with_value: &str) -> &'a [String] {
    let mut at = 0;
    while let Some(word) = arguments.get(at) {
        if word == "--" {
            return arguments.get(at + 1..).unwrap_or(&[]);
        }
        if !word.starts_with('-') {
            break;
        }
        let takes_next = word.len() == 2 && word.chars().nth(1).is_some_and(|letter| with_value.contains(letter));
        at += if takes_next { 2 } else { 1 };
    }
    arguments.get(at..).unwrap_or(&[])
}

/// The script behind `-c`, `-lc`, `-euxc`.
fn script_argument(arguments: &[String]) -> Option<&str> {
    let is_c =
        |word: &String| word == "--command" || (word.starts_with('-') && !word.starts_with("--") && word.contains('c'));
    let at = arguments.iter().position(is_c)?;
    let rest = arguments.get(at + 1..)?;
    rest.iter().find(|word| !word.starts_with('-')).map(String::as_str)
}

/// The texts that `env -S` splits itself.
fn split_strings(arguments: &[String]) -> Vec<String> {
    let pairs = arguments.iter().zip(arguments.iter().skip(1));
    pairs.filter(|(option, _)| option.as_str() == "-S").map(|(_, text)| text.clone()).collect()
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}
