//! Text from hosts made safe to show.
//!
//! Everything that a host, a program or a file said goes through [`clean`] before it reaches a terminal.

use runbook_model::outside_escapes;

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
pub fn clean(text: &str) -> String {
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

    proptest! {
        #![proptest_config(test_rules::cases(256))]

        #[test]
        fn clean_text_is_clean_and_stays_so(text in any::<String>()) {
            let once = clean(&text);
            prop_assert!(!once.chars().any(is_unsafe));
            prop_assert_eq!(clean(&once), once);
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
