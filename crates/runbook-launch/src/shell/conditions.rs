//! `[ … ]`, `test` and `[[ … ]]`.

use super::patterns;
use super::state::{Shell, Truth};
use crate::Value;
use std::path::Path;

impl Shell<'_, '_> {
    /// Whether the condition in `words` holds. `brackets` says that it stands in `[[ … ]]`, where `==` takes a pattern.
    pub(super) fn judge(&self, words: &[Value], brackets: bool) -> Truth {
        let known: Vec<Option<&str>> = words.iter().map(Option::as_deref).collect();
        if let [Some("!"), rest @ ..] = known.as_slice()
            && !rest.is_empty()
        {
            return not(self.judge(words.get(1..).unwrap_or_default(), brackets));
        }
        match known.as_slice() {
            [] => Truth::No,
            [word] => word.map_or(Truth::Unknown, |word| truth(!word.is_empty())),
            [Some(operator), word] => self.unary(operator, *word),
            [left, Some(operator), right] => binary(*left, operator, *right, brackets),
            many => {
                for (joint, stop) in [("-o", Truth::Yes), ("-a", Truth::No)] {
                    let Some(at) = many.iter().position(|word| *word == Some(joint)) else { continue };
                    let (left, right) = words.split_at(at);
                    let (left, right) =
                        (self.judge(left, brackets), self.judge(right.get(1..).unwrap_or_default(), brackets));
                    return if left == stop || right == stop {
                        stop
                    } else if left == not(stop) && right == not(stop) {
                        not(stop)
                    } else {
                        Truth::Unknown
                    };
                }
                Truth::Unknown
            }
        }
    }

    fn unary(&self, operator: &str, word: Option<&str>) -> Truth {
        if matches!(operator, "-t" | "-v") {
            return if operator == "-t" { Truth::No } else { Truth::Unknown };
        }
        let Some(word) = word else { return Truth::Unknown };
        match operator {
            "-n" => truth(!word.is_empty()),
            "-z" => truth(word.is_empty()),
            _ => self.file(operator, word),
        }
    }

    /// What this user may not look at is unknown. That a file may be read, written or executed by the service is taken
    /// from its being there, and from its bits.
    fn file(&self, operator: &str, word: &str) -> Truth {
        use std::os::unix::fs::PermissionsExt;
        if word.is_empty() {
            return Truth::No;
        }
        let Some(path) = self.in_cwd(word) else { return Truth::Unknown };
        let host = self.tracer.host;
        if matches!(operator, "-L" | "-h") {
            return host
                .lstat(Path::new(&path))
                .map_or(Truth::Unknown, |found| truth(found.is_some_and(|it| it.is_symlink())));
        }
        let Ok(found) = host.stat(&path) else { return Truth::Unknown };
        let Some(found) = found else { return Truth::No };
        match operator {
            "-e" | "-r" | "-w" => Truth::Yes,
            "-f" => truth(found.is_file()),
            "-d" => truth(found.is_dir()),
            "-s" => truth(found.len() > 0),
            "-x" => truth(found.permissions().mode() & 0o111 != 0),
            _ => Truth::Unknown,
        }
    }
}

fn binary(left: Option<&str>, operator: &str, right: Option<&str>, brackets: bool) -> Truth {
    let (Some(left), Some(right)) = (left, right) else { return Truth::Unknown };
    let same = || if brackets { patterns::fits(right, left) } else { left == right };
    let numbers = || Some((left.trim().parse::<i64>().ok()?, right.trim().parse::<i64>().ok()?));
    let compared = |holds: fn(i64, i64) -> bool| numbers().map_or(Truth::Unknown, |(a, b)| truth(holds(a, b)));
    match operator {
        "=" | "==" => truth(same()),
        "!=" => truth(!same()),
        "-eq" => compared(|a, b| a == b),
        "-ne" => compared(|a, b| a != b),
        "-lt" => compared(|a, b| a < b),
        "-le" => compared(|a, b| a <= b),
        "-gt" => compared(|a, b| a > b),
        "-ge" => compared(|a, b| a >= b),
        "-a" => truth(!left.is_empty() && !right.is_empty()),
        "-o" => truth(!left.is_empty() || !right.is_empty()),
        _ => Truth::Unknown,
    }
}

fn truth(holds: bool) -> Truth {
    if holds { Truth::Yes } else { Truth::No }
}

fn not(truth: Truth) -> Truth {
    match truth {
        Truth::Yes => Truth::No,
        Truth::No => Truth::Yes,
        Truth::Likely | Truth::Unknown => Truth::Unknown,
    }
}
