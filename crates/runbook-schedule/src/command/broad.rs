//! Kills and removals that take whatever matches.

use super::Command;

/// What is broad about the command, in words that follow the name of a step.
pub(crate) fn broad_target(command: &Command) -> Option<String> {
    let program = command.program();
    let arguments = command.arguments();
    let shown = || command.words.join(" ");
    match program {
        "pkill" | "killall" | "killall5" | "skill" => Some(format!("kills by pattern: `{}`", shown())),
        "kill" if kills_many(arguments) => {
            Some(format!("kills more than one process that was identified: `{}`", shown()))
        }
        "kill" if command.from_input => Some(format!("kills whatever a search finds: `{}`", shown())),
        "fuser" if arguments.iter().any(|word| word == "--kill" || has_letter(word, &['k'])) => {
            Some(format!("kills whatever uses a file or port: `{}`", shown()))
        }
        "rm" if is_recursive(arguments) => {
            let broad = command.from_input || targets(arguments).any(is_broad);
            broad.then(|| format!("removes by pattern: `{}`", shown()))
        }
        "find" if arguments.iter().any(|word| word == "-delete") => Some(format!("removes by pattern: `{}`", shown())),
        _ => None,
    }
}

/// Whether a target of `kill` is every process, the own group, or what a search finds.
fn kills_many(arguments: &[String]) -> bool {
    let mut rest = arguments;
    match arguments.first().map(String::as_str) {
        Some("-s" | "-n" | "--signal") => rest = arguments.get(2..).unwrap_or(&[]),
        Some(word) if word.starts_with('-') && word != "--" => rest = arguments.get(1..).unwrap_or(&[]),
        _ => {}
    }
    rest.iter().any(|target| matches!(target.as_str(), "-1" | "0") || target.contains("$("))
}

fn is_recursive(arguments: &[String]) -> bool {
    arguments.iter().any(|word| word == "--recursive" || has_letter(word, &['r', 'R']))
}

fn has_letter(word: &str, letters: &[char]) -> bool {
    word.starts_with('-') && !word.starts_with("--") && word.contains(letters)
}

fn targets(arguments: &[String]) -> impl Iterator<Item = &str> {
    arguments.iter().map(String::as_str).filter(|word| !word.starts_with('-'))
}

/// A glob, a variable that may be empty, or a root of everything.
fn is_broad(target: &str) -> bool {
    target.contains(['*', '?', '[', '$', '{'])
        || matches!(target.trim_end_matches('/'), "" | "~" | "." | "..")
        || (target.starts_with('~') && !target.contains('/'))
}
