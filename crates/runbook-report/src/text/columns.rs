//! Text laid out in columns, as terminals count them.

use unicode_width::UnicodeWidthChar;

/// The columns that `c` takes.
fn char_width(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// The columns that clean `text` takes.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// `text` filled with spaces to `columns`.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

/// `text` cut to at most `columns`, with a sign that something is missing.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += char_width(c);
        if used > columns {
            break;
        }
        out.push(c);
    }
    out.truncate(out.trim_end().len());
    out.push('…');
    out
}

/// `text` broken between words into lines of at most `columns`; words that are longer are broken anywhere.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    fill(text, text.trim_start_matches(' ').split(' ').map(|word| (word, false)), columns)
}

/// The same, but what stands between two backticks is one word, and is never broken: it has to be copied.
pub(crate) fn wrap_around_code(text: &str, columns: usize) -> Vec<String> {
    let mut words = Vec::new();
    let (mut from, mut code, mut has_code) = (0, false, false);
    let body = text.trim_start_matches(' ');
    for (at, c) in body.char_indices() {
        match c {
            '`' => {
                code = !code && body[at + 1..].contains('`');
                has_code |= code;
            }
            ' ' if !code => {
                words.push((&body[from..at], has_code));
                (from, has_code) = (at + 1, false);
            }
            _ => {}
        }
    }
    words.push((&body[from..], has_code));
    fill(text, words, columns)
}

/// `words` of `text` in lines; those with `true` are never broken.
fn fill<'a>(text: &str, words: impl IntoIterator<Item = (&'a str, bool)>, columns: usize) -> Vec<String> {
    let columns = columns.max(2);
    // Indentation says something in a stack trace, so the first line keeps it.
    let indent = (text.len() - text.trim_start_matches(' ').len()).min(columns / 2);
    let mut lines = vec![" ".repeat(indent)];
    let mut used = indent;
    let mut begun = false;
    for (word, whole) in words {
        let wide = width(word);
        if begun && used + 1 + wide > columns {
            lines.push(String::new());
            used = 0;
            begun = false;
        }
        let Some(line) = lines.last_mut() else { break };
        if begun {
            line.push(' ');
            used += 1;
        }
        if whole || used + wide <= columns {
            line.push_str(word);
            used += wide;
        } else {
            used = break_word(word, columns, used, &mut lines);
        }
        begun = true;
    }
    lines
}

/// So much of a digest as is printed.
pub(crate) fn short(digest: &str) -> &str {
    digest.char_indices().nth(7).map_or(digest, |(end, _)| &digest[..end])
}

/// `lines`, the first behind `lead`, the others `indent` columns in.
pub(crate) fn hang(lead: &str, indent: usize, lines: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut out = String::new();
    for (nth, line) in lines.into_iter().enumerate() {
        let line =
            if nth == 0 { format!("{lead}{}", line.as_ref()) } else { format!("{:indent$}{}", "", line.as_ref()) };
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Appends `word` to the last line, of which `used` columns are taken, and as many more as it takes; returns the
/// columns of the last one.
fn break_word(word: &str, columns: usize, mut used: usize, lines: &mut Vec<String>) -> usize {
    for c in word.chars() {
        if used + char_width(c) > columns {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            line.push(c);
        }
        used += char_width(c);
    }
    used
}

/// `text` without characters above 0x7f, in the same columns.
pub(crate) fn to_ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\0'..='\u{7f}' => out.push(c),
            '…' => out.push('~'),
            '·' | '–' | '─' => out.push('-'),
            '×' => out.push('x'),
            '→' => out.push('>'),
            _ => out.push_str(&"?".repeat(char_width(c))),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::clean;
    use proptest::prelude::*;

    #[test]
    fn columns_are_counted_as_terminals_do() {
        assert_eq!(width("日本e\u{301}"), 5);
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(pad("日", 4), "日  ");
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("  at f (x.js)", 9), ["  at f", "(x.js)"]);
        assert_eq!(wrap_around_code("see `a b c`, or d e` f", 7), ["see", "`a b c`,", "or d e`", "f"]);
    }

    proptest! {
        #![proptest_config(test_rules::cases(256))]

        #[test]
        fn nothing_is_wider_than_asked(text in any::<String>(), columns in 2usize..60) {
            let text = clean(&text);
            prop_assert!(width(&cut(&text, columns)) <= columns);
            prop_assert!(wrap(&text, columns).iter().all(|line| width(line) <= columns));
            let no_code = text.replace('`', "'");
            prop_assert_eq!(wrap_around_code(&no_code, columns), wrap(&no_code, columns));
        }
    }
}
