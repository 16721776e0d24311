//! Text from hosts made safe to show, and text laid out in columns.
//!
//! Everything that a host, a program or a file said goes through [`clean`] before it reaches a terminal.

use runbook_model::outside_escapes;
use unicode_width::UnicodeWidthChar;

/// No single piece of host text is shown with more characters than this; the journal has all of it.
const LONGEST: usize = 4000;

/// Whether `c` would act on a terminal instead of being shown: C0 and C1 controls, characters that turn the
/// direction of text, and characters that cannot be seen.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// `text` as one line without anything that acts on a terminal. Colour and other escape sequences vanish, line
/// ends and tabs become spaces, every other control character is shown as `\x07`.
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::new();
    let mut chars = outside_escapes(text).map(|(_, c)| c).peekable();
    let mut shown = 0;
    while let Some(c) = chars.next() {
        if shown == LONGEST {
            out.push('…');
            break;
        }
        shown += 1;
        match c {
            '\n' | '\t' => out.push(' '),
            '\r' if chars.peek() == Some(&'\n') => {}
            c if is_unsafe(c) => out.push_str(&visible(c)),
            c => out.push(c),
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// The lines of `text`, each [`clean`].
pub(crate) fn clean_lines(text: &str) -> Vec<String> {
    text.lines().map(clean).collect()
}

/// How a control character is shown.
pub(crate) fn visible(c: char) -> String {
    match u32::from(c) {
        code @ 0..=0xff => format!("\\x{code:02x}"),
        code => format!("\\u{{{code:x}}}"),
    }
}

/// The columns that `c` takes.
pub(crate) fn char_width(c: char) -> usize {
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

/// JSON text in which the characters that act on terminals are escaped; it reads back to the same value.
pub(crate) fn safe_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_unsafe(c) && c != '\n' {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_that_acts_on_a_terminal_passes() {
        for (raw, safe) in [
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}text", "text"),
            ("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{9b}2Jgone", "gone"),
            ("\u{1b}(Bcharset", "charset"),
            ("\u{1b}Pdevice\u{1b}\\text", "text"),
            ("\u{1b}]0;hides its line\nand no other", " and no other"),
            ("bell\u{7}", "bell\\x07"),
            ("over\rwritten", "over\\x0dwritten"),
            ("a\tb\r\nc\n", "a b c"),
            ("user\u{202e}txt.exe", "user\\u{202e}txt.exe"),
            ("unfinished \u{1b}[31", "unfinished"),
            ("naïve 日本", "naïve 日本"),
        ] {
            assert_eq!(clean(raw), safe, "{raw:?}");
        }
    }

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
        fn clean_text_is_clean_and_stays_so(text in any::<String>()) {
            let once = clean(&text);
            prop_assert!(!once.chars().any(is_unsafe));
            prop_assert_eq!(clean(&once), once);
        }

        #[test]
        fn nothing_is_wider_than_asked(text in any::<String>(), columns in 2usize..60) {
            let text = clean(&text);
            prop_assert!(width(&cut(&text, columns)) <= columns);
            prop_assert!(wrap(&text, columns).iter().all(|line| width(line) <= columns));
            let no_code = text.replace('`', "'");
            prop_assert_eq!(wrap_around_code(&no_code, columns), wrap(&no_code, columns));
        }

        #[test]
        fn safe_json_reads_back(text in any::<String>()) {
            let json = serde_json::to_string(&text).unwrap();
            let safe = safe_json(&json);
            prop_assert!(!safe.chars().any(is_unsafe));
            prop_assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), text);
        }
    }
}
