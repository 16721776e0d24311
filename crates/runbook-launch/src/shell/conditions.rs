//! `[ … ]` and `test`.

use super::state::{Shell, Truth};
use crate::Unclear;

impl Shell<'_, '_> {
    /// Whether the condition in `words` holds, by their number (POSIX, "test"). What is not known here is unknown.
    pub(super) fn judge(&self, words: &[&str]) -> Result<Truth, Unclear> {
        match words {
            [] => Ok(Truth::No),
            [word] => Ok(Truth::from(!word.is_empty())),
            ["!", word] => Ok(Truth::from(word.is_empty())),
            [operator, word] => self.unary(operator, word),
            [left, operator, right] if is_binary(operator) => Ok(binary(left, operator, right)),
            ["!", rest @ ..] if rest.len() < 4 => Ok(!self.judge(rest)?),
            _ => Ok(Truth::Unknown),
        }
    }

    fn unary(&self, operator: &str, word: &str) -> Result<Truth, Unclear> {
        let path = self.state.cwd.join(word);
        let host = self.tracer.host;
        match operator {
            "-n" => return Ok(Truth::from(!word.is_empty())),
            "-z" => return Ok(Truth::from(word.is_empty())),
            "-e" | "-f" | "-d" | "-s" | "-r" | "-w" | "-x" | "-L" | "-h" => {}
            _ => return Ok(Truth::Unknown),
        }
        if word.is_empty() {
            return Ok(Truth::No);
        }
        self.is_not_written(&path)?;
        if matches!(operator, "-L" | "-h") {
            return match host.lstat(&path)? {
                Some(found) => Ok(match self.may(path.parent().unwrap_or(&path), 1)? {
                    Truth::Yes => Truth::from(found.is_symlink()),
                    other => other,
                }),
                None => self.not_there(&path),
            };
        }
        let Some(found) = host.stat(&path)? else { return self.not_there(&path) };
        let seen = match operator {
            "-r" => return self.may(&path, 4),
            "-w" => return self.may(&path, 2),
            "-x" => return self.may(&path, 1),
            "-f" => found.is_file(),
            "-d" => found.is_dir(),
            "-s" => found.len() > 0,
            _ => true,
        };
        match self.may(&path, 0)? {
            Truth::Yes => Ok(Truth::from(seen)),
            other => Ok(other),
        }
    }
}

fn is_binary(operator: &str) -> bool {
    matches!(
        operator,
        "=" | "=="
            | "!="
            | "-eq"
            | "-ne"
            | "-lt"
            | "-le"
            | "-gt"
            | "-ge"
            | "-a"
            | "-o"
            | "<"
            | ">"
            | "-nt"
            | "-ot"
            | "-ef"
            | "=~"
    )
}

fn binary(left: &str, operator: &str, right: &str) -> Truth {
    let number = |text: &str| text.parse::<i32>().ok();
    let compared = |holds: fn(&i32, &i32) -> bool| match (number(left), number(right)) {
        (Some(left), Some(right)) => Truth::from(holds(&left, &right)),
        _ => Truth::Unknown,
    };
    match operator {
        "=" => Truth::from(left == right),
        "!=" => Truth::from(left != right),
        "-eq" => compared(i32::eq),
        "-ne" => compared(i32::ne),
        "-lt" => compared(i32::lt),
        "-le" => compared(i32::le),
        "-gt" => compared(i32::gt),
        "-ge" => compared(i32::ge),
        _ => Truth::Unknown,
    }
}
