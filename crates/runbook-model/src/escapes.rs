//! Escape sequences for terminals (ECMA-48) in what programs and files say: colours, titles, links. What belongs to one
//! is known by a library.

use anstyle_parse::{DefaultCharAccumulator, Parser, Perform};
use std::str::CharIndices;

const ESCAPE: u8 = 0x1b;
/// Printed where text is, and passed over within a sequence.
const ANY_TEXT: u8 = 0x7f;

/// The characters of `text` that are in no escape sequence, each with the byte at which it begins; other control characters are
/// among them, ESC is not. A sequence ends with its line at the latest: what is left open hides no more.
pub fn outside_escapes(text: &str) -> OutsideEscapes<'_> {
    OutsideEscapes { chars: text.char_indices(), parser: Parser::default() }
}

/// What [`outside_escapes`] returns.
#[derive(Clone, Debug)]
pub struct OutsideEscapes<'a> {
    chars: CharIndices<'a>,
    parser: Parser,
}

impl OutsideEscapes<'_> {
    /// Whether a sequence has begun and not ended.
    pub fn is_open(&self) -> bool {
        !is_shown(&mut self.parser.clone(), ANY_TEXT)
    }
}

impl Iterator for OutsideEscapes<'_> {
    type Item = (usize, char);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (at, c) = self.chars.next()?;
            let shown = match c {
                '\n' => {
                    self.parser = Parser::default();
                    true
                }
                // Each of these is ESC and another character in one (ECMA-48, 5.3).
                '\u{90}' | '\u{98}' | '\u{9b}'..='\u{9f}' => {
                    let second = u8::try_from(u32::from(c) - 0x40).unwrap_or(ANY_TEXT);
                    is_shown(&mut self.parser, ESCAPE);
                    is_shown(&mut self.parser, second)
                }
                c => is_shown(&mut self.parser, u8::try_from(c).ok().filter(u8::is_ascii).unwrap_or(ANY_TEXT)),
            };
            if shown {
                return Some((at, c));
            }
        }
    }
}

fn is_shown(parser: &mut Parser<DefaultCharAccumulator>, byte: u8) -> bool {
    let mut seen = Seen(false);
    parser.advance(&mut seen, byte);
    seen.0
}

/// Whether the byte was text or a control character of its own.
struct Seen(bool);

impl Perform for Seen {
    fn print(&mut self, _: char) {
        self.0 = true;
    }

    fn execute(&mut self, _: u8) {
        self.0 = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        outside_escapes(text).map(|(_, c)| c).collect()
    }

    #[test]
    fn sequences_of_every_form_vanish() {
        for (text, left) in [
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}text", "text"),
            ("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}P1$r0;日本\u{1b}\\device", "device"),
            ("\u{1b}^private\u{1b}\\\u{1b}_program\u{1b}\\text", "text"),
            ("\u{1b}(Bcharset", "charset"),
            ("\u{9b}2Jone \u{9d}0;title\u{9c}byte", "one byte"),
            ("\u{90}✓ ✐\u{9c}Ü", "Ü"),
            ("open \u{1b}[31\nnext", "open \nnext"),
            ("open \u{1b}]0;title\nnext", "open \nnext"),
            ("open \u{1b}", "open "),
            ("bell\u{7} tab\t del\u{7f} nel\u{85}", "bell\u{7} tab\t del\u{7f} nel\u{85}"),
            ("naïve 日本", "naïve 日本"),
        ] {
            assert_eq!(shown(text), left, "{text:?}");
        }
    }

    #[test]
    fn what_is_left_open_is_known() {
        for (text, open) in
            [("a", false), ("\u{1b}[1m", false), ("\u{1b}[1", true), ("\u{1b}]0;é", true), ("\u{1b}^é", true)]
        {
            let mut outside = outside_escapes(text);
            outside.by_ref().for_each(drop);
            assert_eq!(outside.is_open(), open, "{text:?}");
        }
    }

    proptest! {
        #![proptest_config(test_rules::cases(256))]

        #[test]
        fn no_escape_passes_and_places_are_right(text in "[\u{1b}\u{9b}\u{9d}\u{9c}\\[\\]\\\\;Pm07aé✓\n\u{7}]{0,24}") {
            for (at, c) in outside_escapes(&text) {
                prop_assert!(text[at..].starts_with(c));
                let acts = matches!(c, '\u{1b}' | '\u{90}' | '\u{98}' | '\u{9b}'..='\u{9f}');
                prop_assert!(!acts);
            }
            prop_assert_eq!(shown(&shown(&text)), shown(&text));
        }
    }
}
