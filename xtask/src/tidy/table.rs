//! Markdown as far as the checks read it: lines outside code blocks, and rows of tables.

/// The lines outside fenced code blocks, with their numbers from 1.
pub(crate) fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((at + 1, line))
    })
}

/// The cells of a row of a table; `None` for other lines and for the line below the head.
pub(crate) fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    let cells: Vec<&str> = inner.split('|').map(str::trim).collect();
    (!inner.chars().all(|letter| "-| :".contains(letter))).then_some(cells)
}

/// The line without what stands between backticks.
pub(crate) fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join(" ")
}

/// What stands between backticks.
pub(crate) fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_blocks_are_not_prose() {
        let lines: Vec<_> = prose("a\n```yaml\nb\n```\nc").collect();
        assert_eq!(lines, [(1, "a"), (5, "c")]);
    }

    #[test]
    fn rows_have_cells() {
        assert_eq!(cells("| `a` | b |"), Some(vec!["`a`", "b"]));
        assert_eq!(cells("|---|:-:|"), None);
        assert_eq!(cells("a | b"), None);
    }

    #[test]
    fn backticks_hold_code() {
        assert_eq!(without_code("say `task` not"), "say   not");
        assert_eq!(code("`a`, `b`").collect::<Vec<_>>(), ["a", "b"]);
    }
}
